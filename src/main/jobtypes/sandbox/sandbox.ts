/**
 * The job-type sandbox on the main thread: processes requests one after the other in one thread, and in a second one
 * while a script keeps the first busy, so that a script that never ends does not delay other submissions.
 */
import type { CompiledJob } from '../../engine/base/compiledJob.ts'
import type { Logger } from '../../../shared/logger.ts'
import { FairQueue } from './fairQueue.ts'
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

/** For whom a script runs. */
export interface Submitter {
  /** Equal for all requests of one caller: scripts run in turns by caller. */
  readonly caller: string
  /** Aborts when the caller disconnects: a waiting request is dropped, a running one is ended. */
  readonly signal?: AbortSignal
}

export interface Sandbox {
  /** Replaces the files that scripts are made of. */
  setFiles(files: FileTable): void
  /** JOB_TYPE of the script with this key. @throws SandboxError */
  describe(file: string): Promise<unknown>
  /** @throws SandboxError */
  compile(file: string, input: CompileInput, who?: Submitter): Promise<CompiledJob>
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
/** The second thread ends after this much idle time. */
const SPARE_MS = 60_000

/** The farm's own work. */
const FARM: Submitter = { caller: '' }

function abandoned(): SandboxError {
  return new SandboxError({ kind: 'abandoned', text: 'the caller disconnected' })
}

type Work = { op: 'describe'; file: string } | { op: 'compile'; file: string; input: CompileInput }

/** Starts no thread until there is work. */
export function createSandbox(options: SandboxOptions): Sandbox {
  const { graceMs = GRACE_MS, patienceMs = PATIENCE_MS, memoryBytes = MEMORY_BYTES } = options
  const limits = { describe: options.describeLimits ?? DESCRIBE_LIMITS, compile: options.compileLimits ?? COMPILE_LIMITS }
  const queue = new FairQueue<Waiting>()
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
    if (!first.isBusy && give(first, spare.caller)) firstSince = performance.now()
    clearTimeout(impatience)
    if (queue.size > 0 && !spare.isBusy) impatience = setTimeout(helpOut, Math.max(0, firstSince + patienceMs - performance.now()))
  }

  function helpOut(): void {
    clearTimeout(rest)
    give(spare, first.caller)
  }

  function spareIsFree(): void {
    rest = setTimeout(() => void spare.stop(), SPARE_MS).unref()
    next()
  }

  /** One caller never occupies both threads: two slow scripts would delay all other callers. */
  function give(thread: SandboxThread, busyWith: string | undefined): boolean {
    const waiting = queue.next(busyWith === undefined || busyWith === FARM.caller ? undefined : new Set([busyWith]))
    if (waiting) thread.give(waiting)
    return waiting !== undefined
  }

  async function run(work: Work, { caller, signal }: Submitter): Promise<ThreadReply & { ok: true }> {
    if (stopped) throw new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' })
    if (signal?.aborted) throw abandoned()
    let leave = (): void => undefined
    try {
      return await new Promise((resolve, reject) => {
        const waiting: Waiting = { caller, request: { ...work, id: nextId++, limits: limits[work.op] }, resolve, reject }
        leave = () => {
          if (queue.remove(waiting)) reject(abandoned())
          first.abandon(waiting)
          spare.abandon(waiting)
        }
        signal?.addEventListener('abort', leave, { once: true })
        queue.add(waiting)
        next()
      })
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

  return {
    setFiles(changed) {
      files = changed
      first.filesChanged()
      spare.filesChanged()
    },
    async describe(file) {
      return (await run({ op: 'describe', file }, FARM)).description
    },
    async compile(file, input, who = FARM) {
      const { compiled, lines } = await run({ op: 'compile', file, input }, who)
      if (compiled === undefined) throw new Error('the job-type thread answered another question')
      return lines.length === 0 ? compiled : { ...compiled, printed: lines.map(({ text }) => text) }
    },
    async stop() {
      stopped = true
      clearTimeout(impatience)
      clearTimeout(rest)
      for (const { reject } of queue.clear()) reject(new SandboxError({ kind: 'unavailable', text: 'the farm is stopping' }))
      await Promise.all([first.stop(), spare.stop()])
    },
  }
}
