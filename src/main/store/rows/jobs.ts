/** Jobs, their limits, warnings and messages: rows of the database ↔ states of the engine. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { JobStatus, LimitScope, QueueOrder } from '../../../shared/enums.ts'
import { Policy } from '../../../shared/policy.ts'
import { MAX_WARNING_FRAMES } from '../../../shared/schemas/jobs/warning.ts'
import type { JobState, LimitState } from '../../engine/base/model.ts'
import type { RowStatement } from './rowCommits.ts'

export interface JobRow {
  id: number
  public_id: string
  namespace_id: number
  origin: string
  owner: string
  owner_id: string
  admin_rights: number
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
  max_tasks: number | null
  first_failure: string | null
  start_after: number | null
  keep_whole: number
  results_root: string | null
  storage_roots: string | null
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

const StorageRoots = Type.Array(Type.String())

/** A policy from the database, with defaults for fields that are newer than the row. */
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
    ownerId: row.owner_id,
    adminRights: row.admin_rights === 1,
    priority: row.priority,
    status: row.status,
    activity: row.activity,
    policy: parsePolicy(row.policy),
    queueOrder: row.queue_order,
    tagId: row.tag_id,
    laneId: row.lane_id,
    maxWorkers: row.max_workers,
    maxTasks: row.max_tasks,
    startAfter: row.start_after,
    unmetJobs: row.unmet_jobs,
    limitIds,
    keepWhole: row.keep_whole !== 0,
    resultsRoot: row.results_root,
    storageRoots: row.storage_roots === null ? [] : Value.Parse(StorageRoots, JSON.parse(row.storage_roots)),
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
    firstFailure: row.first_failure,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    deleteRequestedAt: row.delete_requested_at,
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

// ----------------------------------------------------

/** `unmet_jobs` is not included: waits are counted in SQL only (countWaitingJobs). */
export const SAVE_JOBS: RowStatement = {
  name: 'jobs',
  sql: `update jobs set name = v->>1, project = v->>2, owner = v->>3, priority = v->>4, status = v->>5, activity = v->>6, policy = v->>7,
          queue_order = v->>8, tag_id = v->>9, lane_id = v->>10, max_workers = v->>11, start_after = v->>12,
          steps_completed = v->>13, steps_total = v->>14, task_count = v->>15, count_queued = v->>16, count_active = v->>17,
          count_completed = v->>18, count_failed = v->>19, count_canceled = v->>20, count_soft_failed = v->>21, count_paused = v->>22,
          last_rendered_at = v->>23, updated_at = v->>24, started_at = v->>25, finished_at = v->>26,
          delete_requested_at = v->>27, deleted_at = v->>28, max_tasks = v->>29, first_failure = v->>30, admin_rights = v->>31, keep_whole = v->>32
        from (select value as v from jsonb_each(:rows)) where jobs.id = v->>0`,
}

/** Counters change with every task, texts hardly ever: this spares the full-text index and the policy's JSON. */
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
  j.maxTasks,
  j.firstFailure,
  Number(j.adminRights),
  Number(j.keepWhole),
]

/**
 * An identical warning is counted up. A warning of an attempt that was lost or requeued before it was written is
 * dropped, because it would have been cleared a moment later; so is one whose job or task is deleted.
 */
export const ADD_WARNINGS: RowStatement = {
  name: 'warnings',
  sql: `insert into warnings (job_id, task_id, code, text, count, frames, at)
        select v->>0, v->>1, v->>3, v->>4, v->>5, v->>6, v->>7 from (select value as v from jsonb_each(:rows))
        where exists (select 1 from jobs where id = v->>0) and (v->>1 is null
          or exists (select 1 from tasks t where t.id = v->>1 and t.attempts = v->>2 and t.status <> 'queued'))
        on conflict (job_id, code, text, coalesce(task_id, 0)) do update set count = count + excluded.count, at = excluded.at,
          frames = iif(frames is null, excluded.frames, iif(excluded.frames is null, frames, (select json_group_array(value) from
            (select value from json_each(frames) union select value from json_each(excluded.frames) order by value limit ${MAX_WARNING_FRAMES}))))`,
}

export const ADD_OUTBOX: RowStatement = {
  name: 'outbox',
  sql: `insert into outbox (kind, payload, next_at, created_at) select v->>0, v->>1, v->>2, v->>2 from (select value as v from jsonb_each(:rows))`,
}
