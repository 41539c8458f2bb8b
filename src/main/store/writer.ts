/**
 * The only writer of the database. Callers change memory, record which rows changed, and wait for `durable()`;
 * everything recorded while commits are in progress goes into the next one (group commit). One transaction per batch:
 * first the log bytes to their segment file and to the disk, then the rows, then COMMIT with synchronous=FULL. A reply
 * that waited for `durable()` therefore leaves only after fdatasync of both.
 */
import { pause } from '../../shared/async.ts'
import { deferred } from '../../shared/async.ts'
import { DataDamagedError, DiskFullError, UnavailableError } from '../engine/base/errors.ts'
import type { Connection, SqlValue } from './connection.ts'
import { COMMITS_AT_ONCE, RowCommits, type RowStatement, type Rows } from './rows/rowCommits.ts'

/** Written before the rows of the same batch; resolves when its bytes are on disk. */
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
  /** Replaced when its waiters were rejected while it keeps retrying. */
  done = deferred<void>()
  /** Its position among the commits, which it keeps when it is retried. */
  number: number | undefined
  /** Its rows as of the moment when the next batch was opened; undefined: as of the commit. */
  sealed: { rows: Rows | undefined } | { error: unknown } | undefined
  /** SQLite has its rows. */
  handedOver = false

  /** A single statement writes it: the next one may start while it is in progress. */
  get single(): boolean {
    return this.statements.length === 0
  }
}

/** The disk, as the writer sees it. */
export interface Disk {
  /** Whether a write failed because there is no room. */
  isFull(error: unknown): boolean
  /** A write found no room. Resolves when a retry makes sense; false: there is no room for now. */
  makeRoom(): Promise<boolean>
  /** Called before the waiters learn that a commit is on disk. @throws DataDamagedError when the files of the commit are gone */
  assertThere(): void
}

/** A disk that is always available and never full. */
const ENDLESS: Disk = { isFull: () => false, makeRoom: () => Promise.resolve(false), assertThere: () => undefined }

/** Pause between two attempts to write to a full disk. */
const FULL_PAUSE_MS = 1_000

interface Exclusive {
  run(tx: Connection): Promise<unknown>
  resolve(value: unknown): void
  reject(error: unknown): void
}

interface Begun {
  readonly item: Batch | Exclusive
  /** Resolves to a function that notifies the waiters; never rejects. */
  readonly end: Promise<() => void>
}

export class Writer {
  private batch: Batch | undefined
  /** Batches and exclusive transactions in order of request. */
  private readonly queue: (Batch | Exclusive)[] = []
  private running = false
  /** Writes in progress, the oldest first. */
  private readonly begun: Begun[] = []
  private failed: Error | undefined
  private closing = false
  private idle = Promise.resolve()
  private readonly commits: RowCommits

  constructor(
    private readonly connection: Connection,
    /** Every kind of row, in the order in which a commit applies them. */
    private readonly kinds: readonly RowStatement[],
    private readonly logs: LogSink,
    /** Called once when a batch could not be committed: memory is ahead of the disk then, and the manager must reload or stop. */
    private readonly onFailure: (error: Error) => void,
    private readonly disk: Disk = ENDLESS,
  ) {
    this.commits = new RowCommits(connection)
  }

  /**
   * Records that the row with this key must be written with the value of `row()` at the time of the commit; the last
   * call wins.
   */
  save(statement: RowStatement, key: number, row: () => Row): void {
    const batch = this.open()
    let rows = batch.keyed.get(statement)
    if (!rows) batch.keyed.set(statement, (rows = new Map()))
    rows.set(key, row)
  }

  /** Adds a row for the statement. */
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

  /** Runs after the commit of everything recorded so far, in the order of calls. */
  afterCommit(effect: () => void): void {
    this.open().after.push(effect)
  }

  /** Resolves when everything recorded so far is on disk. @throws UnavailableError when it could not be written */
  durable(): Promise<void> {
    if (this.failed) return Promise.reject(this.refusal(this.failed))
    // Waits for what is recorded now; never for later changes, or a busy farm would keep the caller waiting forever.
    const last = this.batch ?? [...this.begun.map(({ item }) => item), ...this.queue].findLast((item) => item instanceof Batch)
    return last?.done.promise ?? Promise.resolve()
  }

  /**
   * A separate transaction after everything recorded so far: for bulk changes. Other batches wait in the meantime, so
   * keep it short.
   */
  exclusive<T>(run: (tx: Connection) => Promise<T>): Promise<T> {
    if (this.failed) return Promise.reject(this.refusal(this.failed))
    // Later changes are committed separately. Rows built later would contain half of them: of a change to several rows,
    // only those that happen to be in both.
    if (this.batch) this.seal(this.batch)
    this.batch = undefined
    return new Promise<T>((resolve, reject) => {
      // The queue holds transactions of different result types; each resolves only its own promise.
      this.queue.push({ run, resolve: resolve as (value: unknown) => void, reject })
      this.start()
    })
  }

  /** Stops all writing, for this reason. */
  refuse(error: Error): void {
    this.fail(error)
  }

  /** Waits for everything recorded so far and refuses later changes. */
  async close(): Promise<void> {
    this.closing = true
    await this.durable().catch((error: unknown) => {
      // No waiter has learned that it is on disk; what waits for room must be dropped.
      if (!(error instanceof DiskFullError)) throw error
    })
    this.failed ??= new Error('the store is closed')
    await this.idle
  }

  private open(): Batch {
    if (this.failed) throw this.refusal(this.failed)
    if (!this.batch) {
      this.batch = new Batch()
      // Nothing may be waiting for it (fire and forget): that must not become an unhandled rejection.
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
   * Completes one item after the other. The next one starts before the waiters of the last one resume: their work (a
   * hundred replies) keeps the main thread busy for milliseconds, in which the disk would be idle.
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

  /** An item of several statements runs alone: a statement of another would become part of its transaction. */
  private mayBegin(item: Batch | Exclusive): boolean {
    const last = this.begun.at(-1)?.item
    if (!last) return true
    if (this.begun.length >= COMMITS_AT_ONCE) return false
    return item instanceof Batch && item.single && last instanceof Batch && last.single && last.handedOver
  }

  private async commit(batch: Batch, before: Promise<unknown> | undefined): Promise<() => void> {
    try {
      if (this.failed) throw this.failed
      // Everything recorded so far is fixed here, before the first await: later changes open a new batch.
      this.seal(batch)
      if (batch.sealed && 'error' in batch.sealed) throw batch.sealed.error
      const rows = batch.sealed?.rows
      while (!(await this.written(batch, rows, before))) {
        this.rejectWaiters()
        await pause(FULL_PAUSE_MS)
      }
      this.disk.assertThere()
    } catch (cause) {
      // The first failure is the reason for all that follow.
      const error = this.failed ?? this.reasonOf(cause)
      this.fail(error)
      return () => batch.done.reject(this.refusal(error))
    }
    return () => {
      for (const effect of batch.after) run(effect)
      batch.done.resolve()
    }
  }

  /** Writes a batch; false: the disk has no room for it now. @throws any other error */
  private async written(batch: Batch, rows: Rows | undefined, before: Promise<unknown> | undefined): Promise<boolean> {
    try {
      if (this.logs.dirty) await this.logs.flush()
      const handedOver = () => {
        batch.handedOver = true
        // Not in this turn: it is still starting.
        setImmediate(() => this.begin())
      }
      if (!batch.single) await this.transaction(rows, batch.statements, batch)
      else if (rows) await this.commits.apply(rows, (batch.number ??= this.commits.next()), handedOver, before)
      return true
    } catch (error) {
      if (this.failed || this.closing || !this.disk.isFull(error)) throw error
      return (await this.disk.makeRoom()) && !this.closing ? this.written(batch, rows, before) : false
    }
  }

  /** The disk stays full: rejects the waiters. Their changes stay recorded and are written when there is room. */
  private rejectWaiters(): void {
    const batches = [...this.begun.map(({ item }) => item), ...this.queue, this.batch].filter((item) => item instanceof Batch)
    for (const batch of new Set(batches)) {
      const { reject } = batch.done
      batch.done = deferred<void>()
      batch.done.promise.catch(() => undefined)
      reject(new DiskFullError())
    }
  }

  /** A write to files that are gone fails in many ways; that they are gone is what people need to know. */
  private reasonOf(cause: unknown): Error {
    try {
      this.disk.assertThere()
    } catch (error) {
      if (error instanceof DataDamagedError) return error
    }
    return cause instanceof Error ? cause : new Error(String(cause))
  }

  private refusal(error: Error): UnavailableError {
    return error instanceof DataDamagedError ? error : new UnavailableError(`cannot write the database: ${error.message}`)
  }

  private async transaction(rows: Rows | undefined, statements: Batch['statements'], batch: Batch): Promise<void> {
    await this.connection.run('begin immediate')
    try {
      if (rows) await this.commits.apply(rows, (batch.number ??= this.commits.next()))
      for (const { sql, values } of statements) await this.connection.run(sql, values)
      await this.connection.run('commit')
    } catch (error) {
      await this.connection.run('rollback').catch(() => undefined)
      throw error
    }
  }

  /** The caller resumes before anything else starts: memory must follow what the transaction did to the rows. */
  private async runExclusive(item: Exclusive): Promise<() => void> {
    try {
      if (this.failed) throw this.refusal(this.failed)
      await this.connection.run('begin immediate')
      let value: unknown
      try {
        value = await item.run(this.connection)
        await this.connection.run('commit')
      } catch (error) {
        await this.connection.run('rollback').catch(() => undefined)
        throw error
      }
      this.disk.assertThere()
      item.resolve(value)
    } catch (cause) {
      const error = this.reasonOf(cause)
      if (error instanceof DataDamagedError) this.fail(error)
      const isFull = this.disk.isFull(error)
      if (isFull) void this.disk.makeRoom()
      item.reject(isFull ? new DiskFullError() : error)
    }
    return nobody
  }

  private seal(batch: Batch): void {
    try {
      batch.sealed ??= { rows: this.rowsOf(batch) }
    } catch (error) {
      // Unrelated to the caller of the exclusive transaction: the batch fails when its turn comes.
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

/**
 * An effect that throws is a defect: it ends the process like any other one, instead of failing this commit and all
 * later ones.
 */
function run(effect: () => void): void {
  try {
    effect()
  } catch (error) {
    setImmediate(() => {
      throw error
    })
  }
}
