/**
 * The layers: a file's path says what it may import. Imports point one way:
 *
 *   shared ← engine ← store, jobtypes, files, security, notify ← api ← manager.ts ← cli, headless.ts, desktop, index.ts
 *
 * docker imports shared only, worker docker besides; they reach a manager over HTTP.
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

const SHARED = '^src/shared/'
const ENGINE = `${MAIN}engine/`
const SERVICES = `${MAIN}(store|jobtypes|files|security|notify)/`
const API = `${MAIN}api/`
const MANAGER = `${MAIN}manager\\.ts$`
const SYSTEM = `${MAIN}system/`
const WORKER = `${MAIN}worker/`
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
    layer('shared', SHARED, []),
    layer('engine', ENGINE, [SHARED]),
    layer('system', SYSTEM, []),
    layer('services', SERVICES, [SHARED, SYSTEM, ENGINE]),
    layer('api', API, [SHARED, ENGINE, SERVICES]),
    layer('manager', MANAGER, [SHARED, SYSTEM, ENGINE, SERVICES, API]),
    layer('docker', DOCKER, [SHARED]),
    layer('worker', WORKER, [SHARED, SYSTEM, DOCKER]),
    // Entries start a manager or a worker; a backup reads the database as the store does.
    layer('cli', CLI, [SHARED, SYSTEM, MANAGER, WORKER, `${MAIN}store/(connection|backup)\\.ts$`]),
    layer('desktop', DESKTOP, [SHARED, MANAGER, WORKER, CLI]),
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
    { name: 'resolvable', severity: 'error', from: { path: '^src/' }, to: { couldNotResolve: true } },
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
