/**
 * The one place that writes. Callers change memory, say which rows changed, and wait for `durable()`; everything said
 * while commits are on their way goes into the next one (group commit). One transaction a batch: first the log bytes to
 * their segment file and to the platter, then the rows, then COMMIT with synchronous=FULL. A reply that waited for
 * `durable()` therefore leaves only after fdatasync of both.
 */
import { deferred } from '../../shared/deferred.ts'
import { UnavailableError } from '../engine/errors.ts'
import type { Connection, SqlValue } from './connection.ts'
import { COMMITS_AT_ONCE, RowCommits, type RowStatement, type Rows } from './rowCommits.ts'

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
  /** SQLite has its rows. */
  handedOver = false

  /** A single statement writes it: the next one may be handed over while it is on its way. */
  get single(): boolean {
    return this.statements.length === 0
  }
}

interface Exclusive {
  run(tx: Connection): Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Begun {
  readonly item: Batch | Exclusive
  /** Resolves to what tells those who waited for it; never rejects. */
  readonly end: Promise<() => void>
}

export class Writer {
  private batch: Batch | undefined
  /** Batches and exclusive transactions in the order in which they were asked for. */
  private readonly queue: (Batch | Exclusive)[] = []
  private running = false
  /** What is on its way, the oldest first. */
  private readonly begun: Begun[] = []
  private failed: Error | undefined
  private idle = Promise.resolve()
  private readonly commits: RowCommits

  constructor(
    private readonly connection: Connection,
    /** Every kind of row, in the order in which a commit applies them. */
    private readonly kinds: readonly RowStatement[],
    private readonly logs: LogSink,
    /** Called once when a batch could not be committed: memory is ahead of the disk then, and the manager must reload or stop. */
    private readonly onFailure: (error: Error) => void,
  ) {
    this.commits = new RowCommits(connection)
  }

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
    const last = this.batch ?? [...this.begun.map(({ item }) => item), ...this.queue].findLast((item) => item instanceof Batch)
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

  /** A macrotask later: requests that arrived in the same turn of the loop share the first commit. */
  private start(): void {
    if (this.running) {
      if (this.begun.length < COMMITS_AT_ONCE) setImmediate(() => this.begin())
      return
    }
    this.running = true
    this.idle = new Promise((resolve) => setImmediate(() => void this.drain().then(resolve)))
  }

  /**
   * Ends one item after the other. The next is begun before those who waited for the last one go on: what they do then (a hundred
   * replies) takes the main thread for milliseconds, in which the disk would have nothing to do.
   */
  private async drain(): Promise<void> {
    for (;;) {
      this.begin()
      const [first] = this.begun
      if (!first) break
      const tell = await first.end
      this.begun.shift()
      this.begin()
      tell()
    }
    this.running = false
  }

  private begin(): void {
    for (let [item] = this.queue; item && this.mayBegin(item); [item] = this.queue) {
      this.queue.shift()
      if (item === this.batch) this.batch = undefined
      const end = item instanceof Batch ? this.commit(item, this.begun.at(-1)?.end) : this.runExclusive(item)
      this.begun.push({ item, end })
    }
  }

  /** Whatever takes several statements is alone on its way: a statement of others would become part of its transaction. */
  private mayBegin(item: Batch | Exclusive): boolean {
    const last = this.begun.at(-1)?.item
    if (!last) return true
    if (this.begun.length >= COMMITS_AT_ONCE) return false
    return item instanceof Batch && item.single && last instanceof Batch && last.single && last.handedOver
  }

  private async commit(batch: Batch, before: Promise<unknown> | undefined): Promise<() => void> {
    try {
      if (this.failed) throw this.failed
      // What was said so far is fixed here, before the first await: later changes open a new batch.
      this.seal(batch)
      if (batch.sealed && 'error' in batch.sealed) throw batch.sealed.error
      const rows = batch.sealed?.rows
      if (this.logs.dirty) await this.logs.flush()
      const handedOver = () => {
        batch.handedOver = true
        // Not in this turn: it is still beginning.
        setImmediate(() => this.begin())
      }
      if (!batch.single) await this.transaction(rows, batch.statements)
      else if (rows) await this.commits.apply(rows, handedOver, before)
    } catch (cause) {
      // What failed first is the reason of all that follow.
      const error = this.failed ?? (cause instanceof Error ? cause : new Error(String(cause)))
      this.fail(error)
      return () => batch.done.reject(new UnavailableError(`the database cannot be written: ${error.message}`))
    }
    return () => {
      for (const effect of batch.after) run(effect)
      batch.done.resolve()
    }
  }

  private async transaction(rows: Rows | undefined, statements: Batch['statements']): Promise<void> {
    await this.connection.run('begin immediate')
    try {
      if (rows) await this.commits.apply(rows)
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
