/** Conditions on executions as SQL, where the table has the field; the rest is looked at one by one. Pure. */
import type { SqlValue } from '../../../store/connection.ts'
import { parseId } from '../values/ids.ts'
import type { Condition, Operator } from './conditions.ts'

const COLUMNS: Readonly<Record<string, { column: string; type: 'text' | 'number' | 'moment' }>> = {
  status: { column: 'e.status', type: 'text' },
  executor: { column: 'e.executor', type: 'text' },
  message_received_time: { column: 'e.received_at', type: 'moment' },
  start_time: { column: 'e.started_at', type: 'moment' },
  runtime: { column: 'e.runtime', type: 'number' },
  cpu: { column: 'e.cpu', type: 'number' },
  io: { column: 'e.io', type: 'number' },
  exit_code: { column: 'e.exit_code', type: 'number' },
}
const COMPARISONS: Partial<Record<Operator, string>> = { eq: 'is', neq: 'is not', lt: '<', lte: '<=', gt: '>', gte: '>=' }

export interface SqlFilter {
  /** Joined by `and`. */
  where: string[]
  values: SqlValue[]
  /** What the SQL does not cover; undefined: nothing. */
  rest: Condition | undefined
}

export function sqlFilter(condition: Condition): SqlFilter {
  const filter: SqlFilter = { where: [], values: [], rest: undefined }
  const rest: Condition[] = []
  for (const each of flat(condition)) {
    const sql = each.kind === 'field' ? fieldSql(each.path, each.op, each.value) : undefined
    if (sql) {
      filter.where.push(sql.text)
      filter.values.push(...sql.values)
    } else rest.push(each)
  }
  if (rest.length > 0) filter.rest = { kind: 'all', of: rest }
  return filter
}

function flat(condition: Condition): Condition[] {
  return condition.kind === 'all' ? condition.of.flatMap(flat) : [condition]
}

interface Sql {
  text: string
  values: SqlValue[]
}

function fieldSql(path: string, op: Operator, value: unknown): Sql | undefined {
  if (path === 'id' || path === 'actor_id' || path === 'worker_id') return idSql(path, op, value)
  const field = COLUMNS[path]
  if (!field) return undefined
  const bind = (each: unknown): SqlValue | undefined => {
    if (each === null) return null
    if (field.type === 'moment') return each instanceof Date ? each.getTime() : undefined
    return typeof each === (field.type === 'text' ? 'string' : 'number') ? (each as string | number) : undefined
  }
  if (op === 'in' || op === 'between') {
    // Conditions of these kinds carry lists.
    const bound = (value as readonly unknown[]).map(bind)
    if (bound.some((each) => each === undefined || each === null)) return undefined
    if (op === 'in') return { text: `${field.column} in (select value from json_each(?))`, values: [JSON.stringify(bound)] }
    return { text: `${field.column} between ? and ?`, values: bound.flatMap((each) => each ?? []) }
  }
  const comparison = COMPARISONS[op]
  const bound = bind(value)
  if (comparison === undefined || bound === undefined) return undefined
  if (bound === null && op !== 'eq' && op !== 'neq') return undefined
  return { text: `${field.column} ${comparison} ?`, values: [bound] }
}

function idSql(path: string, op: Operator, value: unknown): Sql | undefined {
  const ids = op === 'in' ? (value as readonly unknown[]) : op === 'eq' ? [value] : undefined
  if (!ids || ids.some((id) => typeof id !== 'string')) return undefined
  const parsed = ids.flatMap((id) => parseId(String(id)) ?? [])
  if (path === 'actor_id') {
    const keys = parsed.flatMap((id) => (id.kind === 'actor' ? [id.actorKey] : []))
    return { text: 'e.actor_key in (select value from json_each(?))', values: [JSON.stringify(keys)] }
  }
  const kind = path === 'id' ? 'execution' : 'worker'
  const pairs = parsed.flatMap((id) => (id.kind === kind ? [[id.actorKey, id.number]] : []))
  const column = path === 'id' ? 'e.number' : 'e.worker'
  return { text: `(e.actor_key, ${column}) in (select value->>0, value->>1 from json_each(?))`, values: [JSON.stringify(pairs)] }
}
