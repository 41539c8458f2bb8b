/** Rows of the database ↔ states of the engine: the one place that knows both spellings. */
import { Value } from 'typebox/value'
import type { AttemptStatus, JobStatus, LeaseKind, LimitScope, Outcome, QueueOrder, WorkerStatus } from '../../shared/enums.ts'
import { Policy } from '../../shared/policy.ts'
import type { AttemptState, JobState, LimitState, TaskState, WorkerState } from '../engine/model.ts'
import type { RowStatement } from './rowCommits.ts'

// Reading ---------------------------------------------------------------------------------------------------------

export interface JobRow {
  id: number
  public_id: string
  namespace_id: number
  origin: string
  owner: string
  name: string
  type: string
  watched: number
  project: string
  priority: number
  status: JobStatus
  activity: string
  policy: string
  queue_order: QueueOrder
  tag_id: number | null
  lane_id: number | null
  max_workers: number | null
  start_after: number | null
  unmet_jobs: number
  steps_completed: number
  checkout_id: string | null
  steps_total: number
  task_count: number
  count_queued: number
  count_active: number
  count_completed: number
  count_failed: number
  count_canceled: number
  count_soft_failed: number
  count_paused: number
  last_rendered_at: number | null
  created_at: number
  updated_at: number
  started_at: number | null
  finished_at: number | null
  delete_requested_at: number | null
  deleted_at: number | null
}

/** A policy from the database, with the defaults of fields that are younger than the row. */
function parsePolicy(text: string): Policy {
  return Value.Parse(Policy, Value.Default(Policy, JSON.parse(text)))
}

export function jobFromRow(row: JobRow, limitIds: number[]): JobState {
  return {
    id: row.id,
    publicId: row.public_id,
    namespaceId: row.namespace_id,
    origin: row.origin,
    type: row.type,
    watched: { job: (row.watched & 1) !== 0, tasks: (row.watched & 2) !== 0 },
    checkoutId: row.checkout_id,
    name: row.name,
    project: row.project,
    owner: row.owner,
    priority: row.priority,
    status: row.status,
    activity: row.activity,
    policy: parsePolicy(row.policy),
    queueOrder: row.queue_order,
    tagId: row.tag_id,
    laneId: row.lane_id,
    maxWorkers: row.max_workers,
    startAfter: row.start_after,
    unmetJobs: row.unmet_jobs,
    limitIds,
    counts: {
      queued: row.count_queued,
      active: row.count_active,
      completed: row.count_completed,
      failed: row.count_failed,
      canceled: row.count_canceled,
      'soft-failed': row.count_soft_failed,
      paused: row.count_paused,
    },
    taskCount: row.task_count,
    stepsCompleted: row.steps_completed,
    stepsTotal: row.steps_total,
    lastRenderedAt: row.last_rendered_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    deleteRequestedAt: row.delete_requested_at,
    deletedAt: row.deleted_at,
  }
}

/** A task's columns by the names that the engine has for them. */
const TASK_COLUMNS: Record<keyof TaskState, string> = {
  id: 'id',
  jobId: 'job_id',
  index: 'idx',
  name: 'name',
  kind: 'kind',
  status: 'status',
  priority: 'priority',
  orderKey: 'order_key',
  unmet: 'unmet',
  groupId: 'group_id',
  templateId: 'template_id',
  params: 'params',
  laneId: 'lane_id',
  stepsCompleted: 'steps_completed',
  stepsTotal: 'steps_total',
  workerId: 'worker_id',
  attempts: 'attempts',
  retries: 'retries',
  activity: 'activity',
  notBefore: 'not_before',
  startBy: 'start_by',
  updatedAt: 'updated_at',
  touchedAt: 'touched_at',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
}

const TASK_OBJECT = `json_object(${Object.entries(TASK_COLUMNS)
  .map(([name, column]) => `'${name}', ${column}`)
  .join(', ')})`

/** The tasks of a query, its `from` and all that follows but `order by`, as one JSON text: far cheaper than a value for each column. */
export const selectTasks = (from: string, orderBy: string): string =>
  `select json_group_array(${TASK_OBJECT} order by ${orderBy}) as tasks from ${from}`

export interface TasksRow {
  tasks: string
}

export function tasksFromRow(row: TasksRow | undefined): TaskState[] {
  // Written by selectTasks, whose names are those of TaskState.
  return row ? (JSON.parse(row.tasks) as TaskState[]) : []
}

export interface AttemptRow {
  id: number
  task_id: number
  job_id: number
  number: number
  worker_id: number
  status: AttemptStatus
  outcome: Outcome | null
  reason: string
  exit_code: number | null
  lease_kind: LeaseKind
  lease_until: number | null
  started_at: number
  ended_at: number | null
  log_bytes: number
  log_lines: number
  result: string | null
  metrics: string | null
}

export function attemptFromRow(row: AttemptRow): AttemptState {
  return {
    id: row.id,
    taskId: row.task_id,
    jobId: row.job_id,
    number: row.number,
    workerId: row.worker_id,
    status: row.status,
    outcome: row.outcome,
    reason: row.reason,
    exitCode: row.exit_code,
    leaseKind: row.lease_kind,
    leaseUntil: row.lease_until,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    logBytes: row.log_bytes,
    logLines: row.log_lines,
    result: row.result,
    metrics: row.metrics,
  }
}

export interface WorkerRow {
  id: number
  public_id: string
  namespace_id: number
  adapter: string
  machine_id: number | null
  name: string
  secret_hash: string
  platform: string
  address: string
  software: string
  status: WorkerStatus
  status_requested: WorkerStatus | null
  status_request_lazy: number
  can_restart: number
  kinds: string
  capabilities: string
  capacity: number
  approved_at: number | null
  last_seen_at: number | null
  report_seq: number
  last_task_id: number | null
  created_at: number
  updated_at: number
  deleted_at: number | null
  tag_ids: string | null
  schedule: string | null
}

export function workerFromRow(row: WorkerRow): WorkerState {
  return {
    id: row.id,
    publicId: row.public_id,
    namespaceId: row.namespace_id,
    adapter: row.adapter,
    secretHash: row.secret_hash,
    machineId: row.machine_id,
    name: row.name,
    platform: row.platform,
    address: row.address,
    software: row.software,
    status: row.status,
    statusRequested: row.status_requested,
    statusRequestLazy: row.status_request_lazy !== 0,
    canRestart: row.can_restart !== 0,
    kinds: JSON.parse(row.kinds), // written by workerRow
    capabilities: JSON.parse(row.capabilities), // written by workerRow
    capacity: row.capacity,
    approvedAt: row.approved_at,
    lastSeenAt: row.last_seen_at,
    reportSeq: row.report_seq,
    lastTaskId: row.last_task_id,
    tagIds: new Set<number>(JSON.parse(row.tag_ids ?? '[]')),
    sleepSchedule: row.schedule ? JSON.parse(row.schedule) : null, // made by the query in loads.ts
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  }
}

export function limitFromRow(row: {
  id: number
  public_id: string
  name: string
  description: string
  max: number
  scope: LimitScope
}): LimitState {
  return { id: row.id, publicId: row.public_id, name: row.name, description: row.description, max: row.max, scope: row.scope }
}

// Writing: one statement a kind of row, over a JSON array of rows ----------------------------------------------------

export const SAVE_WORKERS: RowStatement = {
  name: 'workers',
  sql: `update workers set machine_id = v->>1, name = v->>2, platform = v->>3, address = v->>4, software = v->>5, status = v->>6,
          status_requested = v->>7, status_request_lazy = v->>8, can_restart = v->>9, kinds = v->>10, capabilities = v->>11,
          capacity = v->>12, approved_at = v->>13, last_seen_at = v->>14, report_seq = v->>15, last_task_id = v->>16,
          updated_at = v->>17, deleted_at = v->>18
        from (select value as v from jsonb_each(:rows)) where workers.id = v->>0`,
}
export const workerRow = (w: WorkerState) => [
  w.id,
  w.machineId,
  w.name,
  w.platform,
  w.address,
  w.software,
  w.status,
  w.statusRequested,
  Number(w.statusRequestLazy),
  Number(w.canRestart),
  JSON.stringify(w.kinds),
  JSON.stringify(w.capabilities),
  w.capacity,
  w.approvedAt,
  w.lastSeenAt,
  w.reportSeq,
  w.lastTaskId,
  w.updatedAt,
  w.deletedAt,
]

/** Reports come with every task; what a worker is and can do hardly ever changes. */
export const SAVE_WORKERS_REPORTED: RowStatement = {
  name: 'workersReported',
  sql: `update workers set report_seq = v->>1, last_seen_at = v->>2, last_task_id = v->>3
        from (select value as v from jsonb_each(:rows)) where workers.id = v->>0`,
}
export const workerReportedRow = (w: WorkerState) => [w.id, w.reportSeq, w.lastSeenAt, w.lastTaskId]

/** `unmet_jobs` is not among them: waits are counted in SQL only (countWaitingJobs). */
export const SAVE_JOBS: RowStatement = {
  name: 'jobs',
  sql: `update jobs set name = v->>1, project = v->>2, owner = v->>3, priority = v->>4, status = v->>5, activity = v->>6, policy = v->>7,
          queue_order = v->>8, tag_id = v->>9, lane_id = v->>10, max_workers = v->>11, start_after = v->>12,
          steps_completed = v->>13, steps_total = v->>14, task_count = v->>15, count_queued = v->>16, count_active = v->>17,
          count_completed = v->>18, count_failed = v->>19, count_canceled = v->>20, count_soft_failed = v->>21, count_paused = v->>22,
          last_rendered_at = v->>23, updated_at = v->>24, started_at = v->>25, finished_at = v->>26,
          delete_requested_at = v->>27, deleted_at = v->>28
        from (select value as v from jsonb_each(:rows)) where jobs.id = v->>0`,
}
/** Counters move with every task, texts hardly ever: this spares the full-text index and the policy's JSON. */
export const SAVE_JOB_COUNTERS: RowStatement = {
  name: 'jobCounters',
  sql: `update jobs set steps_completed = v->>1, count_queued = v->>2, count_active = v->>3, count_completed = v->>4, count_failed = v->>5,
          count_canceled = v->>6, count_soft_failed = v->>7, count_paused = v->>8, last_rendered_at = v->>9, updated_at = v->>10
        from (select value as v from jsonb_each(:rows)) where jobs.id = v->>0`,
}
export const jobCounterRow = (j: JobState) => [
  j.id,
  j.stepsCompleted,
  j.counts.queued,
  j.counts.active,
  j.counts.completed,
  j.counts.failed,
  j.counts.canceled,
  j.counts['soft-failed'],
  j.counts.paused,
  j.lastRenderedAt,
  j.updatedAt,
]
export const jobRow = (j: JobState) => [
  j.id,
  j.name,
  j.project,
  j.owner,
  j.priority,
  j.status,
  j.activity,
  JSON.stringify(j.policy),
  j.queueOrder,
  j.tagId,
  j.laneId,
  j.maxWorkers,
  j.startAfter,
  j.stepsCompleted,
  j.stepsTotal,
  j.taskCount,
  j.counts.queued,
  j.counts.active,
  j.counts.completed,
  j.counts.failed,
  j.counts.canceled,
  j.counts['soft-failed'],
  j.counts.paused,
  j.lastRenderedAt,
  j.updatedAt,
  j.startedAt,
  j.finishedAt,
  j.deleteRequestedAt,
  j.deletedAt,
]

export const SAVE_GROUPS: RowStatement = {
  name: 'groups',
  sql: `update task_groups set remaining = v->>1 from (select value as v from jsonb_each(:rows)) where task_groups.id = v->>0`,
}

/**
 * What the engine changes of a task. Each value costs a call into JSON, and two such rows come with every task that runs, so what
 * only SQL changes is not among them: priority and order (bulk), `unmet` (releaseDependents, recount).
 */
export const SAVE_TASKS: RowStatement = {
  name: 'tasks',
  sql: `update tasks set status = v->>1, steps_completed = v->>2, worker_id = v->>3, attempts = v->>4, retries = v->>5, activity = v->>6,
          not_before = v->>7, updated_at = v->>8, touched_at = v->>9, started_at = v->>10, finished_at = v->>11
        from (select value as v from jsonb_each(:rows)) where tasks.id = v->>0`,
}
export const taskRow = (t: TaskState) => [
  t.id,
  t.status,
  t.stepsCompleted,
  t.workerId,
  t.attempts,
  t.retries,
  t.activity,
  t.notBefore,
  t.updatedAt,
  t.touchedAt,
  t.startedAt,
  t.finishedAt,
]

export const ADD_ATTEMPTS: RowStatement = {
  name: 'newAttempts',
  sql: `insert into attempts (id, task_id, job_id, number, worker_id, status, lease_kind, lease_until, started_at)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8 from (select value as v from jsonb_each(:rows))`,
}
export const newAttemptRow = (a: AttemptState) => [
  a.id,
  a.taskId,
  a.jobId,
  a.number,
  a.workerId,
  a.status,
  a.leaseKind,
  a.leaseUntil,
  a.startedAt,
]

/** How an attempt ended. Its log's length has a row of its own. */
export const SAVE_ATTEMPTS: RowStatement = {
  name: 'attempts',
  sql: `update attempts set status = v->>1, outcome = v->>2, reason = v->>3, exit_code = v->>4, ended_at = v->>5, result = v->>6, metrics = v->>7
        from (select value as v from jsonb_each(:rows)) where attempts.id = v->>0`,
}
export const attemptRow = (a: AttemptState) => [
  a.id,
  a.status,
  a.outcome,
  a.reason,
  a.exitCode,
  a.endedAt,
  a.result,
  a.metrics,
]

/** A log grows while the attempt runs and after: its length is written without touching how the attempt stands. */
export const SAVE_LOG_LENGTHS: RowStatement = {
  name: 'log_lengths',
  sql: `update attempts set log_bytes = v->>1, log_lines = v->>2 from (select value as v from jsonb_each(:rows)) where attempts.id = v->>0`,
}

export const ADD_LOG_CHUNKS: RowStatement = {
  name: 'logChunks',
  sql: `insert into log_chunks (attempt_id, position, bytes, first_line, lines, segment_id, segment_offset, runs)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7 from (select value as v from jsonb_each(:rows))`,
}
/** A frame that another attempt rendered again has no preview until that one's comes: the old picture is not what the file holds now. */
export const ADD_FRAMES: RowStatement = {
  name: 'frames',
  sql: `insert into frames (job_id, task_id, attempt_id, frame, path, bytes, width, height, rendered_ms, created_at)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9 from (select value as v from jsonb_each(:rows)) where true
        on conflict (job_id, path) do update set task_id = excluded.task_id, attempt_id = excluded.attempt_id, frame = excluded.frame,
          bytes = coalesce(excluded.bytes, bytes), width = coalesce(excluded.width, width), height = coalesce(excluded.height, height),
          rendered_ms = coalesce(excluded.rendered_ms, rendered_ms), created_at = excluded.created_at,
          preview = iif(attempt_id = excluded.attempt_id, preview, 'none'), light = iif(attempt_id = excluded.attempt_id, light, 0),
          preview_problem = iif(attempt_id = excluded.attempt_id, preview_problem, '')`,
}
export const ADD_FAILURES: RowStatement = {
  name: 'failures',
  sql: `insert or replace into task_failures (task_id, worker_id, job_id, kind, at)
        select v->>0, v->>1, v->>2, v->>3, v->>4 from (select value as v from jsonb_each(:rows))`,
}
export const ADD_OUTBOX: RowStatement = {
  name: 'outbox',
  sql: `insert into outbox (kind, payload, next_at, created_at) select v->>0, v->>1, v->>2, v->>2 from (select value as v from jsonb_each(:rows))`,
}

/** All of them, in the order in which a commit applies them: rows exist before others refer to them. */
export const ROW_STATEMENTS: readonly RowStatement[] = [
  SAVE_WORKERS,
  SAVE_WORKERS_REPORTED,
  SAVE_JOBS,
  SAVE_JOB_COUNTERS,
  SAVE_GROUPS,
  SAVE_TASKS,
  ADD_ATTEMPTS,
  SAVE_ATTEMPTS,
  SAVE_LOG_LENGTHS,
  ADD_LOG_CHUNKS,
  ADD_FRAMES,
  ADD_FAILURES,
  ADD_OUTBOX,
]
