/** Jobs of the whole farm by status: their number, and those that a dashboard shows. */
import { JOB_STATUSES, type JobStatus } from '../../../../shared/enums.ts'
import type { ReadDatabase } from '../../connection.ts'

/** Jobs by status, and tasks of those jobs by status. */
export async function countJobs(db: ReadDatabase): Promise<{ jobs: Record<string, number>; tasks: Record<string, number> }> {
  const rows = await db.all<{
    status: string
    jobs: number
    queued: number
    active: number
    completed: number
    failed: number
    canceled: number
    soft: number
    paused: number
  }>(
    `select status, count(*) as jobs, sum(count_queued) as queued, sum(count_active) as active, sum(count_completed) as completed,
       sum(count_failed) as failed, sum(count_canceled) as canceled, sum(count_soft_failed) as soft, sum(count_paused) as paused
     from jobs where deleted_at is null group by status`,
  )
  const jobs: Record<string, number> = Object.fromEntries(JOB_STATUSES.map((status) => [status, 0]))
  const tasks = { queued: 0, active: 0, completed: 0, failed: 0, canceled: 0, 'soft-failed': 0, paused: 0 }
  for (const row of rows) {
    jobs[row.status] = row.jobs
    tasks.queued += row.queued
    tasks.active += row.active
    tasks.completed += row.completed
    tasks.failed += row.failed
    tasks.canceled += row.canceled
    tasks['soft-failed'] += row.soft
    tasks.paused += row.paused
  }
  return { jobs, tasks }
}

/** Internal ids of jobs in these states, the most urgent first. */
export async function jobIdsByStatus(db: ReadDatabase, statuses: readonly JobStatus[], limit: number): Promise<number[]> {
  const rows = await db.all<{ id: number }>(
    `select id from jobs where deleted_at is null and status in (select value from json_each(?))
     order by status = 'active' desc, priority desc, created_at limit ?`,
    [JSON.stringify(statuses), limit],
  )
  return rows.map((row) => row.id)
}

/** Jobs that completed with warnings since then, newest first. */
export function recentlyWarnedJobs(
  db: ReadDatabase,
  since: number,
  limit: number,
): Promise<{ id: string; name: string; warnings: number; at: number }[]> {
  return db.all(
    `select public_id as id, name, warning_count as warnings, finished_at as at from jobs indexed by jobs_warned
     where warning_count > 0 and status = 'completed' and deleted_at is null and finished_at >= ? order by finished_at desc limit ?`,
    [since, limit],
  )
}

/** Jobs that failed since then, newest first. */
export function recentlyFailedJobs(
  db: ReadDatabase,
  since: number,
  limit: number,
): Promise<{ id: string; name: string; activity: string; at: number }[]> {
  return db.all(
    `select public_id as id, name, activity, updated_at as at from jobs
     where status = 'failed' and deleted_at is null and updated_at >= ? order by updated_at desc limit ?`,
    [since, limit],
  )
}
