/** Rows of attributes and logs. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface StoredAttribute {
  id: string
  key: string
  value: string
  type: number
}

/** False: it exists. */
export async function insertAttribute(
  tx: Connection,
  { id, taskId, key, value, type }: StoredAttribute & { taskId: number },
): Promise<boolean> {
  const { changes } = await tx.run('insert or ignore into colonies_attributes (id, task_id, key, value, type) values (?, ?, ?, ?, ?)', [
    id,
    taskId,
    key,
    value,
    type,
  ])
  return changes > 0
}

export function findAttribute(
  db: ReadDatabase,
  id: string,
): Promise<(StoredAttribute & { jobPublicId: string; index: number; colonyId: number; state: number; isGraph: number }) | undefined> {
  return db.get(
    `select a.id, a.key, a.value, a.type, j.public_id as jobPublicId, t.idx as "index", p.colony_id as colonyId, p.state,
       exists (select 1 from colonies_graphs g where g.job_id = p.job_id) as isGraph
     from colonies_attributes a join colonies_processes p on p.task_id = a.task_id join tasks t on t.id = a.task_id join jobs j on j.id = p.job_id
     where a.id = ? and p.state is not null`,
    [id],
  )
}

export interface LogRow {
  jobPublicId: string | null
  index: number | null
  executorName: string
  message: string
  at: number
  part: number
}

export interface LogPage {
  count: number
  /** Only what came after this time; nanoseconds. */
  since: bigint
  /** The newest ones, instead of the first ones after `since`. */
  newest: boolean
}

export async function insertLog(
  tx: Connection,
  line: { colonyId: number; taskId: number | null; executorName: string; message: string; at: number; part: number },
): Promise<void> {
  await tx.run('insert into colonies_logs (colony_id, task_id, executor_name, message, at, part) values (?, ?, ?, ?, ?, ?)', [
    line.colonyId,
    line.taskId,
    line.executorName,
    line.message,
    line.at,
    line.part,
  ])
}

const LOG = `select j.public_id as jobPublicId, t.idx as "index", l.executor_name as executorName, l.message, l.at, l.part
  from colonies_logs l left join tasks t on t.id = l.task_id left join jobs j on j.id = t.job_id`

export function logsOfProcess(db: ReadDatabase, taskId: number, page: LogPage): Promise<LogRow[]> {
  return paged(db, 'l.task_id = ?', [taskId], page)
}

export function logsOfExecutor(db: ReadDatabase, colonyId: number, executorName: string, page: LogPage): Promise<LogRow[]> {
  return paged(db, 'l.colony_id = ? and l.executor_name = ?', [colonyId, executorName], page)
}

async function paged(db: ReadDatabase, where: string, values: (string | number)[], { count, since, newest }: LogPage): Promise<LogRow[]> {
  const at = Number(since / 1_000_000n)
  const order = newest ? 'desc' : 'asc'
  const rows = await db.all<LogRow>(
    `${LOG} where ${where} and (l.at > ? or (l.at = ? and l.part > ?)) order by l.at ${order}, l.part ${order} limit ?`,
    [...values, at, at, Number(since % 1_000_000n), count],
  )
  return newest ? rows.toReversed() : rows
}

export function searchLogs(db: ReadDatabase, colonyId: number, text: string, since: number, count: number): Promise<LogRow[]> {
  return db.all(`${LOG} where l.colony_id = ? and l.at >= ? and instr(l.message, ?) > 0 order by l.at desc, l.part desc limit ?`, [
    colonyId,
    since,
    text,
    count,
  ])
}
