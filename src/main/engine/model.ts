/**
 * The engine's own view of jobs, tasks, attempts and workers: rows of the database with parsed columns.
 * Times are milliseconds since the epoch. Ids are internal keys; `publicId` is what clients see.
 */
import type { AttemptStatus, JobStatus, LeaseKind, LimitScope, Outcome, QueueOrder, TaskStatus, WorkerStatus } from '../../shared/enums.ts'
import type { Policy } from '../../shared/policy.ts'
import type { SessionReport } from '../../shared/schemas/session.ts'
import type { SleepSchedule } from '../../shared/schemas/worker.ts'

/** How many of a job's tasks are in each status. */
export type StatusCounts = Record<TaskStatus, number>

export interface JobState {
  readonly id: number
  readonly publicId: string
  readonly namespaceId: number
  readonly origin: string
  readonly type: string
  /** Whether the outbox is told of its end, and of the ends of its tasks. */
  readonly watched: { readonly job: boolean; readonly tasks: boolean }
  /** The checkout of the file store that its commands read from. */
  readonly checkoutId: string | null
  name: string
  project: string
  owner: string
  priority: number
  status: JobStatus
  activity: string
  policy: Policy
  queueOrder: QueueOrder
  tagId: number | null
  laneId: number | null
  maxWorkers: number | null
  startAfter: number | null
  /** Jobs it depends on that are not completed. */
  unmetJobs: number
  /** Internal ids of the limits it holds a unit of per running attempt (or per machine). */
  limitIds: number[]
  counts: StatusCounts
  taskCount: number
  stepsCompleted: number
  stepsTotal: number
  lastRenderedAt: number | null
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
  readonly orderKey: number
  unmet: number
  readonly groupId: number | null
  readonly templateId: number
  readonly params: string | null
  readonly laneId: number | null
  stepsCompleted: number
  stepsTotal: number
  /** Who runs it, or touched it last. */
  workerId: number | null
  /** Number of attempts so far; the newest attempt has this number. */
  attempts: number
  /** Failures that counted towards the budget since the last requeue. */
  retries: number
  activity: string
  notBefore: number | null
  readonly startBy: number | null
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
export interface SessionRow extends SessionReport {
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
