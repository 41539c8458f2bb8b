/** Reads tasks: lists of a job, one task with its commands and attempts, the compact grid. */
import type { Static } from 'typebox'
import { TASK_STATUSES, type TaskStatus } from '../../../../shared/enums.ts'
import { parseTaskId, taskPublicId } from '../../../../shared/ids.ts'
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import type { Task, TaskQuery, TaskSummary } from '../../../../shared/schemas/jobs/task.ts'
import { expandCommands } from '../../../engine/compile/commandTemplates.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import type { ReadDatabase, SqlValue } from '../../connection.ts'
import { attemptsOfTask } from './attempts.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { time, timeOrNull, words } from '../format.ts'
import { warningsOfTask } from '../jobs/warnings.ts'

interface TaskRow {
  id: number
  idx: number
  job_public_id: string
  name: string
  kind: string
  status: TaskStatus
  priority: number
  activity: string
  steps_completed: number
  steps_total: number
  worker_public_id: string | null
  worker_name: string | null
  attempts: number
  warnings: number
  unmet: number
  updated_at: number
  started_at: number | null
  finished_at: number | null
}

const SELECT = `select t.id, t.idx, j.public_id as job_public_id, t.name, t.kind, t.status, t.priority, t.activity, t.steps_completed,
    t.steps_total, w.public_id as worker_public_id, w.name as worker_name, t.attempts,
    (select count(*) from warnings where task_id = t.id) as warnings, t.unmet, t.updated_at, t.started_at, t.finished_at
  from tasks t join jobs j on j.id = t.job_id left join workers w on w.id = t.worker_id`

function toSummary(row: TaskRow): TaskSummary {
  return {
    id: taskPublicId(row.job_public_id, row.idx),
    jobId: row.job_public_id,
    index: row.idx,
    name: row.name,
    kind: row.kind,
    status: row.status,
    priority: row.priority,
    activity: row.activity,
    steps: { completed: row.steps_completed, total: row.steps_total },
    worker: row.worker_public_id === null || row.worker_name === null ? null : { id: row.worker_public_id, name: row.worker_name },
    attempts: row.attempts,
    warningCount: row.warnings,
    unmet: row.unmet,
    updatedAt: time(row.updated_at),
    startedAt: timeOrNull(row.started_at),
    finishedAt: timeOrNull(row.finished_at),
  }
}

/**
 * A page of a job's tasks in order of index. Without a filter, or with one by status alone, `total` comes from the
 * job's counters; otherwise the matching tasks are counted.
 * @throws InvalidInputError for an unknown status or cursor
 */
export async function pageOfTasks(
  db: ReadDatabase,
  jobId: number,
  query: Static<typeof TaskQuery>,
): Promise<{ items: TaskSummary[]; total: number; next: string | null }> {
  const filter = taskCondition(jobId, query)
  const after = decodeCursor(query.cursor, 'tasks', ['number'])
  const limit = query.limit ?? 100
  const [rows, total] = await Promise.all([
    db.all<TaskRow>(`${SELECT} where ${filter.sql}${after ? ' and t.idx > ?' : ''} order by t.idx limit ?`, [
      ...filter.values,
      ...(after ?? []),
      limit + 1,
    ]),
    countTasks(db, jobId, query, filter),
  ])
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items: items.map(toSummary), total, next: rows.length > limit && last ? encodeCursor('tasks', [last.idx]) : null }
}

async function countTasks(
  db: ReadDatabase,
  jobId: number,
  query: Static<typeof TaskQuery>,
  filter: { sql: string; values: SqlValue[] },
): Promise<number> {
  if (query.kind === undefined && query.q === undefined && query.worker === undefined) {
    const statuses = new Set<string>(words(query.status) ?? TASK_STATUSES)
    const columns = Array.from(statuses, (status) => `count_${status.replace('-', '_')}`)
    const row = await db.get<{ n: number }>(`select ${columns.join(' + ')} as n from jobs where id = ?`, [jobId])
    return row?.n ?? 0
  }
  const row = await db.get<{ n: number }>(`select count(*) as n from tasks t where ${filter.sql}`, filter.values)
  return row?.n ?? 0
}

function taskCondition(jobId: number, query: Static<typeof TaskQuery>): { sql: string; values: SqlValue[] } {
  const sql = ['t.job_id = ?']
  const values: SqlValue[] = [jobId]
  const statuses = words(query.status)
  const unknown = statuses?.find((status) => !TASK_STATUSES.some((known) => known === status))
  if (unknown !== undefined) throw new InvalidInputError('status', `status: "${unknown}" is not one of ${TASK_STATUSES.join(', ')}`)
  if (statuses) {
    // The statuses are validated by now. As literals, they match the partial index of failed tasks.
    sql.push(`t.status in (${statuses.map((status) => `'${status}'`).join(', ')})`)
  }
  const kinds = words(query.kind)
  if (kinds) {
    sql.push('t.kind in (select value from json_each(?))')
    values.push(JSON.stringify(kinds))
  }
  if (query.q?.trim()) {
    sql.push(`t.name like ? escape '\\'`)
    values.push(`%${query.q.trim().replace(/[\\%_]/g, '\\$&')}%`)
  }
  if (query.worker) {
    sql.push('t.worker_id = (select id from workers where public_id = ?)')
    values.push(query.worker.toLowerCase())
  }
  return { sql: sql.join(' and '), values }
}

/** The keys of a task, and its job's owner. */
export interface TaskKey {
  id: number
  jobId: number
  jobPublicId: string
  owner: string
  ownerId: string
  attempts: number
}

/** The task with this public id; undefined when there is none. */
export async function findTaskKey(db: ReadDatabase, publicId: string): Promise<TaskKey | undefined> {
  const parsed = parseTaskId(publicId)
  if (!parsed) return undefined
  return db.get<TaskKey>(
    `select t.id, t.job_id as jobId, j.public_id as jobPublicId, j.owner, j.owner_id as ownerId, t.attempts from jobs j join tasks t on t.job_id = j.id
     where substr(j.public_id, 10) = ? and t.idx = ?`,
    [parsed.jobTail, parsed.index],
  )
}

/** The jobs of these tasks, by task id; tasks that do not exist are omitted. */
export async function jobsOfTasks(
  db: ReadDatabase,
  publicIds: readonly string[],
): Promise<Map<string, { publicId: string; owner: string; ownerId: string }>> {
  const tails = new Set(publicIds.flatMap((id) => parseTaskId(id)?.jobTail ?? []))
  const jobs = await db.all<{ tail: string; publicId: string; owner: string; ownerId: string; tasks: number }>(
    `select substr(public_id, 10) as tail, public_id as publicId, owner, owner_id as ownerId, task_count as tasks from jobs
     where substr(public_id, 10) in (select value from json_each(?))`,
    [JSON.stringify([...tails])],
  )
  const byTail = new Map(jobs.map((job) => [job.tail, job]))
  return new Map(
    publicIds.flatMap((id) => {
      const parsed = parseTaskId(id)
      const job = parsed && byTail.get(parsed.jobTail)
      return job && parsed.index >= 1 && parsed.index <= job.tasks ? [[id, job] as const] : []
    }),
  )
}

/** One task with its commands, attempts, and the workers that failed it. */
export async function readTask(db: ReadDatabase, id: number): Promise<Task | undefined> {
  const [row, commands, failedBy] = await Promise.all([
    db.get<TaskRow>(`${SELECT} where t.id = ?`, [id]),
    db.get<{ body: string; params: string | null }>(
      'select c.body, t.params from tasks t join command_templates c on c.id = t.template_id where t.id = ?',
      [id],
    ),
    db.all<NamedRef>(
      'select w.public_id as id, w.name from task_failures f join workers w on w.id = f.worker_id where f.task_id = ? order by f.at',
      [id],
    ),
  ])
  if (!row) return undefined
  const summary = toSummary(row)
  return {
    ...summary,
    commands: commands ? expandCommands(commands.body, commands.params) : [],
    failedBy,
    warnings: await warningsOfTask(db, id),
    attemptList: await attemptsOfTask(db, id, summary.id),
  }
}
