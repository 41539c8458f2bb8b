/** Executions as the API shows them. Those of deleted jobs are never asked for: their actors are not known then. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export type ExecutionStatus = 'SUBMITTED' | 'RUNNING' | 'COMPLETE' | 'ERROR'

/** Times: milliseconds since the epoch. */
export interface ExecutionRow {
  taskId: number
  actorKey: number
  /** The index of its task. */
  number: number
  executor: string
  status: ExecutionStatus
  /** Number of the actor's worker that ran it. */
  worker: number | null
  receivedAt: number
  startedAt: number | null
  finishedAt: number | null
  exitCode: number | null
  /** Milliseconds, hundredths of a second, sectors. */
  runtime: number
  cpu: number
  io: number
  logExpired: number
}

export const EXECUTION_COLUMNS = `e.task_id as taskId, e.actor_key as actorKey, e.number, e.executor, e.status, e.worker, e.received_at as receivedAt,
  e.started_at as startedAt, e.finished_at as finishedAt, e.exit_code as exitCode, e.runtime, e.cpu, e.io, e.log_expired as logExpired`

/** In the order of their messages. */
export function executionsOf(db: ReadDatabase, actorKey: number, offset: number, limit: number): Promise<ExecutionRow[]> {
  return db.all(`select ${EXECUTION_COLUMNS} from actor_executions e where e.actor_key = ? order by e.number limit ? offset ?`, [
    actorKey,
    limit,
    offset,
  ])
}

/** The newest first. @param before only those with a lower number */
export function newestExecutions(db: ReadDatabase, actorKey: number, before: number | undefined, limit: number): Promise<ExecutionRow[]> {
  return db.all(
    `select ${EXECUTION_COLUMNS} from actor_executions e where e.actor_key = ?1 and (?2 is null or e.number < ?2)
     order by e.number desc limit ?3`,
    [actorKey, before ?? null, limit],
  )
}

export interface ExecutionDetail extends ExecutionRow {
  /** The newest attempt; nulls before the first one. */
  attempt: number | null
  /** JSON of its result, and the reason of its end. */
  result: string | null
  reason: string | null
}

export function findExecution(db: ReadDatabase, actorKey: number, number: number): Promise<ExecutionDetail | undefined> {
  return db.get(
    `select ${EXECUTION_COLUMNS}, a.number as attempt, a.result, a.reason from actor_executions e join tasks t on t.id = e.task_id
     left join attempts a on a.task_id = t.id and a.number = t.attempts where e.actor_key = ? and e.number = ?`,
    [actorKey, number],
  )
}

export interface ExecutionTotals {
  executions: number
  cpu: number
  io: number
  runtime: number
}

export async function totalsOf(db: ReadDatabase, actorKey: number): Promise<ExecutionTotals> {
  const row = await db.get<ExecutionTotals>(
    `select count(*) as executions, coalesce(sum(cpu), 0) as cpu, coalesce(sum(io), 0) as io, coalesce(sum(runtime), 0) as runtime
     from actor_executions where actor_key = ?`,
    [actorKey],
  )
  return row ?? { executions: 0, cpu: 0, io: 0, runtime: 0 }
}

/** Messages that wait. */
export async function countsByStatus(db: ReadDatabase, actorKey: number): Promise<Partial<Record<ExecutionStatus, number>>> {
  const rows = await db.all<{ status: ExecutionStatus; n: number }>(
    `select status, count(*) as n from actor_executions where actor_key = ? group by status`,
    [actorKey],
  )
  return Object.fromEntries(rows.map(({ status, n }) => [status, n]))
}

export async function waitingMessages(db: ReadDatabase, actorKey: number): Promise<number> {
  const row = await db.get<{ n: number }>(`select count(*) as n from actor_executions where actor_key = ? and status = 'SUBMITTED'`, [
    actorKey,
  ])
  return row?.n ?? 0
}

/** Numbers of the executions that wait or run. */
export async function openExecutions(
  db: ReadDatabase,
  actorKey: number,
  status: ExecutionStatus,
  after: number,
  limit: number,
): Promise<number[]> {
  const rows = await db.all<{ number: number }>(
    'select number from actor_executions where actor_key = ? and status = ? and number > ? order by number limit ?',
    [actorKey, status, after, limit],
  )
  return rows.map(({ number }) => number)
}

/** Notes that an execution is to stop, or no longer. */
export async function markHalted(tx: Connection, actorKey: number, number: number, halted: boolean): Promise<void> {
  const running = halted ? ` and status = 'RUNNING'` : ''
  await tx.run(`update actor_executions set halted = ? where actor_key = ? and number = ?${running}`, [Number(halted), actorKey, number])
}

/** Executions that were asked to stop and still run. */
export function haltedExecutions(db: ReadDatabase): Promise<{ actorKey: number; number: number }[]> {
  return db.all('select actor_key as actorKey, number from actor_executions where halted = 1 order by actor_key, number')
}

/** What the message brought (mailbox.ts); undefined for a task that is gone. */
export async function inputOf(db: ReadDatabase, taskKey: number): Promise<string | undefined> {
  return (await db.get<{ input: string | null }>('select input from tasks where id = ?', [taskKey]))?.input ?? undefined
}
