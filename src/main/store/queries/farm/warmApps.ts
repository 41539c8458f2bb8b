/** Sessions as the native API shows them: open ones from the engine's memory, closed ones from the disk. */
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import type { Session } from '../../../../shared/schemas/warmApp.ts'
import type { WarmAppRow } from '../../../engine/base/model.ts'
import type { ReadDatabase } from '../../connection.ts'
import { time, timeOrNull } from '../format.ts'

/** A job of many frames on many workers opens some hundreds of applications; more are not useful. */
const MAX_SHOWN = 500

export function shownSession(row: WarmAppRow, worker: NamedRef): Session {
  const { id, jobId, kind, title, state, reason, tasks, frames, memoryBytes } = row
  return {
    id,
    jobId,
    worker,
    kind,
    title,
    state,
    openedAt: time(row.openedAt),
    closedAt: timeOrNull(row.closedAt),
    reason,
    tasks,
    frames,
    memoryBytes,
  }
}

/** The newest sessions of a job (internal id); `open` is newer than its row. */
export async function sessionsOfJob(db: ReadDatabase, jobKey: number, open: readonly WarmAppRow[]): Promise<Session[]> {
  const rows = await db.all<WarmAppRow & { workerId: string; workerName: string }>(
    `select s.public_id as id, j.public_id as jobId, s.kind, s.key as title, s.phase as state, s.opened_at as openedAt, s.closed_at as closedAt,
       coalesce(s.detail, '') as reason, s.tasks, s.frames, s.memory_bytes as memoryBytes, s.job_id as jobKey, s.worker_id as workerKey,
       w.public_id as workerId, w.name as workerName
     from sessions s join jobs j on j.id = s.job_id join workers w on w.id = s.worker_id
     where s.job_id = ? and s.public_id is not null order by s.id desc limit ?`,
    [jobKey, MAX_SHOWN],
  )
  const newer = new Map(open.map((row) => [row.id, row]))
  return rows.map((row) => shownSession(newer.get(row.id) ?? row, { id: row.workerId, name: row.workerName }))
}
