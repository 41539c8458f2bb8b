/**
 * One SQLite connection with promises. Statements on one connection run one after another in libuv's pool, so a reader
 * never blocks the main thread, and no other statement joins a writer's transaction (each role has its own connection).
 */
import sqlite3 from 'sqlite3'
import { DataDamagedError } from '../engine/base/errors.ts'

/** A value that can be bound. */
export type SqlValue = string | number | bigint | Buffer | null

/** The reading side of the database, for query modules. Row types are the caller's assertion about the columns. */
export interface ReadDatabase {
  all<Row>(sql: string, values?: SqlValue[]): Promise<Row[]>
  get<Row>(sql: string, values?: SqlValue[]): Promise<Row | undefined>
}

export class Connection implements ReadDatabase {
  private readonly statements = new Map<string, sqlite3.Statement | Promise<sqlite3.Statement>>()

  private constructor(
    private readonly db: sqlite3.Database,
    private readonly onDamage: (error: Error) => void,
  ) {}

  /** Opens (or creates, unless read-only) the file. @throws Error with SQLite's message */
  static open(file: string, mode: 'read' | 'write', onDamage: (error: Error) => void = () => undefined): Promise<Connection> {
    const flags = mode === 'read' ? sqlite3.OPEN_READONLY : sqlite3.OPEN_READWRITE | sqlite3.OPEN_CREATE
    return new Promise((resolve, reject) => {
      const db = new sqlite3.Database(file, flags, (error) => (error ? reject(error) : resolve(new Connection(db, onDamage))))
    })
  }

  /** Runs a script of several statements without parameters. */
  exec(sql: string): Promise<void> {
    return new Promise((resolve, reject) => this.db.exec(sql, (error) => (error ? reject(error) : resolve())))
  }

  /** A statement that has run before starts synchronously: see `use`. */
  run(sql: string, values: SqlValue[] = []): Promise<{ changes: number; lastId: number }> {
    return this.use(
      sql,
      (statement) =>
        new Promise((resolve, reject) =>
          statement.run(values, function (error) {
            if (error) reject(error)
            else resolve({ changes: this.changes, lastId: this.lastID })
          }),
        ),
    )
  }

  all<Row>(sql: string, values: SqlValue[] = []): Promise<Row[]> {
    return this.use(
      sql,
      (statement) => new Promise((resolve, reject) => statement.all<Row>(values, (error, rows) => (error ? reject(error) : resolve(rows)))),
    )
  }

  async get<Row>(sql: string, values: SqlValue[] = []): Promise<Row | undefined> {
    return (await this.all<Row>(sql, values))[0]
  }

  /** Finalizes the statements and closes the file. */
  async close(): Promise<void> {
    for (const pending of this.statements.values()) {
      const statement = await Promise.resolve(pending).catch(() => undefined)
      await new Promise<void>((resolve) => (statement ? statement.finalize(() => resolve()) : resolve()))
    }
    this.statements.clear()
    await new Promise<void>((resolve, reject) => this.db.close((error) => (error ? reject(error) : resolve())))
  }

  /** Reports damage to the guard of the file, whichever statement met it; callers get an error that they may show. */
  private watched<T>(result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      if (!isDamage(error)) throw error
      this.onDamage(error)
      throw new DataDamagedError(`the database of the manager is damaged: ${error.message}`, { cause: error })
    })
  }

  /**
   * Every statement is compiled once per connection; statements are constants of the program, so the map stays small. A
   * compiled one is used in the same turn: after an await, other work of the main thread would come before it reaches
   * the disk.
   */
  private use<T>(sql: string, run: (statement: sqlite3.Statement) => Promise<T>): Promise<T> {
    const known = this.statements.get(sql)
    if (known) return this.watched(known instanceof Promise ? known.then(run) : run(known))
    const compiled = new Promise<sqlite3.Statement>((resolve, reject) => {
      const statement = this.db.prepare(sql, (error: Error | null) => (error ? reject(error) : resolve(statement)))
    })
    this.statements.set(sql, compiled)
    compiled.then(
      (statement) => this.statements.set(sql, statement),
      () => this.statements.delete(sql),
    )
    return this.watched(compiled.then(run))
  }
}

/** Whether SQLite reports corruption, rather than a busy, full or unreachable disk. */
export function isDamage(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && (error.code === 'SQLITE_CORRUPT' || error.code === 'SQLITE_NOTADB')
}

/** Spreads reads over a few connections, so that a long query does not delay the short ones. */
export class ReadPool implements ReadDatabase {
  private readonly busy: number[]

  private constructor(private readonly connections: Connection[]) {
    this.busy = connections.map(() => 0)
  }

  static async open(file: string, size: number, onDamage?: (error: Error) => void): Promise<ReadPool> {
    const connections = await Promise.all(Array.from({ length: size }, () => Connection.open(file, 'read', onDamage)))
    for (const connection of connections) await connection.exec('pragma busy_timeout = 5000; pragma mmap_size = 268435456')
    return new ReadPool(connections)
  }

  all<Row>(sql: string, values: SqlValue[] = []): Promise<Row[]> {
    return this.least((connection) => connection.all<Row>(sql, values))
  }

  get<Row>(sql: string, values: SqlValue[] = []): Promise<Row | undefined> {
    return this.least((connection) => connection.get<Row>(sql, values))
  }

  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()))
  }

  private async least<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    let index = 0
    for (let i = 1; i < this.busy.length; i++) if ((this.busy[i] ?? 0) < (this.busy[index] ?? 0)) index = i
    const connection = this.connections[index]
    if (!connection) throw new Error('read pool has no connections')
    this.busy[index] = (this.busy[index] ?? 0) + 1
    try {
      return await use(connection)
    } finally {
      this.busy[index] = (this.busy[index] ?? 1) - 1
    }
  }
}
