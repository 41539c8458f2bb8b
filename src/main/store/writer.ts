/**
 * The one place that writes. Callers change memory, say which rows changed, and wait for `durable()`; everything said
 * while a commit is on its way goes into the next one (group commit). One transaction a batch: first the log bytes to
 * their segment file and to the platter, then the rows, then COMMIT with synchronous=FULL. A reply that waited for
 * `durable()` therefore leaves only after fdatasync of both.
 *
 * All rows of a batch go to SQLite in one statement, a JSON array for each kind that it has: an INSTEAD OF trigger on a
 * temporary view runs the row statements over them. Each further statement would cost a trip to the thread pool and back, and
 * on a busy machine these trips, not the writing, set the pace.
 */
import { deferred } from '../../shared/deferred.ts'
import { UnavailableError } from '../engine/errors.ts'
import type { Connection, SqlValue } from './connection.ts'

/**
 * How rows of one kind are written: SQL that reads a JSON array of rows from `jsonb_each(:rows)`. (`json_each` would write
 * each row as text again, only for `->>` to parse it: that is half of what a commit costs.)
 */
export interface RowStatement {
  /** Key of its rows in the batch's document. */
  readonly name: string
  readonly sql: string
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
  /** Its rows as they were when others began to be said to the next batch; undefined: as they are at the commit. */
  sealed: { rows: Rows | undefined } | { error: unknown } | undefined
}

/** The rows of a batch: the kinds that it has, in the order in which they are applied, and a JSON array for each. */
interface Rows {
  readonly kinds: readonly RowStatement[]
  readonly values: string[]
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
  private committing: Batch | undefined
  private failed: Error | undefined
  private idle = Promise.resolve()
  /** The statements that apply rows of just these kinds, by their names. A kind without rows would cost a temporary table all the same. */
  private readonly inserts = new Map<string, string>()

  constructor(
    private readonly connection: Connection,
    /** Every kind of row, in the order in which a commit applies them. */
    private readonly kinds: readonly RowStatement[],
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

  /** Runs after the commit of what was said so far, in the order of calls. */
  afterCommit(effect: () => void): void {
    this.open().after.push(effect)
  }

  /** Resolves when everything said so far is on disk. @throws UnavailableError when it could not be written */
  durable(): Promise<void> {
    if (this.failed) return Promise.reject(new UnavailableError(`the database cannot be written: ${this.failed.message}`))
    // The last thing said, wherever it is; never what others say later, or a busy farm would keep the caller for ever.
    const last = this.batch ?? this.queue.findLast((item) => item instanceof Batch) ?? this.committing
    return last?.done.promise ?? Promise.resolve()
  }

  /** A transaction of its own, after everything said so far: for bulk changes. Others' batches wait meanwhile, so keep it short. */
  exclusive<T>(run: (tx: Connection) => Promise<T>): Promise<T> {
    if (this.failed) return Promise.reject(new UnavailableError(`the database cannot be written: ${this.failed.message}`))
    // What is said from now on is committed apart. Made later, this batch's rows would have half of it: of what a change moves
    // together, only those rows that happen to stand in both.
    if (this.batch) this.seal(this.batch)
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

  /**
   * One item after the other. The next one is begun before those who waited for the last one go on: what they do then (a hundred
   * replies) takes the main thread for milliseconds, in which the disk would have nothing to do.
   */
  private async drain(): Promise<void> {
    let tell = nobody
    for (;;) {
      const item = this.queue.shift()
      if (item === this.batch) this.batch = undefined
      const begun = item && (item instanceof Batch ? this.commit(item) : this.runExclusive(item))
      tell()
      if (begun) tell = await begun
      else if (this.queue.length === 0) break
      else tell = nobody
    }
    this.running = false
  }

  /** Returns what tells those who waited for it. */
  private async commit(batch: Batch): Promise<() => void> {
    this.committing = batch
    try {
      if (this.failed) throw this.failed
      // What was said so far is fixed here, before the first await: later changes open a new batch.
      this.seal(batch)
      if (batch.sealed && 'error' in batch.sealed) throw batch.sealed.error
      const rows = batch.sealed?.rows
      if (this.logs.dirty) await this.logs.flush()
      if (batch.statements.length > 0) await this.transaction(rows, batch.statements)
      else if (rows) await this.apply(rows)
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause))
      this.committing = undefined
      batch.done.reject(new UnavailableError(`the database cannot be written: ${error.message}`))
      this.fail(error)
      return nobody
    }
    return () => {
      if (this.committing === batch) this.committing = undefined
      for (const effect of batch.after) run(effect)
      batch.done.resolve()
    }
  }

  private async transaction(rows: Rows | undefined, statements: Batch['statements']): Promise<void> {
    await this.connection.run('begin immediate')
    try {
      if (rows) await this.apply(rows)
      for (const { sql, values } of statements) await this.connection.run(sql, values)
      await this.connection.run('commit')
    } catch (error) {
      await this.connection.run('rollback').catch(() => undefined)
      throw error
    }
  }

  /** Whoever asked for it goes on before anything else is begun: memory follows what it did to the rows. */
  private async runExclusive(item: Exclusive): Promise<() => void> {
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
    return nobody
  }

  private seal(batch: Batch): void {
    try {
      batch.sealed ??= { rows: this.rowsOf(batch) }
    } catch (error) {
      // Whoever asked for a transaction of its own has nothing to do with it: the batch fails when its turn comes.
      batch.sealed = { error }
    }
  }

  /** The rows of a batch as they are now; undefined when there are none. */
  private rowsOf(batch: Batch): Rows | undefined {
    const kinds: RowStatement[] = []
    const values: string[] = []
    for (const kind of this.kinds) {
      const keyed = batch.keyed.get(kind)
      const rows = keyed ? [...keyed.values()].map((row) => row()) : batch.appended.get(kind)
      if (!rows) continue
      kinds.push(kind)
      values.push(JSON.stringify(rows))
    }
    return kinds.length > 0 ? { kinds, values } : undefined
  }

  private async apply({ kinds, values }: Rows): Promise<void> {
    const names = kinds.map(({ name }) => name).join('_')
    let insert = this.inserts.get(names)
    if (insert === undefined) {
      insert = await this.prepare(`batch_${names}`, kinds)
      this.inserts.set(names, insert)
    }
    await this.connection.run(insert, values)
  }

  /** Makes the view and the trigger for these kinds; returns the statement that hands over their rows. A busy farm knows a few dozen mixtures. */
  private async prepare(view: string, kinds: readonly RowStatement[]): Promise<string> {
    const applied = kinds.map(({ name, sql }) => `${sql.replaceAll(':rows', `new.${name}`)};`)
    await this.connection.exec(
      `create temp view ${view} as select ${kinds.map(({ name }) => `null as ${name}`).join(', ')};
       create temp trigger apply_${view} instead of insert on ${view} begin ${applied.join('\n')} end;`,
    )
    return `insert into ${view} values (${kinds.map(() => '?').join(', ')})`
  }

  private fail(error: Error): void {
    if (this.failed) return
    this.failed = error
    this.onFailure(error)
  }
}

const nobody = (): void => undefined

/** An effect that throws is a defect: it ends the process like any other one, and not this commit and all later ones. */
function run(effect: () => void): void {
  try {
    effect()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}
