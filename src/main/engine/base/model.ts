/**
 * The engine's own view of jobs, tasks, attempts and workers: rows of the database with parsed columns.
 * Times are milliseconds since the epoch. Ids are internal keys; `publicId` is what clients see.
 */
import type { SaidReason } from '../../../shared/said/said.ts'
import type {
  AttemptStatus,
  JobStatus,
  LeaseKind,
  LimitScope,
  Outcome,
  QueueOrder,
  TaskStatus,
  WorkerStatus,
} from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'
import type { WarmAppReport } from '../../../shared/schemas/warmApp.ts'
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'

/** How many of a job's tasks are in each status. */
export type StatusCounts = Record<TaskStatus, number>

export interface JobState {
  readonly id: number
  readonly publicId: string
  readonly namespaceId: number
  readonly origin: string
  readonly type: string
  /** Whether its end, and the ends of its tasks, create outbox entries. */
  readonly watched: { readonly job: boolean; readonly tasks: boolean }
  /** The checkout of the file store that its commands read from. */
  readonly checkoutId: string | null
  name: string
  project: string
  /** A label; `ownerId` is the identity. */
  owner: string
  readonly ownerId: string
  /** Whether its containers get what only administrators may grant: decided when it is submitted. */
  adminRights: boolean
  priority: number
  status: JobStatus
  activity: string
  policy: Policy
  queueOrder: QueueOrder
  tagId: number | null
  laneId: number | null
  /** Different workers that may run its tasks at once, and tasks of it that may run at once. */
  maxWorkers: number | null
  maxTasks: number | null
  startAfter: number | null
  /** Jobs it depends on that are not completed. */
  unmetJobs: number
  /** Internal ids of the limits it holds a unit of per running attempt (or per machine). */
  limitIds: number[]
  /** Existing complete files are kept, whichever worker created them. */
  keepWhole: boolean
  /** Where its results come home to, in the manager's notation; null: its workers write to the paths in its commands themselves. */
  readonly resultsRoot: string | null
  /** Names of the storage roots that its workers must see. */
  readonly storageRoots: readonly string[]
  counts: StatusCounts
  taskCount: number
  stepsCompleted: number
  stepsTotal: number
  lastRenderedAt: number | null
  /** The first failure since it was last requeued, with the first error line of its log. */
  firstFailure: string | null
  readonly createdAt: number
  updatedAt: number
  startedAt: number | null
  finishedAt: number | null
  deleteRequestedAt: number | null
  deletedAt: number | null
}

export interface TaskState {
  readonly id: number
  readonly jobId: number
  readonly index: number
  readonly name: string
  readonly kind: string
  status: TaskStatus
  readonly priority: number
  /** Its position among the ready tasks of its job and kind (orderKey.ts). */
  orderKey: number
  unmet: number
  readonly groupId: number | null
  /** Its final failure counts as completed. 0 or 1. */
  readonly optional: number
  readonly templateId: number
  readonly params: string | null
  readonly laneId: number | null
  stepsCompleted: number
  stepsTotal: number
  /** The worker that runs it, or touched it last. */
  workerId: number | null
  /** Number of attempts so far; the newest attempt has this number. */
  attempts: number
  /** Failures that counted towards the budget since the last requeue. */
  retries: number
  activity: string
  /** How a person requeued it last: JSON of shared/schemas/jobs/existing.ts `Rerun`. Null: never. */
  rerun: string | null
  notBefore: number | null
  startBy: number | null
  updatedAt: number
  touchedAt: number | null
  startedAt: number | null
  finishedAt: number | null
}

export interface AttemptState {
  readonly id: number
  readonly taskId: number
  readonly jobId: number
  readonly number: number
  readonly workerId: number
  status: AttemptStatus
  outcome: Outcome | null
  reason: string
  exitCode: number | null
  readonly leaseKind: LeaseKind
  readonly leaseUntil: number | null
  readonly startedAt: number
  endedAt: number | null
  logBytes: number
  logLines: number
  /** Its last text did not end its line. Not stored: after a restart a new line starts. */
  logLineOpen: boolean
  result: string | null
  metrics: string | null
}

export interface WorkerState {
  readonly id: number
  readonly publicId: string
  readonly namespaceId: number
  readonly adapter: string
  readonly secretHash: string
  machineId: number | null
  name: string
  platform: string
  address: string
  software: string
  status: WorkerStatus
  statusRequested: WorkerStatus | null
  statusRequestLazy: boolean
  canRestart: boolean
  kinds: string[]
  capabilities: Record<string, unknown>
  /** In which what it saved may be opened: those that it named at its last sign-on, and those that an admin has allowed. */
  folders: string[]
  allowedFolders: string[]
  /** Who asked to join from it, as its machine told. */
  readonly person: string
  /** An admin named it: what it calls itself does not count. */
  isRenamed: boolean
  capacity: number
  approvedAt: number | null
  lastSeenAt: number | null
  reportSeq: number
  lastTaskId: number | null
  tagIds: Set<number>
  sleepSchedule: (SleepSchedule & { nextCheck: number | null }) | null
  readonly createdAt: number
  updatedAt: number
  deletedAt: number | null
}

/** A session of a worker. `jobKey` and `workerKey` are the internal ids. */
export interface WarmAppRow extends WarmAppReport {
  readonly jobKey: number
  readonly workerKey: number
}

/** An attempt that runs on a unit of a limit. Ids are public, time is milliseconds. */
export interface LimitHolder {
  jobId: string
  jobName: string
  taskId: string
  taskName: string
  worker: { id: string; name: string }
  startedAt: number
}

export interface LimitState {
  readonly id: number
  readonly publicId: string
  name: string
  description: string
  max: number
  scope: LimitScope
}

export interface TagState {
  readonly id: number
  readonly publicId: string
  name: string
  description: string
}

/** A frame that a task's attempts reported: number, and by which attempt. */
export interface ListedFrame {
  taskId: number
  frame: number
  attempt: number
}

/** The farm's text in English, and as codes for other languages. */
export interface Told {
  message: string
  advice: string
  said: SaidReason
}

/** What a job, or some tasks of it, wait for. */
export interface JobWait extends Told {
  state: 'waiting' | 'stalled'
  rule: string
  /** The kind of the tasks that wait. */
  kind: string
  /** When the tasks fail if nothing changes; null: they wait indefinitely. */
  until: number | null
}
