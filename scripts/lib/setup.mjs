// Makes a clone ready to run: packages installed, program built, each only when needed. Plain Node, no packages.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')
export const program = join(root, 'out', 'main', 'headless.js')

/** What setting up could not do, in words for the person in front of it. */
export class SetupError extends Error {}

/**
 * Installs packages when node_modules does not match package-lock.json, and builds when a source changed.
 * @param {(line: string) => void} say what is being done, one line a step
 * @throws {SetupError}
 */
export function setUp(say) {
  checkNode()
  ensurePackages(say)
  const fingerprint = fingerprintOfSources()
  if (!existsSync(program) || readOr('', join(root, 'out', '.fingerprint')) !== fingerprint) {
    say('Building …')
    build()
    writeFileSync(join(root, 'out', '.fingerprint'), fingerprint)
  }
}

/** Installs packages when node_modules does not match package-lock.json. @throws {SetupError} */
export function ensurePackages(say) {
  if (packagesAreCurrent()) return
  say('Installing packages (the first time takes a few minutes) …')
  installPackages()
}

/** @throws {SetupError} */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new SetupError(`Framehouse needs Node 20.19 or newer; this is ${process.version}.`)
}

/** Every package of the lock file is there in that version (npm keeps its own list of what it installed), and sqlite3 has its binary. */
export function packagesAreCurrent() {
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'))
  const wanted = readJson(join(root, 'package-lock.json'))
  if (!installed?.packages || !wanted?.packages) return false
  for (const [path, entry] of Object.entries(wanted.packages)) {
    if (path === '' || entry.link || entry.optional || entry.devOptional || entry.peer) continue
    if (installed.packages[path]?.version !== entry.version) return false
  }
  return findFile(join(root, 'node_modules', 'sqlite3', 'build'), '.node')
}

/** `npm ci`, with headers for node-gyp when they lie beside Node and cannot be downloaded. @throws {SetupError} */
export function installPackages() {
  refuseLink(join(root, 'node_modules'))
  const env = { ...process.env }
  const prefix = dirname(dirname(process.execPath))
  if (!env.npm_config_nodedir && existsSync(join(prefix, 'include', 'node', 'node.h'))) env.npm_config_nodedir = prefix
  const run = runNpm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], env)
  if (run.status === 0 && packagesAreCurrent()) return
  const compiler = findProgram(['c++', 'g++', 'clang++', 'cl.exe'])
  const make = findProgram(['make', 'gmake', 'msbuild.exe'])
  const python = findProgram(['python3', 'python', 'python.exe'])
  const lacking = [!compiler && 'a C++ compiler', !make && 'make', !python && 'Python 3'].filter(Boolean)
  const hint = lacking.length
    ? `\n\nsqlite3 is compiled where its prebuilt binary cannot be downloaded, and this machine lacks ${lacking.join(' and ')}.` +
      '\n  Debian, Ubuntu: apt-get install g++ make python3\n  macOS: xcode-select --install' +
      '\n  Windows: Visual Studio Build Tools with "Desktop development with C++"'
    : ''
  throw new SetupError(`npm ci failed.\n${run.output.trim()}${hint}`)
}

/** `npm ci` empties the folder first, and a linked one belongs to another checkout. @throws {SetupError} */
function refuseLink(folder) {
  if (!lstatSync(folder, { throwIfNoEntry: false })?.isSymbolicLink()) return
  throw new SetupError(`node_modules is a link to ${readlinkSync(folder)}, which does not match package-lock.json. Run npm ci there.`)
}

/** @throws {SetupError} */
export function build() {
  const run = runNpm(['run', '--silent', 'build'], process.env)
  if (run.status !== 0 || !existsSync(program)) throw new SetupError(`npm run build failed.\n${run.output.trim()}`)
  mkdirSync(join(root, 'out'), { recursive: true })
}

/** Changes whenever a file that the build reads was changed, added or removed. */
function fingerprintOfSources() {
  const hash = createHash('sha256')
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'electron.vite.config.ts', 'src']) {
    for (const file of filesUnder(join(root, name))) {
      const { size, mtimeMs } = statSync(file)
      hash.update(`${file}\0${size}\0${mtimeMs}\n`)
    }
  }
  return hash.digest('hex')
}

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path]
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

/** npm by its own script when npm started us (no shell needed on Windows), else from PATH. */
function runNpm(args, env) {
  const options = { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 * 1024 * 1024 }
  const run = env.npm_execpath?.endsWith('.js')
    ? spawnSync(process.execPath, [env.npm_execpath, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
  return { status: run.status ?? 1, output: run.error ? String(run.error) : `${run.stdout}${run.stderr}` }
}

/** The path of the first of these programs on PATH, or undefined. */
export function findProgram(names) {
  for (const name of names) {
    for (const folder of (process.env.PATH ?? '').split(delimiter)) {
      if (folder && existsSync(join(folder, name))) return join(folder, name)
    }
  }
  return undefined
}

function findFile(folder, ending) {
  return existsSync(folder) && readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((file) => file.endsWith(ending))
}

function readOr(fallback, file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : fallback
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
