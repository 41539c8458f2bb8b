/**
 * One application that stays open: its process, and its output, which goes to the task that it works for at the moment.
 * Two pipes of its own beside the usual ones carry what is said to it and what it answers, so that its log stays its log.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import type { ExecLimits, ProcessLedger } from '../commands/types.ts'
import { CouldNotStartError } from '../commands/types.ts'
import { jobEnvironment } from '../tools/environment.ts'
import { LineSplitter } from '../tools/lines.ts'
import { applyLimits } from '../tools/limits.ts'
import { spawnOptions, spawnProgram, type OutputStream } from '../tools/process.ts'
import { COOKIE, killTree } from '../tools/processTree.ts'

export interface ApplicationRequest {
  readonly exe: string
  readonly args: readonly string[]
  /** Must stay for as long as the application is open: not the folder of one attempt. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Two more pipes, as descriptors 3 (to it) and 4 (from it). Otherwise it reads what is said to it from its stdin. */
  readonly ownPipes: boolean
}

export interface ApplicationDeps {
  readonly processes: ProcessLedger
  readonly limits: ExecLimits
}

/** Gets whole lines of one stream, in order. The pipe is not read on before the promise that it may return resolves. */
export type LinesListener = (lines: readonly string[], stream: OutputStream | 'replies') => Promise<void> | undefined

/** After a polite signal it has this long to end by itself. */
const CLOSE_GRACE_MS = 2_000

export class Application {
  /** How it ended, in words, once it has: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>
  hasEnded = false
  /** Who gets its output now. Lines that nobody waits for are dropped: between two tasks it has nothing to say. */
  listener: LinesListener | undefined

  private constructor(
    private readonly child: ChildProcess,
    readonly pid: number,
    private readonly cookie: string,
    private readonly requests: Writable,
    pipes: readonly (readonly [Readable | null, OutputStream | 'replies'])[],
    deps: ApplicationDeps,
  ) {
    deps.processes.started(cookie, pid)
    void applyLimits(pid, deps.limits)
    // It may close its end before we do.
    requests.on('error', () => undefined)
    const read = Promise.all(pipes.flatMap(([pipe, stream]) => (pipe === null ? [] : [this.pump(pipe, stream)])))
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.hasEnded = true
        deps.processes.ended(cookie)
        // What it said last is worth reading, but a child of its own may hold the pipes for ever.
        const settle = () => resolve(code === null ? `signal ${signal ?? 'unknown'}` : `exit code ${code}`)
        const timer = setTimeout(settle, CLOSE_GRACE_MS)
        void read.finally(() => {
          clearTimeout(timer)
          settle()
        })
      })
    })
  }

  /** @throws CouldNotStartError */
  static async start(request: ApplicationRequest, deps: ApplicationDeps): Promise<Application> {
    const { exe, args, cwd, ownPipes } = request
    const cookie = randomUUID()
    const env = jobEnvironment(process.env, { ...request.env, [COOKIE]: cookie })
    deps.processes.starting(cookie)
    const child = await spawnProgram(exe, cwd, () =>
      spawn(exe, args, {
        ...spawnOptions(cwd, env),
        stdio: ownPipes ? ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'],
      }),
    ).catch((error: unknown) => {
      deps.processes.ended(cookie)
      throw error
    })
    // Descriptors 3 and 4 are sockets or pipes, readable and writable as far as this side knows.
    const requests = ownPipes ? (child.stdio[3] as Writable | null) : child.stdin
    const replies = ownPipes ? (child.stdio[4] as Readable | null) : null
    if (child.pid === undefined || requests === null) throw new CouldNotStartError(`could not start "${exe}": it has no process id`)
    const pipes = [[child.stdout, 'stdout'] as const, [child.stderr, 'stderr'] as const, [replies, 'replies'] as const]
    return new Application(child, child.pid, cookie, requests, pipes, deps)
  }

  say(line: string): void {
    if (!this.requests.destroyed) this.requests.write(`${line}\n`)
  }

  /** Ends it and all it started: by itself when it may (`goodbye`: a last line to say), else by force. Resolves when it is gone. */
  async close(goodbye?: string): Promise<void> {
    if (goodbye !== undefined) this.say(goodbye)
    this.requests.end()
    if (!this.hasEnded && goodbye !== undefined) await Promise.race([this.ended, soon()])
    await killTree(this.pid, { graceMs: goodbye === undefined ? 0 : CLOSE_GRACE_MS, cookie: this.cookie })
    this.child.stdout?.destroy()
    this.child.stderr?.destroy()
    // Collected by now, or held by the kernel.
    if (!this.hasEnded) await Promise.race([this.ended, soon()])
  }

  private async pump(pipe: Readable, stream: OutputStream | 'replies'): Promise<void> {
    const splitter = new LineSplitter(stream === 'replies' ? MAX_REPLY_BYTES : undefined)
    const deliver = (lines: readonly string[]) => (lines.length === 0 ? undefined : this.listener?.(lines, stream))
    try {
      for await (const chunk of pipe) {
        const room = deliver(splitter.push(chunk as Buffer)) // No encoding is set, so chunks are Buffers.
        if (room !== undefined) await room
      }
    } catch {
      // The pipe was closed because the application is being ended.
    }
    void deliver(splitter.flush())
  }
}

/** One reply names all files of a scene. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024

function soon(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, CLOSE_GRACE_MS).unref()
  })
}
