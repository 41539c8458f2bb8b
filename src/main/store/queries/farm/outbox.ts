/** The outbox: messages to other systems that are not delivered yet, and the result of the rest. */
import type { DeliveryEntry } from '../../../../shared/schemas/notify.ts'
import type { Connection, ReadDatabase } from '../../connection.ts'
import { time } from '../format.ts'

export interface OutboxRow {
  id: number
  kind: string
  payload: string
  tries: number
  createdAt: number
}

/** Due entries of these kinds, the oldest first, without those in delivery. */
export function dueEntries(db: ReadDatabase, kinds: string[], without: number[], now: number, limit: number): Promise<OutboxRow[]> {
  return db.all(
    `select id, kind, payload, tries, created_at as createdAt from outbox indexed by outbox_due
     where done_at is null and next_at <= ? and kind in (select value from json_each(?)) and id not in (select value from json_each(?))
     order by next_at, id limit ?`,
    [now, JSON.stringify(kinds), JSON.stringify(without), limit],
  )
}

/** When the next entry of these kinds becomes due. */
export async function nextDue(db: ReadDatabase, kinds: string[], now: number): Promise<number | undefined> {
  const row = await db.get<{ at: number }>(
    `select next_at as at from outbox indexed by outbox_due
     where done_at is null and next_at > ? and kind in (select value from json_each(?)) order by next_at limit 1`,
    [now, JSON.stringify(kinds)],
  )
  return row?.at
}

export async function insertEntries(
  tx: Connection,
  entries: { kind: string; payload: unknown; at?: number }[],
  now: number,
): Promise<void> {
  for (const { kind, payload, at } of entries) {
    await tx.run('insert into outbox (kind, payload, next_at, created_at) values (?, ?, ?, ?)', [
      kind,
      JSON.stringify(payload),
      at ?? now,
      now,
    ])
  }
}

/** Marks it as done, or as due again later. */
export async function settleEntry(
  tx: Connection,
  id: number,
  { retryInMs, error }: { retryInMs?: number; error?: string },
  now: number,
): Promise<void> {
  if (retryInMs === undefined) {
    await tx.run('update outbox set done_at = ?, error = ? where id = ?', [now, error ?? null, id])
  } else {
    await tx.run('update outbox set tries = tries + ?, next_at = ?, error = ? where id = ?', [
      Number(error !== undefined),
      now + retryInMs,
      error ?? null,
      id,
    ])
  }
}

export async function deleteDelivered(tx: Connection, before: number): Promise<void> {
  await tx.run('delete from outbox where id in (select id from outbox where done_at < ? limit 5000)', [before])
}

/** Whether a message about one of the job's tasks is still to be delivered. */
export async function hasTaskEntries(db: ReadDatabase, jobId: string): Promise<boolean> {
  const row = await db.get(
    `select 1 as found from outbox where done_at is null and kind like '%:task-ended' and payload ->> 'jobId' = ? limit 1`,
    [jobId],
  )
  return row !== undefined
}

/** The newest emails and webhooks. */
export async function recentDeliveries(db: ReadDatabase, limit: number): Promise<DeliveryEntry[]> {
  const rows = await db.all<{
    id: number
    kind: string
    target: string
    tries: number
    error: string | null
    created_at: number
    next_at: number
    done_at: number | null
  }>(
    `select id, kind, coalesce(payload ->> 'url', payload ->> 'to', '') as target, tries, error, created_at, next_at, done_at from outbox
     where kind in ('webhook', 'mail', 'fastlane:webhook') order by id desc limit ?`,
    [limit],
  )
  return rows.map((row) => ({
    id: row.id,
    kind: row.kind === 'mail' ? 'mail' : 'webhook',
    target: row.target,
    state: row.done_at === null ? 'waiting' : row.error === null ? 'delivered' : 'failed',
    tries: row.tries,
    error: row.error,
    createdAt: time(row.created_at),
    nextAt: row.done_at === null ? time(row.next_at) : null,
    doneAt: row.done_at === null ? null : time(row.done_at),
  }))
}
