/** What the Fastlane API shows: tasks that group jobs, jobs, executions. Deleted jobs are hidden. */
import type { AttemptStatus, Outcome, TaskStatus } from '../../../../shared/enums.ts'
import type { ReadDatabase, SqlValue } from '../../../store/connection.ts'

export interface FastlaneTaskRow {
  name: string
  createdAt: number
  modifiedAt: number
  jobsCount: number
}

const TASKS = `select t.name, t.created_at as createdAt, t.modified_at as modifiedAt,
  (select count(*) from fastlane_jobs f join jobs j on j.id = f.job_id where f.task_id = t.id and j.deleted_at is null) as jobsCount
  from fastlane_tasks t`

/** A page of all tasks in order of creation, and their total number. */
export async function listFastlaneTasks(
  db: ReadDatabase,
  offset: number,
  limit: number,
): Promise<{ rows: FastlaneTaskRow[]; total: number }> {
  const rows = await db.all<FastlaneTaskRow>(`${TASKS} order by t.id limit ? offset ?`, [limit, offset])
  const count = await db.get<{ n: number }>('select count(*) as n from fastlane_tasks')
  return { rows, total: count?.n ?? 0 }
}

/** @param match a valid FTS5 query, built by the caller */
export async function searchFastlaneTasks(
  db: ReadDatabase,
  match: string,
  offset: number,
  limit: number,
): Promise<{ rows: FastlaneTaskRow[]; total: number }> {
  const found = 'in (select rowid from fastlane_tasks_text where fastlane_tasks_text match ?)'
  const rows = await db.all<FastlaneTaskRow>(`${TASKS} where t.id ${found} order by t.id limit ? offset ?`, [match, limit, offset])
  const count = await db.get<{ n: number }>(`select count(*) as n from fastlane_tasks where id ${found}`, [match])
  return { rows, total: count?.n ?? 0 }
}

/** Undefined: no such task. */
export async function jobsOfFastlaneTask(db: ReadDatabase, task: string): Promise<{ clientId: string; createdAt: number }[] | undefined> {
  const known = await db.get<{ id: number }>('select id from fastlane_tasks where name = ?', [task])
  if (!known) return undefined
  return db.all(
    `select f.client_id as clientId, f.created_at as createdAt from fastlane_jobs f join jobs j on j.id = f.job_id
     where f.task_id = ? and j.deleted_at is null order by f.modified_at desc, f.job_id desc`,
    [known.id],
  )
}

export interface FastlaneJobRow {
  /** Internal key and public id of the farm's job, and its owner. */
  id: number
  publicId: string
  owner: string
  ownerId: string
  adminRights: 0 | 1
  submittedWith: string
  task: string
  clientId: string
  image: string
  command: string
  requestIp: string | null
  metadata: string
  retryCount: number
  queueId: string
  /** A recorded change that is still to be carried out: to its schedule, or everything that a stop involves. */
  pending: 'schedule' | 'unschedule' | 'stop' | null
  createdAt: number
  modifiedAt: number
}

const JOBS = `select j.id, j.public_id as publicId, j.owner, j.owner_id as ownerId, j.admin_rights as adminRights,
  j.submitted_with as submittedWith, t.name as task, f.client_id as clientId, f.image, f.command,
  f.request_ip as requestIp, f.metadata, f.retry_count as retryCount, f.queue_id as queueId, f.pending, f.created_at as createdAt,
  max(f.modified_at, j.updated_at) as modifiedAt
  from fastlane_jobs f join fastlane_tasks t on t.id = f.task_id join jobs j on j.id = f.job_id`

export function findFastlaneJob(db: ReadDatabase, task: string, clientId: string): Promise<FastlaneJobRow | undefined> {
  return db.get(`${JOBS} where t.name = ? and f.client_id = ? and j.deleted_at is null and j.status <> 'under-construction'`, [
    task,
    clientId,
  ])
}

/** By the public id of the farm's job; includes deleted ones. */
export function fastlaneJobByPublicId(db: ReadDatabase, publicId: string): Promise<FastlaneJobRow | undefined> {
  return db.get(`${JOBS} where j.public_id = ?`, [publicId])
}

export interface ExecutionRow {
  taskId: number
  index: number
  jobPublicId: string
  image: string
  command: string
  requestIp: string | null
  appearsAt: number
  expiresAt: number | null
  stoppedAt: number | null
  settledAt: number | null
  dispatches: string
  status: TaskStatus
  activity: string
  notBefore: number | null
  finishedAt: number | null
  /** The newest attempt; nulls before the first one. */
  attempt: number | null
  attemptStatus: AttemptStatus | null
  outcome: Outcome | null
  reason: string | null
  exitCode: number | null
  startedAt: number | null
  endedAt: number | null
  result: string | null
  logLines: number | null
}

const EXECUTIONS = `select e.task_id as taskId, t.idx as "index", j.public_id as jobPublicId, e.image, e.command, e.request_ip as requestIp,
  e.appears_at as appearsAt, e.expires_at as expiresAt, e.stopped_at as stoppedAt, e.settled_at as settledAt, e.dispatches,
  t.status, t.activity, t.not_before as notBefore, t.finished_at as finishedAt,
  a.number as attempt, a.status as attemptStatus, a.outcome, a.reason, a.exit_code as exitCode, a.started_at as startedAt,
  a.ended_at as endedAt, a.result, a.log_lines as logLines
  from fastlane_executions e join tasks t on t.id = e.task_id join jobs j on j.id = e.job_id
  left join attempts a on a.task_id = t.id and a.number = t.attempts`

/** The newest visible executions. @param jobId internal key */
export function executionsOf(db: ReadDatabase, jobId: number, now: number, offset: number, limit: number): Promise<ExecutionRow[]> {
  return db.all(`${EXECUTIONS} where e.job_id = ? and e.appears_at <= ? order by e.appears_at desc, t.idx desc limit ? offset ?`, [
    jobId,
    now,
    limit,
    offset,
  ])
}

export async function countExecutions(db: ReadDatabase, jobId: number, now: number): Promise<number> {
  const row = await db.get<{ n: number }>('select count(*) as n from fastlane_executions where job_id = ? and appears_at <= ?', [
    jobId,
    now,
  ])
  return row?.n ?? 0
}

/** A visible one. */
export function findExecution(db: ReadDatabase, jobId: number, index: number, now: number): Promise<ExecutionRow | undefined> {
  return db.get(`${EXECUTIONS} where e.job_id = ? and t.idx = ? and e.appears_at <= ?`, [jobId, index, now])
}

/** All that can still run, visible or not. */
export function openExecutions(db: ReadDatabase, jobId: number): Promise<ExecutionRow[]> {
  return db.all(`${EXECUTIONS} where e.job_id = ? and t.status in ('queued', 'active', 'soft-failed', 'paused') order by t.idx`, [jobId])
}

/** Tasks that would still run although the dialect has dropped them: a crash interrupted a change of their job. */
export function forgottenTasks(db: ReadDatabase): Promise<{ jobPublicId: string; index: number }[]> {
  return db.all(
    `select j.public_id as jobPublicId, t.idx as "index" from jobs j join tasks t on t.job_id = j.id
     where j.origin = 'fastlane' and j.status in ('queued', 'active') and j.deleted_at is null and t.status = 'queued'
       and not exists (select 1 from fastlane_executions e where e.task_id = t.id)`,
  )
}

/** Executions that a client stopped and that could still run: a crash interrupted their stop. */
export function halfStoppedTasks(db: ReadDatabase): Promise<{ jobPublicId: string; index: number }[]> {
  return db.all(
    `select j.public_id as jobPublicId, t.idx as "index" from fastlane_executions e join tasks t on t.id = e.task_id join jobs j on j.id = e.job_id
     where e.stopped_at is not null and j.deleted_at is null and t.status in ('queued', 'active', 'soft-failed', 'paused')`,
  )
}

/** Jobs with a change that a crash interrupted. */
export function pendingFastlaneJobs(db: ReadDatabase): Promise<FastlaneJobRow[]> {
  return db.all(`${JOBS} where f.pending is not null and j.deleted_at is null and j.status <> 'under-construction'`)
}

export interface FastlaneCounts {
  jobs: number
  tasks: number
  /** Runs that wait for a worker, and those that wait for their time, with the earliest one. */
  ready: number
  delayed: number
  nextAt: number | null
}

export async function fastlaneCounts(db: ReadDatabase, now: number): Promise<FastlaneCounts> {
  const row = await db.get<FastlaneCounts>(
    `select (select count(*) from fastlane_jobs f join jobs j on j.id = f.job_id where j.deleted_at is null) as jobs,
       (select count(*) from fastlane_tasks) as tasks,
       coalesce(sum(coalesce(t.not_before, 0) <= ?1), 0) as ready, coalesce(sum(t.not_before > ?1), 0) as delayed,
       min(case when t.not_before > ?1 then t.not_before end) as nextAt
     from jobs j join tasks t on t.job_id = j.id where j.origin = 'fastlane' and j.deleted_at is null and j.status in ('queued', 'active') and t.status = 'queued'`,
    [now],
  )
  return row ?? { jobs: 0, tasks: 0, ready: 0, delayed: 0, nextAt: null }
}

/** Outbox entries of the dialect: due now by kind, and later ones. */
export async function fastlaneMessages(
  db: ReadDatabase,
  now: number,
): Promise<{ kind: string; due: number; later: number; nextAt: number | null }[]> {
  return db.all(
    `select kind, sum(next_at <= ?1) as due, sum(next_at > ?1) as later, min(case when next_at > ?1 then next_at end) as nextAt
     from outbox where done_at is null and kind in ('fastlane:task-ended', 'fastlane:webhook', 'mail') group by kind`,
    [now],
  )
}

/** Fastlane's jobs by the public ids of the farm's jobs. */
export function fastlaneJobsByPublicIds(db: ReadDatabase, publicIds: string[]): Promise<FastlaneJobRow[]> {
  const list: SqlValue[] = [JSON.stringify(publicIds)]
  return db.all(`${JOBS} where j.public_id in (select value from json_each(?)) and j.deleted_at is null order by j.id`, list)
}

/** Containers that run now, of all dialects: the engines are in the worker's capabilities. */
export function runningContainers(
  db: ReadDatabase,
): Promise<{ workerId: number; activity: string; containerId: string | null; host: string | null }[]> {
  return db.all(
    `select a.worker_id as workerId, t.activity, a.result ->> '$.containers[#-1].containerId' as containerId,
       a.result ->> '$.containers[#-1].host' as host from attempts a join tasks t on t.id = a.task_id
     where a.status = 'active' and t.kind = 'container'`,
  )
}
