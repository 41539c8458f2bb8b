/**
 * The one place that writes. Callers change memory, say which rows changed, and wait for `durable()`; everything said
 * while a commit is on its way goes into the next one (group commit). One transaction a batch: first the log bytes to
 * their segment file and to the platter, then the rows, then COMMIT with synchronous=FULL. A reply that waited for
 * `durable()` therefore leaves only after fdatasync of both.
 *
 * Rows of one kind are written by one statement over `json_each(?)`, whatever their number.
 */
import { deferred } from '../../shared/deferred.ts'
import { UnavailableError } from '../engine/errors.ts'
import type { Connection, SqlValue } from './connection.ts'

/** A statement whose one parameter is a JSON array of rows. `keyed` ones keep only the last row of each key. */
export interface RowStatement {
  readonly sql: string
  /** Statements of a batch run in this order, so that rows exist before others refer to them. */
  readonly phase: number
}

/** Written before the rows of the same batch; answers when its bytes are on the platter. */
export interface LogSink {
  flush(): Promise<void>
  readonly dirty: boolean
}

type Row = readonly (string | number | boolean | null)[]

class Batch {
  readonly keyed = new Map<RowStatement, Map<number, () => Row>>()
  readonly appended = new Map<RowStatement, Row[]>()
  readonly statements: { sql: string; values: SqlValue[] }[] = []
  readonly after: (() => void)[] = []
  readonly done = deferred<void>()
}

interface Exclusive {
  run(tx: Connection): Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

export class Writer {
  private batch: Batch | undefined
  /** Batches and exclusive transactions in the order in which they were asked for. */
  private readonly queue: (Batch | Exclusive)[] = []
  private running = false
  private failed: Error | undefined
  private idle = Promise.resolve()

  constructor(
    private readonly connection: Connection,
    private readonly logs: LogSink,
    /** Called once when a batch could not be committed: memory is ahead of the disk then, and the manager must reload or stop. */
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** The row with this key is to be written as `row()` says at the time of the commit; the last call wins. */
  save(statement: RowStatement, key: number, row: () => Row): void {
    const batch = this.open()
    let rows = batch.keyed.get(statement)
    if (!rows) batch.keyed.set(statement, (rows = new Map()))
    rows.set(key, row)
  }

  /** One more row for the statement. */
  append(statement: RowStatement, row: Row): void {
    const batch = this.open()
    const rows = batch.appended.get(statement)
    if (rows) rows.push(row)
    else batch.appended.set(statement, [row])
  }

  /** A single statement; runs after the rows of the same batch, in the order of calls. */
  statement(sql: string, values: SqlValue[]): void {
    this.open().statements.push({ sql, values })
  }

  /** Runs after the commit of what was said so far. Must not throw. */
  afterCommit(effect: () => void): void {
    this.open().after.push(effect)
  }

  /** Resolves when everything said so far is on disk. @throws UnavailableError when it could not be written */
  durable(): Promise<void> {
    if (this.failed) return Promise.reject(new UnavailableError(`the database cannot be written: ${this.failed.message}`))
    if (this.batch) return this.batch.done.promise
    const last = this.queue.at(-1)
    if (last instanceof Batch) return last.done.promise
    return this.running ? this.idle : Promise.resolve()
  }

  /** A transaction of its own, after everything said so far: for bulk changes. Others' batches wait meanwhile, so keep it short. */
  exclusive<T>(run: (tx: Connection) => Promise<T>): Promise<T> {
    if (this.failed) return Promise.reject(new UnavailableError(`the database cannot be written: ${this.failed.message}`))
    this.batch = undefined
    return new Promise<T>((resolve, reject) => {
      // The queue holds transactions of different result types; each resolves only its own promise.
      this.queue.push({ run, resolve: resolve as (value: unknown) => void, reject })
      this.start()
    })
  }

  /** Waits for everything said so far and refuses what comes later. */
  async close(): Promise<void> {
    await this.durable()
    this.failed ??= new Error('the store is closed')
    await this.idle
  }

  private open(): Batch {
    if (this.failed) throw new UnavailableError(`the database cannot be written: ${this.failed.message}`)
    if (!this.batch) {
      this.batch = new Batch()
      // Somebody may wait for none of it (fire and forget): that must not be an unhandled rejection.
      this.batch.done.promise.catch(() => undefined)
      this.queue.push(this.batch)
      this.start()
    }
    return this.batch
  }

  private start(): void {
    if (this.running) return
    this.running = true
    // A macrotask later: requests that arrived in the same turn of the loop share the first commit.
    this.idle = new Promise((resolve) => setImmediate(() => void this.drain().then(resolve)))
  }

  private async drain(): Promise<void> {
    for (let item = this.queue.shift(); item; item = this.queue.shift()) {
      if (item === this.batch) this.batch = undefined
      if (item instanceof Batch) await this.commit(item)
      else await this.runExclusive(item)
    }
    this.running = false
  }

  private async commit(batch: Batch): Promise<void> {
    // What was said so far is fixed here, before the first await: later changes open a new batch.
    const work = statementsOf(batch)
    try {
      if (this.failed) throw this.failed
      if (this.logs.dirty) await this.logs.flush()
      if (work.length > 0) await this.transaction(work)
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      batch.done.reject(new UnavailableError(`the database cannot be written: ${error.message}`))
      this.fail(error)
      return
    }
    for (const effect of batch.after) effect()
    batch.done.resolve()
  }

  private async transaction(work: { sql: string; values: SqlValue[] }[]): Promise<void> {
    await this.connection.run('begin immediate')
    try {
      for (const { sql, values } of work) await this.connection.run(sql, values)
      await this.connection.run('commit')
    } catch (error) {
      await this.connection.run('rollback').catch(() => undefined)
      throw error
    }
  }

  private async runExclusive(item: Exclusive): Promise<void> {
    try {
      if (this.failed) throw new UnavailableError(`the database cannot be written: ${this.failed.message}`)
      await this.connection.run('begin immediate')
      let value: unknown
      try {
        value = await item.run(this.connection)
        await this.connection.run('commit')
      } catch (error) {
        await this.connection.run('rollback').catch(() => undefined)
        throw error
      }
      item.resolve(value)
    } catch (error) {
      item.reject(error)
    }
  }

  private fail(error: Error): void {
    if (this.failed) return
    this.failed = error
    this.onFailure(error)
  }
}

function statementsOf(batch: Batch): { sql: string; values: SqlValue[] }[] {
  const rows: { phase: number; sql: string; values: SqlValue[] }[] = []
  for (const [{ phase, sql }, byKey] of batch.keyed) {
    rows.push({ phase, sql, values: [JSON.stringify([...byKey.values()].map((row) => row()))] })
  }
  for (const [{ phase, sql }, list] of batch.appended) rows.push({ phase, sql, values: [JSON.stringify(list)] })
  rows.sort((a, b) => a.phase - b.phase)
  return [...rows, ...batch.statements]
}
