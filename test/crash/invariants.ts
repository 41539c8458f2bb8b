/** What must hold on the manager's disk, whenever it was killed. Reads the database itself, not the API. */
import { Connection } from '../../src/main/store/connection.ts'
import { SegmentLogReader } from '../../src/main/logs/segmentLogReader.ts'
import { taskPublicId } from '../../src/shared/ids.ts'
import { join } from 'node:path'
import type { Acknowledged } from './crashWorker.ts'

/** Problems found; empty when all is well. `drained`: everything should be completed. */
export async function brokenInvariants(dataDir: string, workers: Acknowledged[], submitted: string[], drained: boolean): Promise<string[]> {
  const db = await Connection.open(join(dataDir, 'framehouse.sqlite'), 'read')
  const problems: string[] = []
  const none = async (what: string, sql: string): Promise<void> => {
    const rows = await db.all(sql)
    if (rows.length > 0) problems.push(`${what}: ${JSON.stringify(rows.slice(0, 3))} (${rows.length})`)
  }
  try {
    const integrity = await db.all<{ integrity_check: string }>('pragma integrity_check')
    if (integrity[0]?.integrity_check !== 'ok') problems.push(`integrity_check: ${JSON.stringify(integrity)}`)
    await none('foreign keys', 'pragma foreign_key_check')
    await none(
      'tasks completed more than once',
      `select task_id, count(*) from attempts where status = 'completed' group by task_id having count(*) > 1`,
    )
    await none(
      'tasks with two running attempts',
      `select task_id from attempts where status = 'active' group by task_id having count(*) > 1`,
    )
    await none(
      'active tasks without a running attempt',
      `select id from tasks t where status = 'active' and not exists (select 1 from attempts a where a.task_id = t.id and a.status = 'active')`,
    )
    await none(
      'completed tasks without a completed attempt',
      `select id from tasks t where status = 'completed' and not exists (select 1 from attempts a where a.task_id = t.id and a.status = 'completed')`,
    )
    await none(
      'job counters that differ from their tasks',
      `select id, task_count from jobs j where status <> 'under-construction' and (
         task_count <> (select count(*) from tasks where job_id = j.id)
         or count_completed <> (select count(*) from tasks where job_id = j.id and status = 'completed')
         or count_active <> (select count(*) from tasks where job_id = j.id and status = 'active')
         or count_queued <> (select count(*) from tasks where job_id = j.id and status = 'queued'))`,
    )
    for (const id of submitted) {
      const job = await db.get<{ status: string }>('select status from jobs where public_id = ?', [id])
      if (!job) problems.push(`acknowledged job ${id} is missing`)
      else if (drained && job.status !== 'completed') problems.push(`job ${id} is ${job.status}`)
    }
    problems.push(...(await missingAcknowledged(db, dataDir, workers)))
  } finally {
    await db.close()
  }
  return problems
}

async function missingAcknowledged(db: Connection, dataDir: string, workers: Acknowledged[]): Promise<string[]> {
  const rows = await db.all<{ public_id: string; idx: number; number: number; status: string }>(
    'select j.public_id, t.idx, a.number, a.status from attempts a join tasks t on t.id = a.task_id join jobs j on j.id = t.job_id',
  )
  const status = new Map(rows.map((row) => [`${taskPublicId(row.public_id, row.idx)}/${row.number}`, row.status]))
  const logs = new SegmentLogReader(db, join(dataDir, 'logs'))
  const problems: string[] = []
  for (const { finished, logs: texts } of workers) {
    for (const key of finished) if (status.get(key) !== 'completed') problems.push(`acknowledged end of ${key} is ${status.get(key)}`)
    for (const [key, text] of texts) {
      const [taskId = '', attempt = ''] = key.split('/')
      const lines = await logs.lines(taskId, Number(attempt), 0, 1_000_000)
      const found = lines.map((line) => (line.stream === 'farm' ? '' : `${line.text}\n`)).join('')
      // What came after the last acknowledgement may be there too.
      if (!found.startsWith(text)) problems.push(`log of ${key}: expected ${JSON.stringify(text)}, found ${JSON.stringify(found)}`)
    }
  }
  return problems.slice(0, 10)
}
