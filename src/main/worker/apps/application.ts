/**
 * One warm application: its process, and its output, which goes to the task that it currently works for.
 * Two extra pipes carry requests and replies, so that its log remains its log.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import type { Readable, Writable } from 'node:stream'
import type { ExecLimits, ProcessLedger } from '../contract/commands.ts'
import { CouldNotStartError } from '../contract/commands.ts'
import { jobEnvironment } from '../tools/process/environment.ts'
import { LineSplitter, OutputText } from '../tools/process/lines.ts'
import { applyLimits } from '../tools/process/limits.ts'
import { spawnOptions, spawnProgram, type OutputStream } from '../tools/process/process.ts'
import { COOKIE, killTree } from '../tools/process/processTree.ts'

export interface ApplicationRequest {
  readonly exe: string
  readonly args: readonly string[]
  /** Must exist for as long as the application is open: not the folder of one attempt. */
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Two more pipes, as descriptors 3 (to it) and 4 (from it). Otherwise it reads requests from its stdin. */
  readonly ownPipes: boolean
}

export interface ApplicationDeps {
  readonly processes: ProcessLedger
  readonly limits: ExecLimits
}

/** Gets what it says, in order. */
export interface ApplicationListener {
  /** Text of `decodeRaw`, as it was written. The pipe is not read on before the promise that it may return resolves. */
  output(text: string, stream: OutputStream): Promise<void> | undefined
  /** Whole lines of its answers. */
  replies?(lines: readonly string[]): void
}

/** Grace period after a polite signal. */
const CLOSE_GRACE_MS = 2_000

export class Application {
  /** How it ended, as text, once it has: `exit code 1`, `signal SIGKILL`. */
  readonly ended: Promise<string>
  hasEnded = false
  /** The current receiver of its output. Without one, output is dropped: between two tasks it has nothing to report. */
  listener: ApplicationListener | undefined
  private readonly outputs = new Map<OutputStream, OutputText>()

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
    const read = Promise.all(
      pipes.flatMap(([pipe, stream]) => (pipe === null ? [] : [stream === 'replies' ? this.hear(pipe) : this.pump(pipe, stream)])),
    )
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.hasEnded = true
        deps.processes.ended(cookie)
        // Its last output is worth reading, but one of its children may hold the pipes indefinitely.
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
    // Descriptors 3 and 4 are sockets or pipes, which are readable and writable on this side.
    const requests = ownPipes ? (child.stdio[3] as Writable | null) : child.stdin
    const replies = ownPipes ? (child.stdio[4] as Readable | null) : null
    if (child.pid === undefined || requests === null) throw new CouldNotStartError(`could not start "${exe}": it has no process id`)
    const pipes = [[child.stdout, 'stdout'] as const, [child.stderr, 'stderr'] as const, [replies, 'replies'] as const]
    return new Application(child, child.pid, cookie, requests, pipes, deps)
  }

  say(line: string): void {
    if (!this.requests.destroyed) this.requests.write(`${line}\n`)
  }

  /** Ends it and all processes it started: politely when allowed (`goodbye`: a last line to send), else by force. Resolves when it is gone. */
  async close(goodbye?: string): Promise<void> {
    if (goodbye !== undefined) this.say(goodbye)
    this.requests.end()
    if (!this.hasEnded && goodbye !== undefined) await Promise.race([this.ended, soon()])
    await killTree(this.pid, { graceMs: goodbye === undefined ? 0 : CLOSE_GRACE_MS, cookie: this.cookie })
    this.child.stdout?.destroy()
    this.child.stderr?.destroy()
    // It has been reaped, or the kernel holds it.
    if (!this.hasEnded) await Promise.race([this.ended, soon()])
  }

  /** Passes on lines that it began and has not ended yet: what follows is another task's. */
  passOnRest(): void {
    for (const [stream, output] of this.outputs) {
      const text = output.flush()
      if (text !== '') void this.listener?.output(text, stream)
    }
  }

  private async pump(pipe: Readable, stream: OutputStream): Promise<void> {
    const output = new OutputText()
    this.outputs.set(stream, output)
    const deliver = (text: string) => (text === '' ? undefined : this.listener?.output(text, stream))
    try {
      for await (const chunk of pipe) {
        const room = deliver(output.push(chunk as Buffer)) // No encoding is set, so chunks are Buffers.
        if (room !== undefined) await room
      }
    } catch {
      // The pipe was closed because the application is being ended.
    }
    void deliver(output.flush())
  }

  private async hear(pipe: Readable): Promise<void> {
    const splitter = new LineSplitter(MAX_REPLY_BYTES)
    try {
      for await (const chunk of pipe) this.listener?.replies?.(splitter.push(chunk as Buffer)) // As above.
    } catch {
      // As above.
    }
    this.listener?.replies?.(splitter.flush())
  }
}

/** A single reply lists all files of a scene. */
const MAX_REPLY_BYTES = 16 * 1024 * 1024

function soon(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, CLOSE_GRACE_MS).unref()
  })
}
