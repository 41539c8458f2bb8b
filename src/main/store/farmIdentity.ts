/**
 * The identity of the farm, whatever its address: created with its database, and unchanged by a move, a restore or a
 * new address.
 */
import { randomBytes, randomUUID } from 'node:crypto'
import type { Connection } from './connection.ts'

export interface FarmIdentity {
  /** Public. */
  id: string
  /** Proves to workers that this is the farm (system/farmProof.ts); never leaves the manager. Hex. */
  key: string
}

/** Stored beside the settings, which ignore unknown keys. */
const ID = 'farm.id'
const KEY = 'farm.key'

export async function openFarmIdentity(db: Connection, now: number): Promise<FarmIdentity> {
  for (const [key, value] of [
    [ID, randomUUID()],
    [KEY, randomBytes(32).toString('hex')],
  ] as const) {
    await db.run('insert or ignore into settings (key, value, updated_at) values (?, ?, ?)', [key, JSON.stringify(value), now])
  }
  const rows = await db.all<{ key: string; value: string }>('select key, value from settings where key in (?, ?)', [ID, KEY])
  const values = new Map(rows.map(({ key, value }) => [key, String(JSON.parse(value))]))
  const [id, key] = [values.get(ID), values.get(KEY)]
  if (id === undefined || key === undefined) throw new Error('the farm has no identity')
  return { id, key }
}
