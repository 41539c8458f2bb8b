/** The history of schedules: their firings, with the current state of the jobs. */
import type { JobStatus } from '../../../../shared/enums.ts'
import type { Firing, FiringPage } from '../../../../shared/schemas/schedule.ts'
import type { ReadDatabase } from '../../connection.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { time } from '../format.ts'

interface FiringRow {
  id: number
  scheduleId: number
  number: number | null
  dueAt: number
  firedAt: number
  cause: Firing['cause']
  outcome: Firing['outcome']
  reason: string
  count: number
  jobId: string | null
  jobName: string | null
  jobStatus: JobStatus | null
  jobDeletedAt: number | null
}

const SELECT_FIRINGS = `select f.id, f.schedule_id as scheduleId, f.number, f.due_at as dueAt, f.fired_at as firedAt, f.cause, f.outcome, f.reason, f.count,
    j.public_id as jobId, j.name as jobName, j.status as jobStatus, j.deleted_at as jobDeletedAt
  from schedule_firings f left join jobs j on j.id = f.job_id`

/** A page of a schedule's firings, newest first. @throws InvalidInputError for a cursor of another list */
export async function pageOfFirings(db: ReadDatabase, scheduleId: number, query: { limit?: number; cursor?: string }): Promise<FiringPage> {
  const [before = Number.MAX_SAFE_INTEGER] = decodeCursor(query.cursor, 'firings', ['number']) ?? []
  const limit = query.limit ?? 100
  const rows = await db.all<FiringRow>(`${SELECT_FIRINGS} where f.schedule_id = ? and f.id < ? order by f.id desc limit ?`, [
    scheduleId,
    before,
    limit + 1,
  ])
  const items = rows.slice(0, limit).map(shown)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last ? encodeCursor('firings', [last.id]) : null }
}

/** The newest firing of each of these schedules. */
export async function lastFirings(db: ReadDatabase, scheduleIds: readonly number[]): Promise<Map<number, Firing>> {
  const rows = await db.all<FiringRow>(
    `${SELECT_FIRINGS} where f.id in (select max(id) from schedule_firings where schedule_id in (select value from json_each(?)) group by schedule_id)`,
    [JSON.stringify(scheduleIds)],
  )
  return new Map(rows.map((row) => [row.scheduleId, shown(row)]))
}

function shown(row: FiringRow): Firing {
  const { id, number, cause, outcome, reason, count, jobId, jobName, jobStatus, jobDeletedAt } = row
  const job =
    jobId === null || jobName === null || jobStatus === null
      ? null
      : { id: jobId, name: jobName, status: jobStatus, deleted: jobDeletedAt !== null }
  return { id, number, dueAt: time(row.dueAt), firedAt: time(row.firedAt), cause, outcome, reason, count, job }
}
