/** Rows of actors' workers. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface WorkerRow {
  readonly actorKey: number
  readonly number: number
  readonly createdAt: number
  lastExecutionAt: number | null
  /** Public id of the farm's worker that it ran on last. */
  workerId: string | null
  container: string | null
}

export const loadWorkers = (db: ReadDatabase): Promise<WorkerRow[]> =>
  db.all(
    `select actor_key as actorKey, number, created_at as createdAt, last_execution_at as lastExecutionAt, worker_id as workerId, container
     from actor_workers order by actor_key, number`,
  )

/** What runs, and where. */
export const loadRunning = (db: ReadDatabase): Promise<{ actorKey: number; worker: number; number: number }[]> =>
  db.all(`select actor_key as actorKey, worker, number from actor_executions where status = 'RUNNING' and worker is not null`)

export async function saveWorker(tx: Connection, worker: WorkerRow): Promise<void> {
  await tx.run(
    'insert or replace into actor_workers (actor_key, number, created_at, last_execution_at, worker_id, container) values (?, ?, ?, ?, ?, ?)',
    [worker.actorKey, worker.number, worker.createdAt, worker.lastExecutionAt, worker.workerId, worker.container],
  )
}

export async function deleteWorker(tx: Connection, { actorKey, number }: Pick<WorkerRow, 'actorKey' | 'number'>): Promise<void> {
  await tx.run('delete from actor_workers where actor_key = ? and number = ?', [actorKey, number])
}

/** The worker that runs an execution. */
export async function noteWorker(tx: Connection, taskKey: number, worker: number): Promise<void> {
  await tx.run('update actor_executions set worker = ? where task_id = ?', [worker, taskKey])
}
