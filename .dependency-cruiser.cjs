/**
 * The layers: a file's path says what it may import. Imports point one way:
 *
 *   shared ← engine ← logs ← store ← jobtypes, files, security, notify ← http ← dialects ← manager.ts ← cli, headless.ts, desktop, index.ts
 *
 * Inside the engine: base ← rules ← compile ← queue, jobs, workers, schedules ← farm.ts. Rules are pure.
 * Dialects never import each other; neither do the folders of the worker's commands.
 * docker and discovery import shared only, worker both besides; they reach a manager over HTTP.
 * pictures judges rendered files for manager and worker. demo is the built-in ray tracer.
 * system is what any of them needs of the operating system beyond Node's own.
 * The renderer imports shared only. Electron is imported in desktop, index.ts and preload only.
 */
const MAIN = '^src/main/'

/** A rule: files under `from` may import nothing of ours but what lies under one of `may`. */
function layer(name, from, may) {
  return {
    name: `layer-${name}`,
    severity: 'error',
    from: { path: from },
    to: { path: '^src/', pathNot: [from, ...may] },
  }
}

/** A rule: the folders right under `parent` never import each other. */
function apart(name, parent, but = []) {
  return {
    name: `apart-${name}`,
    severity: 'error',
    from: { path: `${parent}([^/]+)/` },
    to: { path: `${parent}[^/]+/`, pathNot: [`${parent}$1/`, ...but] },
  }
}

const SHARED = '^src/shared/'
const ENGINE = `${MAIN}engine/`
const BASE = `${ENGINE}base/`
const RULES = `${ENGINE}rules/`
const PICTURES = `${MAIN}pictures/`
const LOGS = `${MAIN}logs/`
const STORE = `${MAIN}store/`
const SERVICES = `${MAIN}(jobtypes|files|security|notify)/`
const HTTP = `${MAIN}http/`
const DIALECTS = `${MAIN}dialects/`
const MANAGER = `${MAIN}(manager|announceFarm)\\.ts$`
const SYSTEM = `${MAIN}system/`
const DEMO = `${MAIN}demo/`
const WORKER = `${MAIN}worker/`
const DISCOVERY = `${MAIN}discovery/`
const DOCKER = `${MAIN}docker/`
const CLI = `${MAIN}(cli/|headless\\.ts$)`
const DESKTOP = `${MAIN}(desktop/|index\\.ts$)`
const PRELOAD = '^src/preload/'
const RENDERER = '^src/renderer/'

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Types may point back at each other inside a folder; running code may not.',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'shared-is-pure', severity: 'error', from: { path: SHARED }, to: { dependencyTypes: ['core'] } },
    { name: 'rules-are-pure', severity: 'error', from: { path: RULES }, to: { dependencyTypes: ['core'] } },
    layer('shared', SHARED, []),
    layer('engine', ENGINE, [SHARED]),
    layer('engine-base', BASE, [SHARED]),
    layer('engine-rules', RULES, [SHARED, BASE]),
    layer('engine-compile', `${ENGINE}compile/`, [SHARED, BASE, RULES]),
    layer('system', SYSTEM, []),
    layer('pictures', PICTURES, [SHARED, SYSTEM]),
    layer('demo', DEMO, [SHARED, SYSTEM]),
    layer('logs', LOGS, [SHARED, SYSTEM, ENGINE, `${STORE}connection\\.ts$`]),
    layer('store', STORE, [SHARED, SYSTEM, ENGINE, LOGS]),
    layer('services', SERVICES, [SHARED, SYSTEM, PICTURES, ENGINE, LOGS, STORE]),
    layer('http', HTTP, [SHARED, SYSTEM, PICTURES, ENGINE, LOGS, STORE, SERVICES]),
    layer('dialects', DIALECTS, [SHARED, SYSTEM, PICTURES, ENGINE, LOGS, STORE, SERVICES, HTTP]),
    apart('dialects', DIALECTS),
    layer('manager', MANAGER, [SHARED, SYSTEM, PICTURES, ENGINE, LOGS, STORE, SERVICES, HTTP, DIALECTS, DISCOVERY]),
    layer('docker', DOCKER, [SHARED]),
    layer('discovery', DISCOVERY, [SHARED]),
    layer('worker', WORKER, [SHARED, SYSTEM, PICTURES, DOCKER, DEMO, DISCOVERY]),
    apart('commands', `${WORKER}commands/`),
    // Entries start a manager or a worker; a backup reads the database as the store does.
    layer('cli', CLI, [
      SHARED,
      SYSTEM,
      MANAGER,
      WORKER,
      DISCOVERY,
      `${STORE}(connection|backup/(?:backup|newFolder)|folderLock|guard/\\w+)\\.ts$`,
    ]),
    layer('desktop', DESKTOP, [SHARED, SYSTEM, MANAGER, WORKER, DISCOVERY, CLI]),
    layer('preload', PRELOAD, [SHARED]),
    layer('renderer', RENDERER, [SHARED]),
    {
      name: 'electron-stays-in-the-shell',
      severity: 'error',
      comment: "Under plain Node `import 'electron'` starts a download.",
      from: { path: '^src/', pathNot: [DESKTOP, PRELOAD] },
      to: { path: '(^|/)node_modules/electron(/|$)' },
    },
    { name: 'not-to-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^(test|scripts)/' } },
    // What a plugin of Vite makes is no file.
    { name: 'resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true, pathNot: '^virtual:' } },
    {
      name: 'server-packages-are-dependencies',
      severity: 'error',
      comment: 'What the main process imports must be there in an installation without development packages.',
      from: { path: `^src/(main|shared)/`, pathNot: [DESKTOP] },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: ['node_modules/@types/'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.vue', '.json', '.sql'],
    },
  },
}
