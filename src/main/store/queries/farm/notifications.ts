/** The notifications that a job's submitter requested. */
import type { NotificationRule } from '../../../../shared/schemas/notify.ts'
import type { ReadDatabase } from '../../connection.ts'

/** As submitted, with all header values. @param jobId internal key */
export async function notificationRules(db: ReadDatabase, jobId: number): Promise<NotificationRule[]> {
  const row = await db.get<{ rules: string }>('select rules from job_notifications where job_id = ?', [jobId])
  // Validated when the job was submitted.
  return row ? (JSON.parse(row.rules) as NotificationRule[]) : []
}
