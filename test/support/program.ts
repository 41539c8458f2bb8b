/** The built program, as a person or script runs it: `framehouse …` in processes of their own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
export const PROGRAM = join(root, 'bin', 'framehouse.js')

/** Builds when a source changed since; `npm test` has done it already. */
export function ensureBuilt(): void {
  if (process.env['FRAMEHOUSE_BUILT']) return
  const run = spawnSync(process.execPath, [join(root, 'scripts', 'ensure-built.mjs')], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stderr)
}

export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
  out: string
  err: string
}

/** Environment without what would lead the program elsewhere. */
const cleanEnv = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith('FRAMEHOUSE_')))

/** A started `framehouse`. */
export class Program {
  out = ''
  err = ''
  readonly ended: Promise<Ended>
  private readonly waiting = new Set<() => void>()

  private constructor(readonly child: ChildProcess) {
    const collect = (name: 'out' | 'err') => (chunk: string) => {
      this[name] += chunk
      for (const look of [...this.waiting]) look()
    }
    child.stdout?.setEncoding('utf8').on('data', collect('out'))
    child.stderr?.setEncoding('utf8').on('data', collect('err'))
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, signal) => resolve({ code, signal, out: this.out, err: this.err }))
    })
  }

  static start(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Program {
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      cwd: options.cwd,
      env: { ...cleanEnv, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    return new Program(child)
  }

  /** The first match in what it prints; fails when it ends without one. */
  async prints(pattern: RegExp, where: 'out' | 'err' = 'out'): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this[where])
        if (!match) return
        this.waiting.delete(look)
        resolve(match)
      }
      this.waiting.add(look)
      look()
      void this.ended.then(({ code, signal, out, err }) => {
        look()
        reject(new Error(`ended with ${code ?? signal} before it printed ${pattern}:\n${out}\n${err}`))
      }, reject)
    })
  }

  /** Asks it to end, as a service manager does. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }
}

/** Runs a command to its end. */
export function framehouse(args: readonly string[], options: { env?: NodeJS.ProcessEnv; cwd?: string } = {}): Promise<Ended> {
  return Program.start(args, options).ended
}
