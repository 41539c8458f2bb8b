/** Attempts and their logs: rows of the database ↔ states of the engine. */
import type { AttemptStatus, LeaseKind, Outcome } from '../../../shared/enums.ts'
import type { AttemptState } from '../../engine/base/model.ts'
import type { RowStatement } from './rowCommits.ts'

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
  claim: string | null
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
    logLineOpen: false,
    result: row.result,
    metrics: row.metrics,
  }
}

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

export const attemptRow = (a: AttemptState) => [a.id, a.status, a.outcome, a.reason, a.exitCode, a.endedAt, a.result, a.metrics]

/** A log grows while the attempt runs and after: its length is written without touching the attempt's status. */
export const SAVE_LOG_LENGTHS: RowStatement = {
  name: 'log_lengths',
  sql: `update attempts set log_bytes = v->>1, log_lines = v->>2 from (select value as v from jsonb_each(:rows)) where attempts.id = v->>0`,
}

export const ADD_LOG_CHUNKS: RowStatement = {
  name: 'logChunks',
  sql: `insert into log_chunks (attempt_id, position, bytes, first_line, lines, segment_id, segment_offset, runs, checksum)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8 from (select value as v from jsonb_each(:rows))`,
}

/** In the order of the array: their ids are their order. */
export const ADD_RESULTS: RowStatement = {
  name: 'results',
  sql: `insert into attempt_results (job_id, task_id, attempt_id, at, bytes, body)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5 from (select value as v from jsonb_each(:rows))`,
}

/** A foreign worker's word that its attempt is done. */
export const SAVE_REPORTED_DONE: RowStatement = {
  name: 'reportedDone',
  sql: `update attempts set claim = v->>1 from (select value as v from jsonb_each(:rows)) where attempts.id = v->>0`,
}

export const SAVE_INPUTS: RowStatement = {
  name: 'inputs',
  sql: `update attempts set inputs = v->>1 from (select value as v from jsonb_each(:rows)) where attempts.id = v->>0`,
}
