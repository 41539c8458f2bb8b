/**
 * One thread of the job-type sandbox, on the main thread: one request at a time, a hard limit beyond the script's own
 * one, and a new thread when the old one hangs, dies or is corrupt.
 */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { Logger } from '../../../shared/logger.ts'
import type { Turn } from './fairQueue.ts'
import type { FileTable, ScriptFailure, ThreadData, ThreadReady, ThreadReply, ThreadRequest } from './protocol.ts'

/** A script failed; `failure` has the reason for people. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  constructor(readonly failure: ScriptFailure) {
    super(failure.text)
  }
}

/** A request and its waiting caller. */
export interface Waiting extends Turn {
  request: Exclude<ThreadRequest, { op: 'files' }>
  resolve(reply: ThreadReply & { ok: true }): void
  reject(error: SandboxError): void
}

export interface SandboxThreadOptions {
  /** File of the thread: `thread.ts` from source, `jobtypeThread.js` in a bundle. */
  threadFile?: URL
  log: Logger
  /** What the interpreter may take. */
  memoryBytes: number
  /** What a script gets on top of its time before its thread is killed. */
  graceMs: number
  /** The files that scripts are made of, as they are now. */
  files(): FileTable
  /** A request was answered or refused: the next one may start. */
  onFree(): void
}

/** A thread that cannot run by then never will. */
const START_MS = 60_000
/** Memory of the thread beside the interpreter's: the compiled job. */
const THREAD_HEAP_MB = 2_048
/** Deep recursion in the interpreter takes more of the real stack than of its own. */
const THREAD_STACK_MB = 32

/** The thread's file beside this one: built as `jobtypeThread.js`, from source `thread.ts`. */
function defaultThreadFile(): URL {
  const built = new URL('./jobtypeThread.js', import.meta.url)
  return existsSync(built) ? built : new URL('./thread.ts', import.meta.url)
}

/** TypeScript needs its loader in the thread too, and a thread does not inherit it: then a few lines of JavaScript start it. */
function entryOf(threadFile: URL): URL {
  if (!threadFile.pathname.endsWith('.ts')) return threadFile
  const loader = import.meta.resolve('tsx/esm/api')
  const code = `import { register } from ${JSON.stringify(loader)}; register(); await import(${JSON.stringify(threadFile.href)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}

/** Starts no thread until there is work. */
export class SandboxThread {
  private readonly threadFile: URL
  private thread: Worker | undefined
  private running: Waiting | undefined
  private ready = false
  private killTimer: NodeJS.Timeout | undefined

  constructor(private readonly options: SandboxThreadOptions) {
    this.threadFile = options.threadFile ?? defaultThreadFile()
  }

  get isBusy(): boolean {
    return this.running !== undefined
  }

  /** Whose work it does. */
  get caller(): string | undefined {
    return this.running?.caller
  }

  /** Ends the work of a caller that disconnected, and the thread with it: a script cannot be interrupted from outside. */
  abandon(waiting: Waiting): void {
    if (this.running === waiting && this.thread !== undefined)
      this.fail({ kind: 'abandoned', text: 'the caller disconnected' }, this.thread)
  }

  /** Only while it is not busy. */
  give(waiting: Waiting): void {
    this.running = waiting
    this.thread ??= this.startThread()
    // The process must not end while a caller waits for an answer.
    this.thread.ref()
    this.watch()
    this.thread.postMessage(waiting.request)
  }

  filesChanged(): void {
    this.thread?.postMessage({ op: 'files', files: this.options.files() } satisfies ThreadRequest)
  }

  /** Ends the thread; what runs is refused. */
  async stop(): Promise<void> {
    const refused = this.settle()
    refused?.reject(new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' }))
    const old = this.thread
    this.thread = undefined
    this.ready = false
    await old?.terminate()
  }

  private startThread(): Worker {
    const env = process.env['TZ'] === undefined ? {} : { TZ: process.env['TZ'] }
    const started = new Worker(entryOf(this.threadFile), {
      name: 'job types',
      execArgv: [],
      env,
      workerData: { memoryBytes: this.options.memoryBytes } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB, stackSizeMb: THREAD_STACK_MB },
    })
    started.unref()
    started.on('message', (message: ThreadReply | ThreadReady) => {
      if ('ready' in message) this.becomeReady(started)
      else this.finish(started, message)
    })
    started.on('error', (error) => this.lose(started, `the job-type thread failed: ${error.message}`))
    started.on('exit', () => this.lose(started, 'the job-type thread ended'))
    started.postMessage({ op: 'files', files: this.options.files() } satisfies ThreadRequest)
    return started
  }

  /** A thread has its time to start, then a script its own and some more. */
  private watch(): void {
    clearTimeout(this.killTimer)
    if (this.running === undefined) return
    const { file, limits } = this.running.request
    const [text, ms] = this.ready
      ? [`the script took longer than ${limits.timeMs / 1000} s and was killed`, limits.timeMs + this.options.graceMs]
      : ['the job-type thread does not start', START_MS]
    this.killTimer = setTimeout(() => this.kill(text, file), ms)
  }

  private becomeReady(started: Worker): void {
    if (started !== this.thread) return
    this.ready = true
    this.watch()
  }

  private kill(text: string, file: string): void {
    if (this.thread === undefined) return
    this.options.log.warn({ file }, `job-type thread killed: ${text}`)
    this.fail({ kind: this.ready ? 'limit' : 'unavailable', text }, this.thread)
  }

  private lose(from: Worker, text: string): void {
    if (from === this.thread) this.fail({ kind: this.ready ? 'crash' : 'unavailable', text }, from)
  }

  /** Gives up the thread and what runs in it. */
  private fail(failure: ScriptFailure, from: Worker): void {
    this.thread = undefined
    this.ready = false
    void from.terminate()
    this.settle()?.reject(new SandboxError(failure))
    this.options.onFree()
  }

  private finish(from: Worker, reply: ThreadReply): void {
    if (from !== this.thread || this.running?.request.id !== reply.id) return
    for (const { level, text } of reply.lines) this.options.log[level]({ script: this.running.request.file }, text)
    const done = this.settle()
    if (reply.ok) done?.resolve(reply)
    else done?.reject(new SandboxError(reply.failure))
    this.options.onFree()
    if (!this.isBusy) from.unref()
  }

  private settle(): Waiting | undefined {
    clearTimeout(this.killTimer)
    const done = this.running
    this.running = undefined
    return done
  }
}
