import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DataDamagedError, UnavailableError } from '../../../src/main/engine/base/errors.ts'
import { Connection } from '../../../src/main/store/connection.ts'
import type { RowStatement } from '../../../src/main/store/rows/rowCommits.ts'
import { Writer, type LogSink } from '../../../src/main/store/writer.ts'
import { deferred } from '../../../src/shared/async.ts'
import { temporaryFolder } from '../../support/folder.ts'

const PUT: RowStatement = {
  name: 'put',
  sql: `insert into things (id, text) select v->>0, v->>1 from (select value as v from jsonb_each(:rows)) where true on conflict (id) do update set text = excluded.text`,
}
const CHILD: RowStatement = {
  name: 'child',
  sql: `insert into children (thing, text) select v->>0, v->>1 from (select value as v from jsonb_each(:rows))`,
}

class FakeLogs implements LogSink {
  dirty = false
  flushes = 0
  gate: Promise<void> | undefined
  async flush(): Promise<void> {
    this.flushes++
    await this.gate
    this.dirty = false
  }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let connection: Connection
let reader: Connection
let logs: FakeLogs
let writer: Writer
let failures: Error[]
/** Transactions begun, counted on the connection. */
let transactions: number

beforeEach(async () => {
  folder = await temporaryFolder()
  const file = join(folder.path, 'test.sqlite')
  connection = await Connection.open(file, 'write')
  await connection.exec(`pragma journal_mode = wal; pragma foreign_keys = on;
    create table things (id integer primary key, text text not null check (text <> 'bad'));
    create table children (id integer primary key, thing integer not null references things (id), text text)`)
  reader = await Connection.open(file, 'read')
  logs = new FakeLogs()
  failures = []
  writer = new Writer(connection, [PUT, CHILD], logs, (error) => failures.push(error))
  transactions = 0
  const run = connection.run.bind(connection)
  connection.run = (sql, values) => {
    if (sql === 'begin immediate' || sql.startsWith('insert into batch')) transactions++
    return run(sql, values)
  }
})
afterEach(async () => {
  await reader.close()
  await connection.close()
  await folder.remove()
})

const things = (): Promise<{ id: number; text: string }[]> => reader.all('select id, text from things order by id')
const put = (id: number, text: string): void => writer.save(PUT, id, () => [id, text])
const insert = (id: number, text = 'x') => writer.statement('insert into things (id, text) values (?, ?)', [id, text])

describe('group commit', () => {
  it('what is recorded in one turn goes in one transaction', async () => {
    for (let id = 1; id <= 100; id++) put(id, String(id))
    await writer.durable()
    expect(await things()).toHaveLength(100)
    expect(transactions).toBe(1)
  })

  it('what is recorded while a commit is on its way goes into the next one, all of it', async () => {
    const gate = deferred<void>()
    logs.gate = gate.promise
    logs.dirty = true
    put(1, 'first')
    const first = writer.durable()
    await new Promise((resolve) => setTimeout(resolve, 5))
    for (let id = 2; id <= 50; id++) put(id, 'later')
    const later = writer.durable()
    expect(await things()).toEqual([])
    gate.resolve()
    await first
    await later
    expect(await things()).toHaveLength(50)
    expect(transactions).toBe(2)
  })

  it('the next commit is on its way to the disk before those who waited for the last one go on', async () => {
    const gate = deferred<void>()
    logs.gate = gate.promise
    logs.dirty = true
    const row = { text: 'first' }
    writer.save(PUT, 1, () => [1, row.text])
    const first = writer.durable()
    await new Promise((resolve) => setTimeout(resolve, 5))
    row.text = 'second'
    writer.save(PUT, 1, () => [1, row.text])
    const second = writer.durable()
    gate.resolve()
    await first
    row.text = 'too late for the second'
    await second
    expect(await things()).toEqual([{ id: 1, text: 'second' }])
  })

  it('of rows with one key the last one is written, as it is at the time of the commit', async () => {
    const row = { text: 'one' }
    writer.save(PUT, 1, () => [1, 'older'])
    writer.save(PUT, 1, () => [1, row.text])
    row.text = 'two'
    await writer.durable()
    expect(await things()).toEqual([{ id: 1, text: 'two' }])
  })

  it('another transaction in between fixes what was recorded before it: no commit shows half of a later change', async () => {
    const shown: unknown[] = []
    let [one, two] = ['before', 'before']
    const save = (): void => {
      writer.save(PUT, 1, () => [1, one])
      writer.save(PUT, 2, () => [2, two])
    }
    // Both rows in one commit, then something that takes its time, then a change of both of which the first says only one.
    const gate = deferred<void>()
    const busy = writer.exclusive(() => gate.promise)
    save()
    const between = writer.exclusive(async (tx) => shown.push(...(await tx.all('select text from things order by id'))))
    ;[one, two] = ['after', 'after']
    writer.save(PUT, 2, () => [2, two])
    gate.resolve()
    await Promise.all([busy, between, writer.durable()])
    expect(shown).toEqual([{ text: 'before' }, { text: 'before' }])
    expect((await things()).map(({ text }) => text)).toEqual(['before', 'after'])
  })

  it('appended rows are all written, after those that they refer to, and statements after both', async () => {
    writer.append(CHILD, [7, 'a'])
    writer.append(CHILD, [7, 'b'])
    writer.statement(`update things set text = text || '!' where id = 7`, [])
    writer.statement(`update things set text = text || '?' where id = 7`, [])
    put(7, 'seven')
    await writer.durable()
    expect(await things()).toEqual([{ id: 7, text: 'seven!?' }])
    expect(await reader.all('select text from children order by id')).toEqual([{ text: 'a' }, { text: 'b' }])
  })

  it('log bytes are flushed before the rows', async () => {
    const gate = deferred<void>()
    logs.gate = gate.promise
    logs.dirty = true
    put(1, 'x')
    const done = writer.durable()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(await things()).toEqual([])
    gate.resolve()
    await done
    expect(logs.flushes).toBe(1)
    put(2, 'y')
    await writer.durable()
    expect(logs.flushes).toBe(1)
  })
})

describe('two commits on their way', () => {
  /** After a first commit of `id`, commits are handed to SQLite when `release` is called with their place, and not before. */
  async function heldBackAfter(id: number, text: string): Promise<{ held: string[]; release(at: number): void }> {
    put(id, text)
    await writer.durable()
    const run = connection.run
    const held: string[] = []
    const gates: (() => void)[] = []
    connection.run = async (sql, values) => {
      if (sql.startsWith('insert into batch')) {
        held.push(String(values?.[1]))
        await new Promise<void>((resolve) => gates.push(resolve))
      }
      return run.call(connection, sql, values)
    }
    return { held, release: (at) => gates[at]?.() }
  }
  const turn = () => new Promise((resolve) => setTimeout(resolve, 5))

  it('the second is handed over while the first is at work; a third waits and gathers', async () => {
    const { held, release } = await heldBackAfter(0, 'the view of this mixture')
    for (let id = 1; id <= 5; id++) {
      put(id, 'x')
      await turn()
    }
    expect(held).toEqual(['[[1,"x"]]', '[[2,"x"]]'])
    release(0)
    await vi.waitFor(() => expect(held).toHaveLength(3))
    expect(held[2]).toBe('[[3,"x"],[4,"x"],[5,"x"]]')
    release(1)
    release(2)
    await writer.durable()
    expect(await things()).toHaveLength(6)
  })

  it('are applied in their order, also when SQLite gets the second one first', async () => {
    const { held, release } = await heldBackAfter(1, 'at the start')
    put(1, 'first')
    await turn()
    const first = writer.durable()
    put(1, 'second')
    await turn()
    const second = writer.durable()
    const told: string[] = []
    void first.then(() => told.push('first'))
    void second.then(() => told.push('second'))
    release(1)
    await turn()
    expect(await things()).toEqual([{ id: 1, text: 'at the start' }])
    expect(told).toEqual([])
    release(0)
    await vi.waitFor(() => expect(held).toHaveLength(3))
    release(2)
    await second
    expect(told).toEqual(['first', 'second'])
    expect(await things()).toEqual([{ id: 1, text: 'second' }])
  })

  it('the second writes nothing when the first fails, and gives its reason', async () => {
    const { held, release } = await heldBackAfter(1, 'at the start')
    put(2, 'bad')
    await turn()
    const first = writer.durable()
    put(3, 'good')
    await turn()
    const second = writer.durable()
    for (const waiting of [first, second]) waiting.catch(() => undefined)
    release(0)
    await expect(first).rejects.toThrow('CHECK')
    release(1)
    await vi.waitFor(() => expect(held).toHaveLength(3))
    release(2)
    await expect(second).rejects.toThrow('CHECK')
    expect(await things()).toEqual([{ id: 1, text: 'at the start' }])
    expect(failures).toHaveLength(1)
  })

  it('what takes several statements is alone', async () => {
    const { held, release } = await heldBackAfter(1, 'x')
    put(2, 'x')
    await turn()
    insert(3)
    const mixed = writer.durable()
    await turn()
    const bulk = writer.exclusive(async (tx) => (await tx.all<{ id: number }>('select id from things order by id')).map(({ id }) => id))
    put(4, 'x')
    await turn()
    expect(await things()).toHaveLength(1)
    expect(held).toHaveLength(1)
    release(0)
    await mixed
    expect(await bulk).toEqual([1, 2, 3])
    await vi.waitFor(() => expect(held).toHaveLength(2))
    release(1)
    await writer.durable()
    expect(await things()).toHaveLength(4)
  })
})

describe('durable', () => {
  it('resolves at once when nothing was recorded', async () => {
    await writer.durable()
    expect(transactions).toBe(0)
  })

  it('waits for the commit that is on its way, also when nothing was recorded since', async () => {
    put(1, 'x')
    const done = writer.durable()
    await new Promise((resolve) => setImmediate(resolve))
    await writer.durable()
    expect(await things()).toHaveLength(1)
    await done
  })

  it('does not wait for what others say later, however much that is', async () => {
    let id = 0
    let busy = true
    // There is always something to record before the last change is written.
    const chatter = (async () => {
      while (busy) {
        put(++id, 'x')
        const before = writer.durable()
        put(++id, 'y')
        await before
      }
    })()
    await new Promise((resolve) => setTimeout(resolve, 10))
    for (let call = 0; call < 20; call++) {
      await new Promise((resolve) => setImmediate(resolve))
      await writer.durable()
    }
    busy = false
    await chatter
  }, 5_000)

  it('waits for the batch before a transaction of its own that was asked for since', async () => {
    put(1, 'x')
    const gate = deferred<void>()
    const exclusive = writer.exclusive(() => gate.promise)
    await writer.durable()
    expect(await things()).toHaveLength(1)
    gate.resolve()
    await exclusive
  })
})

describe('effects after the commit', () => {
  it('run after it, in order, and before durable resolves', async () => {
    const order: string[] = []
    put(1, 'x')
    writer.afterCommit(() => order.push('first'))
    writer.afterCommit(() => order.push('second'))
    const done = writer.durable().then(() => order.push('durable'))
    expect(order).toEqual([])
    await done
    expect(order).toEqual(['first', 'second', 'durable'])
  })

  it('run also when there is nothing to write', async () => {
    let ran = false
    writer.afterCommit(() => (ran = true))
    await writer.durable()
    expect(ran).toBe(true)
    expect(transactions).toBe(0)
  })

  it('may say more: that is the next commit', async () => {
    put(1, 'x')
    writer.afterCommit(() => put(2, 'y'))
    await writer.durable()
    await writer.durable()
    expect(await things()).toHaveLength(2)
  })

  it('do not run when the commit failed', async () => {
    let ran = false
    put(1, 'bad')
    writer.afterCommit(() => (ran = true))
    await expect(writer.durable()).rejects.toThrow(UnavailableError)
    expect(ran).toBe(false)
  })
})

describe('a transaction of its own', () => {
  it('sees what was recorded before it, and not what is recorded after it', async () => {
    put(1, 'before')
    const seen = writer.exclusive((tx) => tx.all<{ text: string }>('select text from things'))
    put(2, 'after')
    expect(await seen).toEqual([{ text: 'before' }])
    await writer.durable()
    expect(await things()).toHaveLength(2)
  })

  it('lets commits of others through between one and the next', async () => {
    const order: string[] = []
    const first = writer.exclusive(async () => void order.push('first'))
    put(1, 'x')
    writer.afterCommit(() => order.push('batch'))
    const second = writer.exclusive(async () => void order.push('second'))
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'batch', 'second'])
  })

  it('is rolled back when it fails, and harms no other', async () => {
    const failing = writer.exclusive(async (tx) => {
      await tx.run(`insert into things (id, text) values (1, 'half')`)
      throw new Error('stop')
    })
    put(2, 'other')
    await expect(failing).rejects.toThrow('stop')
    await writer.durable()
    expect(await things()).toEqual([{ id: 2, text: 'other' }])
    expect(failures).toEqual([])
    expect(await writer.exclusive(async (tx) => (await tx.run(`insert into things (id, text) values (3, 'x')`)).lastId)).toBe(3)
  })
})

describe('a commit that fails', () => {
  it('writes nothing of its batch and refuses everything from then on', async () => {
    put(1, 'good')
    insert(2, 'bad')
    const mine = writer.durable()
    await expect(mine).rejects.toThrow('cannot write the database')
    expect(await things()).toEqual([])
    expect(failures).toHaveLength(1)
    expect(() => put(3, 'x')).toThrow(UnavailableError)
    await expect(writer.durable()).rejects.toThrow(UnavailableError)
    await expect(writer.exclusive(() => Promise.resolve())).rejects.toThrow(UnavailableError)
    expect(failures).toHaveLength(1)
  })

  it('refuses those that waited behind it too', async () => {
    const gate = deferred<void>()
    logs.gate = gate.promise
    logs.dirty = true
    put(1, 'bad')
    const first = writer.durable()
    first.catch(() => undefined)
    await new Promise((resolve) => setTimeout(resolve, 5))
    put(2, 'behind')
    const second = writer.durable()
    second.catch(() => undefined)
    const third = writer.exclusive(() => Promise.resolve('never'))
    third.catch(() => undefined)
    gate.resolve()
    for (const waiting of [first, second, third]) await expect(waiting).rejects.toThrow(UnavailableError)
    expect(failures).toHaveLength(1)
    expect(await things()).toEqual([])
  })

  it('does not become an unhandled rejection when no caller waits', async () => {
    put(1, 'bad')
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(failures).toHaveLength(1)
  })

  it('also when a row cannot be made', async () => {
    writer.save(PUT, 1, () => {
      throw new Error('no row')
    })
    await expect(writer.durable()).rejects.toThrow('no row')
    expect(failures).toHaveLength(1)
  })

  it('also when the logs cannot be written', async () => {
    logs.dirty = true
    logs.flush = () => Promise.reject(new Error('disk full'))
    put(1, 'x')
    await expect(writer.durable()).rejects.toThrow('disk full')
    expect(await things()).toEqual([])
  })

  it.each([
    ['a batch', () => (insert(1, 'bad'), writer.durable())],
    ['a transaction of its own', () => writer.exclusive((tx) => tx.run(`insert into things (id, text) values (1, 'bad')`))],
  ])('of %s says that the files are gone, when they are, and not what the database made of it', async (_what, write) => {
    const gone = new DataDamagedError('it was deleted')
    const disk = {
      isFull: () => false,
      makeRoom: () => Promise.resolve(false),
      assertThere: () => {
        throw gone
      },
    }
    writer = new Writer(connection, [PUT, CHILD], logs, (error) => failures.push(error), disk)
    await expect(write()).rejects.toBe(gone)
    expect(failures).toEqual([gone])
  })
})

describe('closing', () => {
  it('writes what was recorded and refuses what comes later', async () => {
    put(1, 'x')
    await writer.close()
    expect(await things()).toHaveLength(1)
    expect(() => put(2, 'y')).toThrow(UnavailableError)
    expect(failures).toEqual([])
  })
})
