/** Rows of the Fastlane dialect that are stored with a job or a new task: the task that groups jobs, the job, the execution. */
import { randomUUID } from 'node:crypto'
import type { Connection } from '../../../store/connection.ts'

/** What the dialect knows of a job beyond the farm's own columns. Times: milliseconds since the epoch. */
export interface FastlaneJobValues {
  /** Name of the Fastlane task. */
  task: string
  clientId: string
  image: string
  command: string
  requestIp: string
  /** Protocol 4.2, without the parts that change. */
  metadata: Record<string, unknown>
}

export interface FastlaneRun {
  /** Set when a job is created or changed; resets the count of automatic retries. */
  job?: FastlaneJobValues
  /** The execution that the one new task represents. None: a job that waits for its cron. `appearsAt` null: now. */
  execution?: { image: string; command: string; requestIp: string | null; appearsAt: number | null; expiresAt: number | null }
  /** If set: the number of automatic retries so far. */
  retryCount?: number
  /** Drops executions that are not visible yet. */
  dropDelayed?: boolean
  /** Internal id of the task whose end this follows: an end is acted on once. */
  settles?: number
  /** Internal id of the task that this one replaces and that must be stopped. */
  stops?: number
}

export async function writeFastlaneRun(
  tx: Connection,
  { jobId, firstTaskId, at }: { jobId: number; firstTaskId: number; at: number },
  run: FastlaneRun,
): Promise<void> {
  if (run.dropDelayed) await tx.run('delete from fastlane_executions where job_id = ? and appears_at > ?', [jobId, at])
  if (run.job) await writeJob(tx, jobId, at, run.job)
  await tx.run('update fastlane_jobs set queue_id = ?, retry_count = coalesce(?, retry_count), modified_at = ? where job_id = ?', [
    randomUUID(),
    run.retryCount ?? null,
    at,
    jobId,
  ])
  if (run.execution) {
    const { image, command, requestIp, appearsAt, expiresAt } = run.execution
    await tx.run(
      'insert into fastlane_executions (task_id, job_id, image, command, request_ip, appears_at, expires_at) values (?, ?, ?, ?, ?, ?, ?)',
      [firstTaskId, jobId, image, command, requestIp, appearsAt ?? at, expiresAt],
    )
  }
  if (run.stops !== undefined) await tx.run('update fastlane_executions set stopped_at = ? where task_id = ?', [at, run.stops])
  if (run.settles !== undefined) await tx.run('update fastlane_executions set settled_at = ? where task_id = ?', [at, run.settles])
}

/** Changes a job without adding a run (a cron job that gets another command). */
export async function changeFastlaneJob(tx: Connection, jobId: number, job: FastlaneJobValues, at: number): Promise<void> {
  await writeFastlaneRun(tx, { jobId, firstTaskId: 0, at }, { job, dropDelayed: true })
}

/** Records that a client stopped executions, and that there are no more retries. @param taskIds internal ids */
export async function noteStop(tx: Connection, jobId: number, taskIds: number[], at: number): Promise<void> {
  await tx.run('update fastlane_executions set stopped_at = ? where task_id in (select value from json_each(?))', [
    at,
    JSON.stringify(taskIds),
  ])
  await tx.run('delete from fastlane_executions where job_id = ? and appears_at > ? and task_id in (select value from json_each(?))', [
    jobId,
    at,
    JSON.stringify(taskIds),
  ])
  await tx.run(`update fastlane_jobs set retry_count = coalesce(metadata ->> 'retries', 0) + 1, modified_at = ? where job_id = ?`, [
    at,
    jobId,
  ])
}

/** Records what is still to be done for a job; null: nothing. */
export async function setPending(tx: Connection, jobId: number, pending: 'stop' | null): Promise<void> {
  await tx.run('update fastlane_jobs set pending = ? where job_id = ?', [pending, jobId])
}

/** Records the result of a webhook call; only the last few failed ones are kept (protocol 8.1). */
export async function addDispatch(tx: Connection, taskId: number, dispatch: Record<string, unknown>, keep: number | null): Promise<void> {
  const row = await tx.get<{ dispatches: string }>('select dispatches from fastlane_executions where task_id = ?', [taskId])
  if (!row) return
  // Written by this function alone.
  const dispatches = [...(JSON.parse(row.dispatches) as unknown[]), dispatch].slice(-(keep ?? MAX_DISPATCHES))
  await tx.run('update fastlane_executions set dispatches = ? where task_id = ?', [JSON.stringify(dispatches), taskId])
}

/** Further hooks are called but not all recorded. */
const MAX_DISPATCHES = 100

export async function markSettled(tx: Connection, taskId: number, at: number): Promise<void> {
  await tx.run('update fastlane_executions set settled_at = ? where task_id = ?', [at, taskId])
}

async function writeJob(tx: Connection, jobId: number, at: number, job: FastlaneJobValues): Promise<void> {
  await tx.run('insert or ignore into fastlane_tasks (name, created_at, modified_at) values (?, ?, ?)', [job.task, at, at])
  const known = await tx.get('select 1 from fastlane_jobs where job_id = ?', [jobId])
  const metadata = JSON.stringify(job.metadata)
  const isCron = job.metadata['cron'] !== undefined
  if (known) {
    await tx.run('update fastlane_jobs set image = ?, command = ?, metadata = ?, retry_count = 0, pending = ? where job_id = ?', [
      job.image,
      job.command,
      metadata,
      isCron ? 'schedule' : 'unschedule',
      jobId,
    ])
    return
  }
  await tx.run('update fastlane_tasks set modified_at = ? where name = ?', [at, job.task])
  await tx.run(
    `insert into fastlane_jobs (job_id, task_id, client_id, image, command, request_ip, metadata, pending, created_at, modified_at)
     select ?, id, ?, ?, ?, ?, ?, ?, ?, ? from fastlane_tasks where name = ?`,
    [jobId, job.clientId, job.image, job.command, job.requestIp, metadata, isCron ? 'schedule' : null, at, at, job.task],
  )
}
