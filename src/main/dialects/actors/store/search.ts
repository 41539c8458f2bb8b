/** Searches of executions in the database. */
import type { ReadDatabase, SqlValue } from '../../../store/connection.ts'
import { EXECUTION_COLUMNS, type ExecutionDetail } from './executions.ts'

/** Sorted at once. */
const FEW = 2_000

export interface ExecutionQuery {
  /** Only of these actors. */
  actors: readonly number[]
  where: readonly string[]
  values: readonly SqlValue[]
}

function whereOf({ actors, where, values }: ExecutionQuery): { text: string; values: SqlValue[] } {
  const mine = actors.length === 1 ? 'e.actor_key = ?' : 'e.actor_key in (select value from json_each(?))'
  const list: SqlValue = actors.length === 1 ? (actors[0] ?? 0) : JSON.stringify(actors)
  return { text: [mine, ...where].join(' and '), values: [list, ...values] }
}

export async function countExecutions(db: ReadDatabase, query: ExecutionQuery): Promise<number> {
  const { text, values } = whereOf(query)
  const row = await db.get<{ n: number }>(`select count(*) as n from actor_executions e where ${text}`, values)
  return row?.n ?? 0
}

/** In the order of their keys. @param after key of the last one before @param total how many there are, if that is known */
export async function searchedExecutions(
  db: ReadDatabase,
  query: ExecutionQuery,
  page: { after: number; skip: number; limit: number; total?: number },
): Promise<ExecutionDetail[]> {
  const { text: indexed, values } = whereOf(query)
  // All indexes begin with the actor: without it, the rows are walked in the order that is asked for.
  const text = (await isDense(db, page)) ? `+${indexed}` : indexed
  return db.all(
    `select ${EXECUTION_COLUMNS}, a.number as attempt, a.result, a.reason
     from (select task_id from actor_executions e where ${text} and task_id > ? order by task_id limit ? offset ?) as found
     join actor_executions e on e.task_id = found.task_id join tasks t on t.id = e.task_id
     left join attempts a on a.task_id = t.id and a.number = t.attempts order by e.task_id`,
    [...values, page.after, page.limit, page.skip],
  )
}

/** Whether so many rows are found that the first of them are met sooner by walking all than by sorting those that an index finds. */
async function isDense(db: ReadDatabase, { skip, limit, total = 0 }: { skip: number; limit: number; total?: number }): Promise<boolean> {
  if (total <= FEW) return false
  const row = await db.get<{ span: number | null }>(
    'select (select max(task_id) from actor_executions) - (select min(task_id) from actor_executions) + 1 as span',
  )
  return ((skip + limit) * (row?.span ?? 0)) / total < total
}
