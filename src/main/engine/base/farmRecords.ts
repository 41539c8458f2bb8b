/** What callers of the engine hand over: jobs, tasks, workers, frames. Ids are public, times are milliseconds since the epoch. */
import type { JobStatus, QueueOrder, WorkerStatus } from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'
import type { Fence } from '../../../shared/schemas/agent.ts'
import type { FrameCheck } from '../../../shared/schemas/jobs/existing.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { WarmAppReport } from '../../../shared/schemas/warmApp.ts'
import type { Load, MachineReport } from '../../../shared/schemas/worker.ts'

/** The owner of a job or schedule. */
export interface JobOwnership {
  /** A label for people. */
  owner: string
  /** Identity, an id that callers cannot choose. */
  ownerId: string
  /** Whether its containers get what only administrators may grant. */
  adminRights: boolean
  /** Public id of the token that submitted it; empty if none. */
  submittedWith: string
}

/** Everything about a new job except its tasks. Ids are public. */
export interface NewJobRecord extends JobOwnership {
  publicId: string
  /** The name of the dialect that created it. */
  origin: string
  name: string
  type: string
  project: string
  priority: number
  policy: Policy
  queueOrder: QueueOrder
  initialStatus: JobStatus
  tag: string | null
  maxWorkers: number | null
  /** Tasks that may run at once; absent: no limit. */
  maxTasks?: number | null
  startAfter: number | null
  dependsOn: string[]
  /** Names of limits. */
  limits: string[]
  checkoutId: string | null
  outputDir: string | null
  /** The ordered queue that it shares with others: a mailbox, a host pool, "no overlap" of a schedule. */
  lane?: { kind: string; name: string; concurrency: number; ordered: boolean }
  clientId: string | null
  /** The activity shown until something happens; empty when missing. */
  activity?: string
  /**
   * Whether the commit that ends the job (`job-ended`) or one of its tasks (`<origin>:task-ended`) also writes an
   * outbox entry.
   */
  watched?: { job?: boolean; tasks?: boolean }
  /** Existing complete files are kept, whichever worker created them. */
  keepWholeFrames?: boolean
  /** The folder that workers send its results to (JobState.resultsRoot). */
  resultsRoot?: string | null
  /** Names of the storage roots that its workers must see (JobState.storageRoots); missing: none. */
  storageRoots?: readonly string[]
  createdAt: number
}

/** Values of a dialect's row beside an appended task; the dialect says how rows of the kind are written (http/dialect.ts). */
export interface AppendedRow {
  readonly kind: string
  readonly values: readonly (string | number | null)[]
}

/** A task that a job gets while it runs: a message for an actor, a process for an executor. */
export interface AppendedTask {
  name: string
  kind: string
  priority: number
  /** What only this task needs, as JSON; its worker reads it when the attempt begins. Null: nothing. */
  input: string | null
  /** A blob of the file store that it needs: kept until it has ended. */
  file?: { sha: string; size: number }
  /** What fills the placeholders of the job's command template, as JSON; missing: it has none. */
  params?: string
  /** A row of a dialect that is stored in the same commit. */
  row?: AppendedRow
  /** When it was submitted, milliseconds since the epoch; missing: now. Decides its place in a job of the order `task-ages`. */
  submittedAt?: number
  /** Milliseconds since the epoch; missing: at once, and without a time limit for its start. */
  notBefore?: number
  startBy?: number
}

export interface JobChanges {
  name?: string
  project?: string
  priority?: number
  tag?: string | null
  maxWorkers?: number | null
  maxTasks?: number | null
  startAfter?: number | null
  limits?: string[]
  policy?: Partial<Policy>
  keepWholeFrames?: boolean
  /** Null: none. Attempts that run keep the place that they have. */
  lane?: NonNullable<NewJobRecord['lane']> | null
}

/** Options of requeue. */
export interface RequeueOptions {
  /** Complete files are kept, whichever worker created them; missing: according to the job. */
  keepWholeFrames?: boolean
  /** Only these frames; the others of their tasks stay as they are. */
  frames?: number[]
}

export interface NewWorker {
  adapter: 'native' | 'flamenco' | 'external'
  name: string
  secretHash: string
  platform: string
  address: string
  kinds: string[]
  machine: MachineReport | null
  /** Who asks, as the machine tells it; missing: unknown. */
  person?: string
  /** True when the caller needs no approval (same machine with local trust, or a join key). */
  approved: boolean
  /** Folders that the approving caller allows immediately. */
  allowedFolders?: string[]
}

export interface WorkerSignOn {
  name: string
  software: string
  address: string
  kinds: string[]
  canRestart: boolean
  /** Only the native adapter knows these; a foreign worker has capacity 1. */
  capacity?: number
  capabilities?: Record<string, unknown>
  folders?: string[]
  machine?: MachineReport
  running?: Fence[]
}

export interface TakeOptions {
  slots: number
  /** Its current status. */
  status?: WorkerStatus
  /** Long poll: 0 answers at once. */
  waitMs: number
  running: Fence[]
  /** Worker requests that it is working on. */
  requests?: string[]
  load?: Load
  /** The worker's open applications, when they changed. */
  sessions?: WarmAppReport[]
  /** The task that it will run next. */
  holds?: Fence
  /** Tasks that it held, or was to hold, and will not begin. */
  returned?: Fence[]
}

/** What a report may carry and request beside its events. */
export interface ReportExtras {
  /** The worker's open applications, when they changed. */
  sessions?: WarmAppReport[]
  /** Requests a task to hold as its next one. */
  next?: boolean
}

/** A rendered image that a worker (or the manager, from a foreign worker's log) found. */
export interface NewFrame {
  path: string
  frame: number | null
  bytes: number | null
  width: number | null
  height: number | null
  renderedMs: number | null
  check?: FrameCheck
  checkReason?: string
  kept?: boolean
  side?: boolean
  view?: string
  sha256?: string
  modifiedAt?: number
  /** Result of the pixel check; missing where it was not possible. */
  facts?: { allBlack: boolean; oneColour: boolean }
  /** Whether it shows the same as the file that it replaced; missing if they were not compared. */
  sameAsBefore?: boolean
}

/** A command whose result is the answer; it runs beside the worker's tasks. Variables in it are replaced for the worker. */
export interface WorkerQuestion {
  command: Command
  maxRunMs: number
  /** The checkout that the command reads from. */
  checkoutId?: string
}
