/**
 * The real desktop program for tests: the installed Electron with the built program, or an old runtime (FRAMEHOUSE_ELECTRON names
 * one) with the same sources built for it by test/electron/old. Started through Playwright, in a display of its own.
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { _electron, type ElectronApplication, type Page } from 'playwright'
import { ensureBuilt } from './program.ts'

const root = join(import.meta.dirname, '..', '..')
const oldSources = join(root, 'test', 'electron', 'old')
const oldTree = join(root, '.framehouse', 'electron9')
const BUILD_PATIENCE_MS = 90_000
/** The first version whose Node runs the program as it is built. */
const FIRST_WITH_OUR_NODE = 35

export interface DesktopRuntime {
  path: string
  /** The manager runs on the system's Node, not in the main process. */
  old: boolean
  /** What it starts. */
  entry: string
}

/** Builds what the runtime at `path` runs, when that is not current. */
export function prepareRuntime(path: string): DesktopRuntime {
  const version = readFileSync(join(dirname(path), 'version'), 'utf8')
    .trim()
    .replace(/^v/, '')
  const old = Number(version.split('.')[0]) < FIRST_WITH_OUR_NODE
  ensureBuilt()
  if (old) inTurn(buildForOldRuntime)
  return { path, old, entry: old ? join(oldTree, 'out', 'main', 'shell.cjs') : root }
}

/** Test files run side by side, and each wants the build: one makes it while the others wait. */
function inTurn(build: () => void): void {
  const lock = `${oldTree}.lock`
  mkdirSync(dirname(lock), { recursive: true })
  const until = Date.now() + BUILD_PATIENCE_MS
  for (;;) {
    try {
      mkdirSync(lock)
      break
    } catch (error) {
      // Left by a run that was killed.
      if (Date.now() > until) rmSync(lock, { recursive: true, force: true })
      else if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
  }
  try {
    build()
  } finally {
    rmSync(lock, { recursive: true, force: true })
  }
}

function buildForOldRuntime(): void {
  const hash = createHash('sha256').update(readFileSync(join(root, 'out', '.fingerprint')))
  for (const file of readdirSync(oldSources).sort()) hash.update(readFileSync(join(oldSources, file)))
  const fingerprint = hash.digest('hex')
  const stamp = join(oldTree, 'fingerprint')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint) return
  rmSync(oldTree, { recursive: true, force: true })
  mkdirSync(join(oldTree, 'out'), { recursive: true })
  // The manager and the worker are the product's own; they serve the GUI that lies beside them.
  cpSync(join(root, 'out', 'main'), join(oldTree, 'out', 'main'), { recursive: true, filter: (from) => !from.endsWith('.map') })
  const program = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
  execFileSync(process.execPath, [program, 'build', '--logLevel', 'warn', '--config', join(oldSources, 'build.config.ts')], {
    cwd: root,
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  writeFileSync(stamp, fingerprint)
}

/** A screen of its own on Linux, where there is none or ours should not flicker; `stop` ends it. */
export async function openDisplay(): Promise<{ name: string | undefined; stop(): void }> {
  if (process.platform !== 'linux') return { name: undefined, stop: () => {} }
  const server = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1600x1000x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const number = await new Promise<string>((resolve, reject) => {
    let text = ''
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)))
    // The fourth of the streams above is a pipe.
    ;(server.stdio[3] as NodeJS.ReadableStream).on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (text.includes('\n')) resolve(text.trim())
    })
  })
  return { name: `:${number}`, stop: () => void server.kill('SIGTERM') }
}

export interface DesktopOptions {
  runtime: DesktopRuntime
  display: string | undefined
  /** Everything it keeps, and what it takes for the user's home. */
  home: string
  args?: readonly string[]
  /** A network namespace that it runs in. */
  namespace?: string
}

export interface DesktopApp {
  app: ElectronApplication
  page: Page
  process: ChildProcess
  /** The page's error messages; empty when all is well. */
  problems: string[]
  /** Resolves with the exit code when the program has ended. */
  ended: Promise<number | null>
  /** Asks it to end as the system does, and waits. */
  terminate(): Promise<number | null>
}

function argsOf({ runtime, home, args = [] }: DesktopOptions): string[] {
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return [...asRoot, '--disable-gpu', `--user-data-dir=${join(home, 'user-data')}`, runtime.entry, ...args]
}

function envOf({ display, home }: DesktopOptions): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [key, value] of Object.entries(process.env)) {
    if (value !== undefined && !key.startsWith('FRAMEHOUSE_') && !key.startsWith('NODE_') && !key.startsWith('VITEST')) env[key] = value
  }
  return {
    ...env,
    ...(display && { DISPLAY: display }),
    XDG_CONFIG_HOME: join(home, 'config'),
    FRAMEHOUSE_DATA: join(home, 'farm'),
    FRAMEHOUSE_NODE: process.execPath,
    ELECTRON_DISABLE_SECURITY_WARNINGS: '1',
  }
}

/** The old runtime sometimes crashes while the debugger attaches, before a line of ours has run: it gets another chance then. */
async function launch(options: DesktopOptions, triesLeft = 3): Promise<ElectronApplication> {
  try {
    const executablePath = options.namespace ? within(options.namespace, options) : options.runtime.path
    return await _electron.launch({ executablePath, args: argsOf(options), env: envOf(options), timeout: 60_000 })
  } catch (error) {
    if (!options.runtime.old || triesLeft === 0 || !String(error).includes('SIGSEGV')) throw error
    process.stderr.write('the old Electron crashed while it was launched, once more\n')
    return launch(options, triesLeft - 1)
  }
}

/** A program that starts the runtime in a network namespace: Playwright starts one file, and talks to the debugger of its process. */
function within(namespace: string, { runtime, home }: DesktopOptions): string {
  const file = join(home, 'electron-in-namespace')
  const helper = join(import.meta.dirname, 'electronInNamespace.mjs')
  writeFileSync(file, `#!/bin/sh\nexec ${process.execPath} ${helper} ${namespace} ${runtime.path} "$@"\n`, { mode: 0o755 })
  return file
}

export async function startDesktop(options: DesktopOptions): Promise<DesktopApp> {
  const { runtime } = options
  const app = await launch(options)
  const child = app.process()
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk.toString()))
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  const problems: string[] = []
  try {
    const page = await app.firstWindow({ timeout: 60_000 })
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => message.type() === 'error' && problems.push(`${message.text()} ${message.location().url}`))
    page.setDefaultTimeout(20_000)
    if (runtime.old) await teachOldPage(app, page)
    return {
      app,
      page,
      process: child,
      problems,
      ended,
      async terminate() {
        child.kill('SIGTERM')
        return ended
      },
    }
  } catch (error) {
    child.kill('SIGKILL')
    throw new Error(`${String(error)}\n${output.join('')}`)
  }
}

/** A second start with these arguments, while the first one runs: its exit code. */
export async function startAgain(options: DesktopOptions): Promise<number> {
  try {
    await promisify(execFile)(options.runtime.path, argsOf(options), { env: envOf(options), timeout: 30_000 })
    return 0
  } catch (error) {
    return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : -1
  }
}

/** What Playwright's own scripts need and Chromium 83 lacks, in every JavaScript world of the page. */
const POLYFILL = `(() => {
  const define = (target, name, value) => { if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true }) }
  define(Element.prototype, 'checkVisibility', function () {
    for (let e = this; e; e = e.parentElement) if (getComputedStyle(e).display === 'none') return false
    return this.isConnected
  })
  define(Array.prototype, 'at', function (i) { return this[i < 0 ? this.length + i : i] })
  define(String.prototype, 'replaceAll', function (from, to) {
    return typeof from === 'string' ? this.split(from).join(to) : this.replace(from, to)
  })
  define(Object, 'hasOwn', (object, key) => Object.prototype.hasOwnProperty.call(object, key))
})()`

async function teachOldPage(app: ElectronApplication, page: Page): Promise<void> {
  const session = await app.context().newCDPSession(page)
  session.on('Runtime.executionContextCreated', ({ context }) => {
    // A world that is gone again needs nothing.
    session.send('Runtime.evaluate', { expression: POLYFILL, contextId: context.id }).catch(() => {})
  })
  await session.send('Runtime.enable')
}

/** A home for one test; `remove` takes it away. */
export function makeHome(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'framehouse-desktop-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) }
}
