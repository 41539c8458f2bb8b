/** Rows of channel entries. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'

export interface EntryHead {
  id: number
  channel: string
  /** Integers of 64 bits as text. */
  sequence: string
  senderId: string
  bytes: number
}

export interface EntryRow {
  id: number
  sequence: string
  replyTo: string
  senderId: string
  type: string
  payload: Buffer
  at: number
}

export async function insertEntry(tx: Connection, entry: Omit<EntryRow, 'id'> & { taskId: number; channel: string }): Promise<number> {
  const { lastId } = await tx.run(
    `insert into colonies_entries (task_id, channel, sequence, reply_to, sender_id, type, payload, at) values (?, ?, ?, ?, ?, ?, coalesce(?, zeroblob(0)), ?)`,
    [entry.taskId, entry.channel, entry.sequence, entry.replyTo, entry.senderId, entry.type, entry.payload, entry.at],
  )
  return lastId
}

export function entryHeads(db: ReadDatabase, taskId: number): Promise<EntryHead[]> {
  return db.all(
    'select id, channel, sequence, sender_id as senderId, length(payload) as bytes from colonies_entries where task_id = ? order by id',
    [taskId],
  )
}

export async function loadEntries(db: ReadDatabase, ids: readonly number[]): Promise<EntryRow[]> {
  const rows = await db.all<EntryRow>(
    `select id, sequence, reply_to as replyTo, sender_id as senderId, type, payload, at from colonies_entries
     where id in (select value from json_each(?))`,
    [JSON.stringify(ids)],
  )
  const byId = new Map(rows.map((row) => [row.id, row]))
  return ids.flatMap((id) => byId.get(id) ?? [])
}

export async function deleteEntries(tx: Connection, taskId: number): Promise<void> {
  await tx.run('delete from colonies_entries where task_id = ?', [taskId])
}

/** Those of processes that have ended: a crash came between. */
export async function deleteOrphanEntries(tx: Connection): Promise<void> {
  await tx.run(
    `delete from colonies_entries where task_id in (select distinct e.task_id from colonies_entries e
       left join colonies_processes p on p.task_id = e.task_id where p.state is null or p.state >= 2)`,
  )
}
