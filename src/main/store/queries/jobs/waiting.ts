/** Examples of a job's waiting tasks. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ReadDatabase } from '../../connection.ts'

export interface WaitingSample {
  taskId: string
  /** Waiting tasks that this one represents: the same kind, also blocked or not. */
  tasks: number
}

/** One waiting task of each kind and situation, the most frequent first. */
export async function waitingSamples(db: ReadDatabase, job: { id: number; publicId: string }, limit: number): Promise<WaitingSample[]> {
  const rows = await db.all<{ idx: number; n: number }>(
    `select min(idx) as idx, count(*) as n from tasks
     where job_id = ? and status in ('queued', 'soft-failed', 'paused')
     group by kind, status, unmet > 0, not_before is not null order by n desc limit ?`,
    [job.id, limit],
  )
  return rows.map((row) => ({ taskId: taskPublicId(job.publicId, row.idx), tasks: row.n }))
}
