/** What the dialect reads of a task that has ended. */
import type { ReadDatabase } from '../../../store/connection.ts'

export interface EndedTask {
  input: string | null
  activity: string
  /** Of its newest attempt. */
  reason: string | null
}

/** @param jobKey internal key */
export function endedTask(db: ReadDatabase, jobKey: number, index: number): Promise<EndedTask | undefined> {
  return db.get(
    `select t.input, t.activity, a.reason from tasks t left join attempts a on a.task_id = t.id and a.number = t.attempts
     where t.job_id = ? and t.idx = ?`,
    [jobKey, index],
  )
}
