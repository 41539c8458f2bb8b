/** What the main thread and the job-type thread say to each other. Everything is structured-clonable. */
import type { CompiledJob } from '../engine/compiledJob.ts'

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
  settings: Record<string, unknown>
  metadata: Record<string, string>
  checkoutId: string
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
  level: 'info' | 'warn'
  text: string
}

export interface ScriptFailure {
  /**
   * script: it threw or is broken; `text` are its own words · limit: it took too long or too much memory
   * · tasks: what it authored cannot be a job · crash: the interpreter broke, the thread must be replaced
   * · unavailable: the farm ends, or the thread cannot start
   */
  kind: 'script' | 'limit' | 'tasks' | 'crash' | 'unavailable'
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
