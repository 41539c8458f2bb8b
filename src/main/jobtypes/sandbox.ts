/**
 * The job-type thread as seen from the main thread: requests one after the other, a hard limit beyond the script's own
 * one, and a new thread when the old one hangs, dies or broke.
 */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { CompiledJob } from '../engine/compiledJob.ts'
import type { Logger } from '../engine/logger.ts'
import type { CompileInput, FileTable, RunLimits, ScriptFailure, ThreadData, ThreadReady, ThreadReply, ThreadRequest } from './protocol.ts'

/** A script did not do its work; `failure` says why in words for people. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  constructor(readonly failure: ScriptFailure) {
    super(failure.text)
  }
}

export interface SandboxOptions {
  /** File of the thread: `thread.ts` from source, `jobtypeThread.js` in a bundle. */
  threadFile?: URL
  log: Logger
  describeLimits?: RunLimits
  compileLimits?: RunLimits
  /** What the interpreter may take. */
  memoryBytes?: number
  /** What a script gets on top of its time before its thread is killed. */
  graceMs?: number
}

export interface Sandbox {
  /** Replaces the files that scripts are made of. */
  setFiles(files: FileTable): void
  /** JOB_TYPE of the script with this key. @throws SandboxError */
  describe(file: string): Promise<unknown>
  /** @throws SandboxError */
  compile(file: string, input: CompileInput): Promise<CompiledJob>
  /** Ends the thread; what waits is refused. */
  stop(): Promise<void>
}

const MB = 1_048_576
const DESCRIBE_LIMITS: RunLimits = { timeMs: 5_000 }
/** 100,000 tasks take one or two seconds and 100 MB; a busy machine may need several times as long. */
const COMPILE_LIMITS: RunLimits = { timeMs: 60_000 }
const MEMORY_BYTES = 1_536 * MB
const GRACE_MS = 5_000
/** A thread that cannot run by then never will. */
const START_MS = 60_000
/** Memory of the thread beside the interpreter's: the compiled job. */
const THREAD_HEAP_MB = 2_048
/** Deep recursion in the interpreter takes more of the real stack than of its own. */
const THREAD_STACK_MB = 32

/** The thread's file beside this one: built as `jobtypeThread.js`, from source `thread.ts`. */
export function defaultThreadFile(): URL {
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

interface Waiting {
  request: Exclude<ThreadRequest, { op: 'files' }>
  resolve(reply: ThreadReply & { ok: true }): void
  reject(error: SandboxError): void
}

type Work = { op: 'describe'; file: string } | { op: 'compile'; file: string; input: CompileInput }

/** Starts no thread until there is work. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { log, graceMs = GRACE_MS } = options
  const limits = { describe: options.describeLimits ?? DESCRIBE_LIMITS, compile: options.compileLimits ?? COMPILE_LIMITS }
  const threadFile = options.threadFile ?? defaultThreadFile()
  const queue: Waiting[] = []
  let files: FileTable = new Map()
  let thread: Worker | undefined
  let running: Waiting | undefined
  let ready = false
  let killTimer: NodeJS.Timeout | undefined
  let nextId = 1
  let stopped = false

  function startThread(): Worker {
    const env = process.env['TZ'] === undefined ? {} : { TZ: process.env['TZ'] }
    const started = new Worker(entryOf(threadFile), {
      name: 'job types',
      execArgv: [],
      env,
      workerData: { memoryBytes: options.memoryBytes ?? MEMORY_BYTES } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: THREAD_HEAP_MB, stackSizeMb: THREAD_STACK_MB },
    })
    started.unref()
    started.on('message', (message: ThreadReply | ThreadReady) => {
      if ('ready' in message) becomeReady(started)
      else finish(started, message)
    })
    started.on('error', (error) => lose(started, `the job-type thread failed: ${error.message}`))
    started.on('exit', () => lose(started, 'the job-type thread ended'))
    started.postMessage({ op: 'files', files } satisfies ThreadRequest)
    return started
  }

  function next(): void {
    if (running !== undefined) return
    running = queue.shift()
    if (running === undefined) {
      thread?.unref()
      return
    }
    thread ??= startThread()
    // A process must not end while somebody waits for an answer.
    thread.ref()
    watch()
    thread.postMessage(running.request)
  }

  /** A thread has its time to start, then a script its own and some more. */
  function watch(): void {
    clearTimeout(killTimer)
    if (running === undefined) return
    const { file, limits } = running.request
    if (ready)
      killTimer = setTimeout(
        () => kill(`the script took longer than ${limits.timeMs / 1000} s and was killed`, file),
        limits.timeMs + graceMs,
      )
    else killTimer = setTimeout(() => kill('the job-type thread does not start', file), START_MS)
  }

  function becomeReady(started: Worker): void {
    if (started !== thread) return
    ready = true
    watch()
  }

  function kill(text: string, file: string): void {
    if (thread === undefined) return
    log.warn({ file }, `job-type thread killed: ${text}`)
    fail({ kind: ready ? 'limit' : 'unavailable', text }, thread)
  }

  function lose(from: Worker, text: string): void {
    if (from === thread) fail({ kind: ready ? 'crash' : 'unavailable', text }, from)
  }

  /** Gives up the thread and what runs in it. */
  function fail(failure: ScriptFailure, from: Worker): void {
    thread = undefined
    ready = false
    void from.terminate()
    settle()?.reject(new SandboxError(failure))
    next()
  }

  function finish(from: Worker, reply: ThreadReply): void {
    if (from !== thread || running?.request.id !== reply.id) return
    for (const { level, text } of reply.lines) log[level]({ script: running.request.file }, text)
    const done = settle()
    if (reply.ok) done?.resolve(reply)
    else done?.reject(new SandboxError(reply.failure))
    next()
  }

  function settle(): Waiting | undefined {
    clearTimeout(killTimer)
    const done = running
    running = undefined
    return done
  }

  function run(work: Work): Promise<ThreadReply & { ok: true }> {
    if (stopped) return Promise.reject(new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' }))
    return new Promise((resolve, reject) => {
      queue.push({ request: { ...work, id: nextId++, limits: limits[work.op] }, resolve, reject })
      next()
    })
  }

  return {
    setFiles(changed) {
      files = changed
      thread?.postMessage({ op: 'files', files } satisfies ThreadRequest)
    },
    async describe(file) {
      return (await run({ op: 'describe', file })).description
    },
    async compile(file, input) {
      const { compiled } = await run({ op: 'compile', file, input })
      if (compiled === undefined) throw new Error('the job-type thread answered another question')
      return compiled
    },
    async stop() {
      stopped = true
      const refused = [settle(), ...queue.splice(0)]
      for (const waiting of refused) waiting?.reject(new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' }))
      const old = thread
      thread = undefined
      await old?.terminate()
    },
  }
}
