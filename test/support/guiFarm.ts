/** A whole farm for browser tests: the built manager and workers as processes, and a real Chromium. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright'

const program = join(import.meta.dirname, '../../bin/framehouse.js')

export interface GuiFarm {
  url: string
  dataDir: string
  /** The first token of a farm that trusts no client. */
  ownerToken(): Promise<string>
  /** `args`: further options of its command line; `path`: a folder of programs that it finds first. */
  addWorker(name: string, more?: { args?: readonly string[]; path?: string }): void
  api<T>(method: string, path: string, body?: unknown): Promise<T>
  stop(): Promise<void>
}

/** `trust`: callers on this machine are the owner, and workers need no approval. */
export async function startGuiFarm(trust: boolean): Promise<GuiFarm> {
  const dataDir = await mkdtemp(join(tmpdir(), 'framehouse-gui-'))
  const children: ChildProcess[] = []
  const run = (args: string[], path?: string): ChildProcess => {
    const env = path === undefined ? process.env : { ...process.env, PATH: `${path}${delimiter}${process.env['PATH'] ?? ''}` }
    const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    children.push(child)
    return child
  }
  const manager = run(['manager', '--data', dataDir, '--listen', '127.0.0.1:0', ...(trust ? ['--trust-loopback'] : [])])
  const url = await new Promise<string>((resolve, reject) => {
    let text = ''
    const hear = (chunk: Buffer) => {
      text += chunk.toString()
      const match = /http:\/\/127\.0\.0\.1:\d+/.exec(text)
      if (match) resolve(match[0])
    }
    manager.stdout?.on('data', hear)
    manager.stderr?.on('data', hear)
    manager.once('exit', (code) => reject(new Error(`the manager ended with ${code}:\n${text}`)))
  })
  return {
    url,
    dataDir,
    ownerToken: async () => (await readFile(join(dataDir, 'owner-token'), 'utf8')).trim(),
    addWorker: (name, { args = [], path } = {}) =>
      void run(['worker', '--manager', url, '--data', join(dataDir, 'workers', name), `--name=${name}`, ...args], path),
    async api<T>(method: string, path: string, body?: unknown): Promise<T> {
      const reply = await fetch(`${url}/api/v1${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${await reply.text()}`)
      // The test knows what it asked for.
      return (await reply.json()) as T
    },
    async stop() {
      for (const child of children.toReversed()) {
        const ended = new Promise((resolve) => (child.exitCode === null ? child.once('exit', resolve) : resolve(null)))
        child.kill('SIGTERM')
        const force = setTimeout(() => child.kill('SIGKILL'), 8000)
        await ended
        clearTimeout(force)
      }
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] })
}

/** A page whose errors fail the test that looks at `problems`. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'en-GB', colorScheme: 'dark', ...options })
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(`${message.text()} ${message.location().url}`))
  page.setDefaultTimeout(30_000)
  return { page, problems }
}
