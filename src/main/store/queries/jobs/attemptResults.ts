/** Results that programs handed over while they ran (table attempt_results), and the blobs that tasks get as input. */
import type { ReadDatabase } from '../../connection.ts'
import type { TransactionalDatabase } from '../farm/accounts.ts'

/** The oldest result of a task (internal key) that is left, removed for good before it is returned; undefined when there is none. */
export function popResult(write: TransactionalDatabase, taskKey: number): Promise<Buffer | undefined> {
  return write.exclusive(async (tx) => {
    const row = await tx.get<{ body: string }>(
      `delete from attempt_results where id = (select min(id) from attempt_results where task_id = ?) returning body`,
      [taskKey],
    )
    return row && Buffer.from(row.body, 'base64')
  })
}

/** Results of a task that are left, the oldest first, without removing them. */
export async function resultsOf(db: ReadDatabase, taskKey: number, limit: number): Promise<{ id: number; at: number; body: Buffer }[]> {
  const rows = await db.all<{ id: number; at: number; body: string }>(
    'select id, at, body from attempt_results where task_id = ? order by id limit ?',
    [taskKey, limit],
  )
  return rows.map(({ body, ...row }) => ({ ...row, body: Buffer.from(body, 'base64') }))
}

/** Whether a task that has not ended gets this blob as its input. */
export async function isInputNeeded(db: ReadDatabase, { sha, size }: { sha: string; size: number }): Promise<boolean> {
  const row = await db.get(
    `select 1 from task_inputs i join tasks t on t.id = i.task_id
     where i.sha = ? and i.size = ? and t.status not in ('completed', 'failed', 'canceled') limit 1`,
    [sha, size],
  )
  return row !== undefined
}
