/** Reads attempts: of one task, and of a whole job as a timeline. */
import type { AttemptStatus, Outcome } from '../../../../shared/enums.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import type { Attempt, TimelineItem } from '../../../../shared/schemas/jobs/task.ts'
import type { ReadDatabase } from '../../connection.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { json, time, timeOrNull } from '../format.ts'

interface AttemptRow {
  number: number
  worker_public_id: string
  worker_name: string
  status: AttemptStatus
  outcome: Outcome | null
  reason: string
  exit_code: number | null
  started_at: number
  ended_at: number | null
  log_bytes: number
  log_lines: number
  result: string | null
  metrics: string | null
}

/** All attempts of a task, first to last. */
export async function attemptsOfTask(db: ReadDatabase, taskId: number, taskPublic: string): Promise<Attempt[]> {
  const rows = await db.all<AttemptRow>(
    `select a.number, w.public_id as worker_public_id, w.name as worker_name, a.status, a.outcome, a.reason, a.exit_code, a.started_at,
       a.ended_at, a.log_bytes, a.log_lines, a.result, a.metrics
     from attempts a join workers w on w.id = a.worker_id where a.task_id = ? order by a.number`,
    [taskId],
  )
  return rows.map((row) => ({
    taskId: taskPublic,
    number: row.number,
    worker: { id: row.worker_public_id, name: row.worker_name },
    status: row.status,
    outcome: row.outcome,
    reason: row.reason,
    exitCode: row.exit_code,
    startedAt: time(row.started_at),
    endedAt: timeOrNull(row.ended_at),
    logBytes: row.log_bytes,
    logLines: row.log_lines,
    result: json<unknown>(row.result, null),
    metrics: json<unknown>(row.metrics, null),
  }))
}

/** Attempts of a job in order of their start. */
export async function timelineOfJob(
  db: ReadDatabase,
  job: { id: number; publicId: string },
  input: { limit: number; cursor?: string },
): Promise<{ items: TimelineItem[]; next: string | null }> {
  const after = decodeCursor(input.cursor, 'timeline', ['number', 'number'])
  const rows = await db.all<{
    id: number
    idx: number
    task_name: string
    number: number
    worker_id: string
    worker_name: string
    status: AttemptStatus
    outcome: Outcome | null
    started_at: number
    ended_at: number | null
  }>(
    `select a.id, t.idx, t.name as task_name, a.number, w.public_id as worker_id, w.name as worker_name,
       a.status, a.outcome, a.started_at, a.ended_at
     from attempts a join tasks t on t.id = a.task_id join workers w on w.id = a.worker_id
     where a.job_id = ?${after ? ' and (a.started_at, a.id) > (?, ?)' : ''} order by a.started_at, a.id limit ?`,
    [job.id, ...(after ?? []), input.limit + 1],
  )
  const shown = rows.slice(0, input.limit)
  const last = shown.at(-1)
  return {
    items: shown.map((row) => ({
      taskId: taskPublicId(job.publicId, row.idx),
      taskName: row.task_name,
      attempt: row.number,
      worker: { id: row.worker_id, name: row.worker_name },
      status: row.status,
      outcome: row.outcome,
      startedAt: time(row.started_at),
      endedAt: timeOrNull(row.ended_at),
    })),
    next: rows.length > input.limit && last ? encodeCursor('timeline', [last.started_at, last.id]) : null,
  }
}
