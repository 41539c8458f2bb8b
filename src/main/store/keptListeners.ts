/** The listeners that the settings hold (shared/schemas/listeners.ts): one row beside the farm's settings, which ignore its key. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { Listener } from '../../shared/schemas/listeners.ts'
import type { ReadDatabase } from './connection.ts'
import type { Writer } from './writer.ts'

const KEY = 'farm.listeners'
const Kept = Type.Array(Listener)

/** Empty when there are none, or they were written by a version that knows others. */
export async function keptListeners(read: ReadDatabase): Promise<Listener[]> {
  const row = await read.get<{ value: string }>('select value from settings where key = ?', [KEY])
  const value: unknown = row === undefined ? [] : JSON.parse(row.value)
  return Value.Check(Kept, value) ? value : []
}

export async function keepListeners(writer: Pick<Writer, 'exclusive'>, listeners: readonly Listener[], now: number): Promise<void> {
  const row = [KEY, JSON.stringify(listeners), now]
  await writer.exclusive((tx) => tx.run('insert or replace into settings (key, value, updated_at) values (?, ?, ?)', row))
}
