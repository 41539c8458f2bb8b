/** Rows of the Fastlane dialect that are stored with a job or a new task of it: the task that groups jobs, the job, the execution. */
import type { Connection } from './connection.ts'

/** What the dialect knows of a job beyond the farm's own columns. Times: milliseconds since the epoch. */
export interface FastlaneJobValues {
  /** Name of the Fastlane task. */
  task: string
  clientId: string
  image: string
  command: string
  requestIp: string
  /** Protocol 4.2, without what moves. */
  metadata: Record<string, unknown>
}

export interface FastlaneRun {
  /** Given when a job is made or changed; retries start at 0 again then. */
  job?: FastlaneJobValues
  /** The execution that the one new task is. None: a job that waits for its cron. */
  execution?: { image: string; command: string; requestIp: string | null; appearsAt: number; expiresAt: number | null }
  /** Opaque id of what is queued now; null: nothing new. */
  queueId: string
  /** Given: how many automatic retries there have been. */
  retryCount?: number
  /** Executions that have not appeared yet never will. */
  dropDelayed?: boolean
  /** The execution (internal task id) whose end this follows: what follows from an end happens once. */
  settles?: number
}

export async function writeFastlaneRun(
  tx: Connection,
  { jobId, firstTaskId, at }: { jobId: number; firstTaskId: number; at: number },
  run: FastlaneRun,
): Promise<void> {
  if (run.dropDelayed) await tx.run('delete from fastlane_executions where job_id = ? and appears_at > ?', [jobId, at])
  if (run.job) await writeJob(tx, jobId, at, run.job)
  await tx.run('update fastlane_jobs set queue_id = ?, retry_count = coalesce(?, retry_count), modified_at = ? where job_id = ?', [
    run.queueId,
    run.retryCount ?? null,
    at,
    jobId,
  ])
  if (run.execution) {
    const { image, command, requestIp, appearsAt, expiresAt } = run.execution
    await tx.run(
      'insert into fastlane_executions (task_id, job_id, image, command, request_ip, appears_at, expires_at) values (?, ?, ?, ?, ?, ?, ?)',
      [firstTaskId, jobId, image, command, requestIp, appearsAt, expiresAt],
    )
  }
  if (run.settles !== undefined) await tx.run('update fastlane_executions set settled_at = ? where task_id = ?', [at, run.settles])
}

async function writeJob(tx: Connection, jobId: number, at: number, job: FastlaneJobValues): Promise<void> {
  await tx.run('insert or ignore into fastlane_tasks (name, created_at, modified_at) values (?, ?, ?)', [job.task, at, at])
  const known = await tx.get('select 1 from fastlane_jobs where job_id = ?', [jobId])
  const metadata = JSON.stringify(job.metadata)
  if (known) {
    await tx.run('update fastlane_jobs set image = ?, command = ?, metadata = ?, retry_count = 0 where job_id = ?', [
      job.image,
      job.command,
      metadata,
      jobId,
    ])
    return
  }
  await tx.run('update fastlane_tasks set modified_at = ? where name = ?', [at, job.task])
  await tx.run(
    `insert into fastlane_jobs (job_id, task_id, client_id, image, command, request_ip, metadata, created_at, modified_at)
     select ?, id, ?, ?, ?, ?, ?, ?, ? from fastlane_tasks where name = ?`,
    [jobId, job.clientId, job.image, job.command, job.requestIp, metadata, at, at, job.task],
  )
}
