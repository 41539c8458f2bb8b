/** Deletes for good: tasks that have ended, logs of attempts, and the files of logs that nothing needs any longer. */
import type { DroppedTasks } from '../../engine/base/ports.ts'
import type { LogSegments } from '../../logs/segments.ts'
import type { Connection, ReadDatabase } from '../connection.ts'
import type { Writer } from '../writer.ts'

export class Drops {
  constructor(
    private readonly writer: Writer,
    private readonly read: ReadDatabase,
    private readonly segments: LogSegments,
  ) {}

  async tasks(jobId: number, tasks: readonly number[]): Promise<DroppedTasks> {
    const dropped = await this.writer.exclusive((tx) => dropEndedTasks(tx, jobId, tasks))
    await this.freeSegments()
    return dropped
  }

  async logs(jobId: number, tasks: readonly number[]): Promise<void> {
    await this.writer.exclusive((tx) => dropLogs(tx, jobId, tasks))
    await this.freeSegments()
  }

  async freeSegments(): Promise<void> {
    const dead = await this.read.all<{ id: number }>('select id from log_segments where live_bytes <= 0')
    for (const { id } of dead) {
      if (await this.segments.remove(id)) this.writer.statement('delete from log_segments where id = ?', [id])
    }
    await this.writer.durable()
  }
}

const ATTEMPTS = 'select id from attempts where task_id in (select value from json_each(?))'

/** Tasks with everything that belongs to them. Inside of a transaction. */
export async function deleteTasks(tx: Connection, ids: readonly number[]): Promise<void> {
  await deleteLogChunks(tx, ids)
  await tx.run('delete from tasks where id in (select value from json_each(?))', [JSON.stringify(ids)])
}

/** Those of the tasks that have ended and that nothing depends on. */
async function dropEndedTasks(tx: Connection, jobId: number, wanted: readonly number[]): Promise<DroppedTasks> {
  const found = await tx.all<{ id: number; status: string; done: number; total: number }>(
    `select id, status, steps_completed as done, steps_total as total from tasks
     where id in (select value from json_each(?)) and job_id = ? and status in ('completed', 'failed', 'canceled')
       and not exists (select 1 from task_dependencies where depends_on_id = tasks.id)
       and not exists (select 1 from attempts where task_id = tasks.id and status = 'active')`,
    [JSON.stringify(wanted), jobId],
  )
  const dropped: DroppedTasks = { completed: 0, failed: 0, canceled: 0, stepsCompleted: 0, stepsTotal: 0 }
  for (const { status, done, total } of found) {
    // The query asks for these only.
    dropped[status as 'completed' | 'failed' | 'canceled']++
    dropped.stepsCompleted += done
    dropped.stepsTotal += total
  }
  const ids = found.map(({ id }) => id)
  await deleteTasks(tx, ids)
  return dropped
}

/** The text of all attempts of tasks that have ended; the attempts stay. */
async function dropLogs(tx: Connection, jobId: number, wanted: readonly number[]): Promise<void> {
  const ended = await tx.all<{ id: number }>(
    `select id from tasks where id in (select value from json_each(?)) and job_id = ? and status in ('completed', 'failed', 'canceled')`,
    [JSON.stringify(wanted), jobId],
  )
  const ids = ended.map(({ id }) => id)
  await deleteLogChunks(tx, ids)
  await tx.run('update attempts set log_bytes = 0, log_lines = 0 where task_id in (select value from json_each(?))', [JSON.stringify(ids)])
}

/** What no chunk of a segment needs any longer is given back with the segment. */
async function deleteLogChunks(tx: Connection, ids: readonly number[]): Promise<void> {
  const list = JSON.stringify(ids)
  await tx.run(
    `update log_segments set live_bytes = live_bytes - freed.bytes
     from (select segment_id, sum(bytes) as bytes from log_chunks where attempt_id in (${ATTEMPTS}) group by segment_id) as freed
     where log_segments.id = freed.segment_id`,
    [list],
  )
  await tx.run(`delete from log_chunks where attempt_id in (${ATTEMPTS})`, [list])
}
