/**
 * The job-type sandbox as seen from the main thread: requests one after the other in one thread, and in a second one while a
 * script keeps the first busy, so that one that never ends does not hold up what others submit.
 */
import type { CompiledJob } from '../engine/compiledJob.ts'
import type { Logger } from '../engine/logger.ts'
import type { CompileInput, FileTable, RunLimits, ThreadReply } from './protocol.ts'
import { SandboxError, SandboxThread, type Waiting } from './sandboxThread.ts'

export { SandboxError } from './sandboxThread.ts'

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
  /** For how long a request waits for the first thread before the second one takes it. */
  patienceMs?: number
}

export interface Sandbox {
  /** Replaces the files that scripts are made of. */
  setFiles(files: FileTable): void
  /** JOB_TYPE of the script with this key. @throws SandboxError */
  describe(file: string): Promise<unknown>
  /** @throws SandboxError */
  compile(file: string, input: CompileInput): Promise<CompiledJob>
  /** Ends the threads; what waits is refused. */
  stop(): Promise<void>
}

const MB = 1_048_576
const DESCRIBE_LIMITS: RunLimits = { timeMs: 5_000 }
/** 100,000 tasks take one or two seconds and 100 MB; a busy machine may need several times as long. */
const COMPILE_LIMITS: RunLimits = { timeMs: 60_000 }
const MEMORY_BYTES = 1_536 * MB
const GRACE_MS = 5_000
/** Any shipped script is done by then. */
const PATIENCE_MS = 2_000
/** The second thread is ended when nobody needed it for so long. */
const SPARE_MS = 60_000

type Work = { op: 'describe'; file: string } | { op: 'compile'; file: string; input: CompileInput }

/** Starts no thread until there is work. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { graceMs = GRACE_MS, patienceMs = PATIENCE_MS, memoryBytes = MEMORY_BYTES } = options
  const limits = { describe: options.describeLimits ?? DESCRIBE_LIMITS, compile: options.compileLimits ?? COMPILE_LIMITS }
  const queue: Waiting[] = []
  let files: FileTable = new Map()
  let nextId = 1
  let stopped = false
  /** When the first thread got what it does. */
  let firstSince = 0
  let impatience: NodeJS.Timeout | undefined
  let rest: NodeJS.Timeout | undefined

  const first = new SandboxThread({ ...options, memoryBytes, graceMs, files: () => files, onFree: next })
  const spare = new SandboxThread({ ...options, memoryBytes, graceMs, files: () => files, onFree: spareIsFree })

  function next(): void {
    if (!first.isBusy && give(first)) firstSince = performance.now()
    clearTimeout(impatience)
    if (queue.length > 0 && !spare.isBusy) impatience = setTimeout(helpOut, Math.max(0, firstSince + patienceMs - performance.now()))
  }

  function helpOut(): void {
    clearTimeout(rest)
    give(spare)
  }

  function spareIsFree(): void {
    rest = setTimeout(() => void spare.stop(), SPARE_MS).unref()
    next()
  }

  function give(thread: SandboxThread): boolean {
    const waiting = queue.shift()
    if (waiting) thread.give(waiting)
    return waiting !== undefined
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
      first.filesChanged()
      spare.filesChanged()
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
      clearTimeout(impatience)
      clearTimeout(rest)
      for (const { reject } of queue.splice(0)) reject(new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' }))
      await Promise.all([first.stop(), spare.stop()])
    },
  }
}
