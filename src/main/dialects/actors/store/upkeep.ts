/** Old results, logs and executions. What writes is inside of a transaction; all in slices. */
import { insertEntries } from '../../../store/queries/farm/outbox.ts'
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

/** Rows of one transaction. */
const SLICE = 2_000

export { insertEntries as enter }

export async function hasActor(db: ReadDatabase, jobId: string): Promise<boolean> {
  return (await db.get('select 1 from actors where job_id = ?', [jobId])) !== undefined
}

/** Of actors' executions only. */
export async function dropResults(tx: Connection, before: number): Promise<void> {
  await tx.run(
    `delete from attempt_results where id in (select r.id from attempt_results r join actor_executions e on e.task_id = r.task_id where r.at < ? limit ${SLICE})`,
    [before],
  )
}

export async function expireLogs(tx: Connection, actorKey: number, before: number): Promise<void> {
  await tx.run(
    `update actor_executions set log_expired = 1 where task_id in
       (select task_id from actor_executions where actor_key = ? and log_expired = 0 and finished_at < ? limit ${SLICE})`,
    [actorKey, before],
  )
}

/** Tasks whose log's time is over, of executions that ended before this moment. */
export async function expiredLogs(db: ReadDatabase, actorKey: number, before: number): Promise<number[]> {
  return keysOf(
    await db.all<Found>(
      `select task_id as taskId from actor_executions where actor_key = ? and log_expired = 1 and finished_at < ? limit ${SLICE}`,
      [actorKey, before],
    ),
  )
}

/** Their logs are gone. */
export async function noteLogsDropped(tx: Connection, tasks: readonly number[]): Promise<void> {
  await tx.run('update actor_executions set log_expired = 2 where task_id in (select value from json_each(?))', [JSON.stringify(tasks)])
}

/** Tasks of executions that ended before this moment. */
export async function oldExecutions(db: ReadDatabase, actorKey: number, before: number): Promise<number[]> {
  return keysOf(
    await db.all<Found>(`select task_id as taskId from actor_executions where actor_key = ? and finished_at < ? limit ${SLICE}`, [
      actorKey,
      before,
    ]),
  )
}

/** Tasks of the oldest executions beyond this many, of those that ended before this moment. */
export async function surplusExecutions(db: ReadDatabase, actorKey: number, keep: number, before: number): Promise<number[]> {
  return keysOf(
    await db.all<Found>(
      `select task_id as taskId from actor_executions where actor_key = ?1 and finished_at < ?3
       order by number limit min(${SLICE}, max(0, (select count(*) from actor_executions where actor_key = ?1) - ?2))`,
      [actorKey, keep, before],
    ),
  )
}

interface Found {
  taskId: number
}

const keysOf = (rows: readonly Found[]): number[] => rows.map(({ taskId }) => taskId)
