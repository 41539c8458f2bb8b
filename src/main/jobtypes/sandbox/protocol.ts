/** The messages between the main thread and the job-type thread. All are structured-clonable. */
import type { CompiledJob } from '../../engine/base/compiledJob.ts'

/** Script files that `require` can reach, by key: `<folder number>/<path inside it>`, with forward slashes. */
export type FileTable = ReadonlyMap<string, string>

/** What a script's compileJob gets. Times are milliseconds since the epoch. */
export interface CompileInput {
  jobId: string
  name: string
  jobType: string
  priority: number
  workerTag: string
  createdAt: number
  /** Comes behind the time of submission where a script writes it: the folder without it is another job's. */
  timestampSuffix?: string
  settings: Record<string, unknown>
  metadata: Record<string, string>
  checkoutId: string
  /** All rendering waits for a task that checks whether the files of the scene exist (policy missingFiles). */
  lookFirst?: boolean
}

/** What the thread is started with. */
export interface ThreadData {
  /** What the interpreter may take, itself included. */
  memoryBytes: number
}

/** Limits of one run of a script. */
export interface RunLimits {
  /** Time until the script is interrupted; a while later its thread is killed. */
  timeMs: number
}

export type ThreadRequest =
  | { op: 'files'; files: FileTable }
  | { op: 'describe'; id: number; file: string; limits: RunLimits }
  | { op: 'compile'; id: number; file: string; input: CompileInput; limits: RunLimits }

/** A line that a script printed (or shouted, by `alert`). */
export interface ScriptLine {
  level: 'debug' | 'warn'
  text: string
}

export interface ScriptFailure {
  /**
   * script: it threw or is invalid; `text` is its own message · limit: it took too long or too much memory · tasks: its
   * output is not a valid job · crash: the interpreter is corrupt, the thread must be replaced · unavailable: the farm
   * is stopping, or the thread cannot start · abandoned: the caller disconnected
   */
  kind: 'script' | 'limit' | 'tasks' | 'crash' | 'unavailable' | 'abandoned'
  text: string
  /** Key of the setting that the script blamed, when it did. */
  setting?: string
}

/** Sent once, when the thread can take requests. */
export interface ThreadReady {
  ready: true
}

export type ThreadReply = { id: number; lines: ScriptLine[] } & (
  | { ok: true; description: unknown; compiled?: undefined }
  | { ok: true; compiled: CompiledJob; description?: undefined }
  | { ok: false; failure: ScriptFailure }
)
