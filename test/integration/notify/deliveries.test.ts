/** When the outbox is looked at, on a real database. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { Deliveries } from '../../../src/main/notify/deliveries.ts'
import type { ReadDatabase, SqlValue } from '../../../src/main/store/connection.ts'
import { openStore, type OpenedStore } from '../../../src/main/store/openStore.ts'
import { insertEntries } from '../../../src/main/store/queries/farm/outbox.ts'

const soon = { timeout: 30_000 }

let folder: string
let opened: OpenedStore
let deliveries: Deliveries
let reads: number
let delivered: unknown[]
/** What is due is sent when this moment has come, as by a machine that is busy. */
let toldAt: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-outbox-'))
  opened = await openStore({ dataDir: folder, readConnections: 1, onFailure: () => undefined })
  reads = 0
  delivered = []
  toldAt = 0
  const counting: ReadDatabase = {
    all: async <Row>(sql: string, values?: SqlValue[]) => {
      reads++
      const rows = await opened.read.all<Row>(sql, values)
      while (Date.now() < toldAt) await new Promise((resolve) => setTimeout(resolve, 5))
      return rows
    },
    get: (sql, values) => (reads++, opened.read.get(sql, values)),
  }
  deliveries = new Deliveries({ read: counting, write: opened.writer, log: silentLogger, now: Date.now })
  deliveries.handle('note', { handle: ({ payload }) => (delivered.push(payload), Promise.resolve({})) })
})
afterEach(async () => {
  await deliveries.stop()
  await opened.close()
  await rm(folder, { recursive: true, force: true })
})

const write = (payload: unknown, at: number) =>
  opened.writer.exclusive((tx) => insertEntries(tx, [{ kind: 'note', payload, at }], Date.now()))

it('an entry for later is delivered at its moment, and nothing is read until then', async () => {
  await write('later', Date.now() + 1500)
  deliveries.start()
  await vi.waitFor(() => expect(reads).toBeGreaterThanOrEqual(2), soon)
  await vi.waitFor(() => expect(delivered).toEqual(['later']), soon)
  // Twice at the start, twice at the moment, twice after the delivery: not once a second, let alone more.
  expect(reads).toBeLessThanOrEqual(8)
})

it('an entry whose moment comes while what is due is looked up is delivered as well', async () => {
  const at = Date.now() + 300
  await write('between', at)
  toldAt = at + 50
  deliveries.start()
  await vi.waitFor(() => expect(delivered).toEqual(['between']), soon)
})

it('nothing is read while nothing is promised, and what is promised then is delivered at once', async () => {
  deliveries.start()
  await vi.waitFor(() => expect(reads).toBe(2), soon)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  expect(reads).toBe(2)
  await write('now', Date.now())
  deliveries.wake()
  await vi.waitFor(() => expect(delivered).toEqual(['now']), soon)
})

it('an entry that its handler cannot read holds up no other one', async () => {
  deliveries.handle('call', {
    targetOf: () => {
      throw new Error('no address')
    },
    handle: () => Promise.reject(new Error('no address')),
  })
  await opened.writer.exclusive((tx) => insertEntries(tx, [{ kind: 'call', payload: {}, at: 0 }], Date.now()))
  await write('behind it', 1)
  deliveries.start()
  await vi.waitFor(() => expect(delivered).toEqual(['behind it']), soon)
})
