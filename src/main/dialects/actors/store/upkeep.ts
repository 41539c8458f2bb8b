/** Drops old results, logs and executions. Inside of a transaction, in slices. */
import { insertEntries } from '../../../store/queries/farm/outbox.ts'
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

/** Rows that one transaction drops. */
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

/** Those that ended before this moment. The tasks of the farm stay until their job is deleted. */
export async function dropOldExecutions(tx: Connection, actorKey: number, before: number): Promise<void> {
  await tx.run(
    `delete from actor_executions where task_id in (select task_id from actor_executions where actor_key = ? and finished_at < ? limit ${SLICE})`,
    [actorKey, before],
  )
}

/** The oldest ended ones beyond this many. */
export async function dropSurplusExecutions(tx: Connection, actorKey: number, keep: number): Promise<void> {
  await tx.run(
    `delete from actor_executions where task_id in (select task_id from actor_executions where actor_key = ?1 and finished_at is not null
       order by number limit min(${SLICE}, max(0, (select count(*) from actor_executions where actor_key = ?1) - ?2)))`,
    [actorKey, keep],
  )
}
