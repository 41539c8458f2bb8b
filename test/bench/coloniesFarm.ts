/** A colony with a million waiting processes, made by SQL on a stopped manager as the API would have made them. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { processIdOf } from '../../src/main/dialects/colonies/wire/values.ts'
import { Connection, type SqlValue } from '../../src/main/store/connection.ts'

const JOBS = 200
const PROCESSES_PER_JOB = 5_000

export const MANY_QUEUED = JOBS * PROCESSES_PER_JOB

/** Copies the only process of the farm. Returns the ids of the copies that are first in line, in their order. */
export async function fillColony(dataDir: string, ids: number): Promise<string[]> {
  const db = await Connection.open(join(dataDir, 'framehouse.sqlite'), 'write')
  const columns = async (table: string, replaced: Record<string, string>): Promise<string> => {
    const rows = await db.all<{ name: string }>('select name from pragma_table_info(?)', [table])
    const values = rows.map(({ name }) => replaced[name] ?? `o."${name}"`)
    return `insert into ${table} (${rows.map(({ name }) => `"${name}"`).join(', ')}) select ${values.join(', ')} from ${table} o`
  }
  const jobs = Array.from({ length: JOBS }, () => randomUUID())
  await db.exec('pragma foreign_keys = on; begin immediate')
  const run = (sql: string, values: SqlValue[] = []) => db.run(sql, values)
  const [job] = await db.all<{ id: number }>(`select id from jobs where type = 'colonies-processes'`)
  const [task] = await db.all<{ id: number; order_key: number }>('select id, order_key from tasks where job_id = ?', [job?.id ?? 0])
  if (!job || !task) throw new Error('there is no process to copy')
  const counts = { task_count: '?2', count_queued: '?2', steps_total: '?2', status: `'queued'` }
  await run(`${await columns('jobs', { id: '1000000 + n.key', public_id: 'n.value', ...counts })}, json_each(?1) n where o.id = ?3`, [
    JSON.stringify(jobs),
    PROCESSES_PER_JOB,
    job.id,
  ])
  await run(`${await columns('command_templates', { id: 'j.id', job_id: 'j.id' })}, jobs j where o.job_id = ?1 and j.id >= 1000000`, [
    job.id,
  ])
  await run(`${await columns('colonies_jobs', { job_id: 'j.id', open: '0' })}, jobs j where o.job_id = ?1 and j.id >= 1000000`, [job.id])
  const id = `j.id * ${PROCESSES_PER_JOB} + n.i`
  const numbers = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${PROCESSES_PER_JOB})`
  // As old as their place says: a millisecond for each.
  const age = `${MANY_QUEUED} - (j.id - 1000000) * ${PROCESSES_PER_JOB} - n.i`
  await run(
    `${numbers} ${await columns('tasks', { id, job_id: 'j.id', idx: 'n.i', template_id: 'j.id', order_key: `?2 - (${age} + 1) * 1024` })},
     jobs j, n where o.id = ?1 and j.id >= 1000000`,
    [task.id, task.order_key],
  )
  await run(
    `${numbers} ${await columns('colonies_processes', { task_id: id, job_id: 'j.id', submitted_at: `o.submitted_at - ${age} - 1` })},
     jobs j, n where o.task_id = ?1 and j.id >= 1000000`,
    [task.id],
  )
  await db.exec('commit; pragma wal_checkpoint(truncate)')
  await db.close()
  return Array.from({ length: ids }, (_, at) => processIdOf(jobs[Math.floor(at / PROCESSES_PER_JOB)] ?? '', (at % PROCESSES_PER_JOB) + 1))
}
