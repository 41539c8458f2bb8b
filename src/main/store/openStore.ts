/** Opens a farm's database: files and their permissions, migrations, connections, and the store on top of them. */
import { chmod, open } from 'node:fs/promises'
import { join } from 'node:path'
import { LogSegments } from '../logs/segments.ts'
import { ensureDir } from '../system/ensureDir.ts'
import { Connection, ReadPool } from './connection.ts'
import { openFarmIdentity, type FarmIdentity } from './farmIdentity.ts'
import { SqliteFarmStore, type LastIds } from './farmStore.ts'
import { migrate, migrateDialect, parseMigrations, type MigrationSeries } from './migrate.ts'
import * as rows from './rows/index.ts'
import { appendedRowsOf, SIDE_ROWS, type SideRowWriters } from './sideRows.ts'
import { Writer, type Disk } from './writer.ts'

/** Every file of the folder, included in the bundle. */
export const MIGRATIONS = parseMigrations(import.meta.glob<string>('./migrations/*.sql', { query: '?raw', import: 'default', eager: true }))

/** Most pages of the WAL before SQLite checkpoints it; a large WAL makes commits of a bulk change cheaper. */
const WAL_PAGES = 4_000

export interface StoreOptions {
  /** Folder of the database (`framehouse.sqlite`) and the logs. Created when missing. */
  dataDir: string
  readConnections: number
  onFailure(error: Error): void
  /** The data folder's disk; missing: one that is always available and never full. */
  disk?: Disk
  /** Whether there is room for new work; missing: always. */
  space?: { readonly isFull: boolean }
  /** API families with data of their own in the database. */
  dialects?: readonly StoredDialect[]
  /** A statement met damage in the database. */
  onDamage?(error: Error): void
}

/** What a dialect stores in the database (http/dialect.ts). */
export interface StoredDialect {
  name: string
  migrations?: MigrationSeries
  sideRows?: SideRowWriters
  appendedRows?: Readonly<Record<string, string>>
}

export interface OpenedStore {
  store: SqliteFarmStore
  read: ReadPool
  writer: Writer
  logFolder: string
  identity: FarmIdentity
  close(): Promise<void>
}

/** Opens or creates a farm's database and migrates it to the newest schema. */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  await ensureDir(options.dataDir)
  const file = join(options.dataDir, 'framehouse.sqlite')
  await keepToOwner(file)
  const connection = await Connection.open(file, 'write', options.onDamage)
  await connection.exec(
    `pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000; pragma foreign_keys = on;
     pragma wal_autocheckpoint = ${WAL_PAGES}; pragma cache_size = -32000; pragma temp_store = memory; pragma journal_size_limit = 67108864`,
  )
  await migrate(connection, MIGRATIONS)
  const { dialects = [] } = options
  for (const { name, migrations } of dialects) if (migrations) await migrateDialect(connection, name, migrations)
  const identity = await openFarmIdentity(connection, Date.now())
  const logFolder = join(options.dataDir, 'logs')
  const last = await connection.get<{ id: number | null }>('select max(id) as id from log_segments')
  const segments = await LogSegments.open(logFolder, last?.id ?? 0)
  const appendedRows = appendedRowsOf(Object.assign({}, ...dialects.map((dialect) => dialect.appendedRows)) as Record<string, string>)
  const writer = new Writer(connection, rows.rowStatements([...appendedRows.values()]), segments, options.onFailure, options.disk)
  const read = await ReadPool.open(file, options.readConnections, options.onDamage)
  const sideRows = Object.assign({}, SIDE_ROWS, ...dialects.map((dialect) => dialect.sideRows)) as SideRowWriters
  const store = new SqliteFarmStore(writer, read, segments, await lastIds(connection), sideRows, appendedRows, options.space)
  return {
    store,
    read,
    writer,
    logFolder,
    identity,
    async close() {
      await writer.close()
      await segments.close()
      await read.close()
      await connection.close()
    },
  }
}

/**
 * The database contains hashes of passwords and tokens, so no other user of the machine may read it. SQLite gives the
 * files that it creates beside it the same permissions. Windows has none of these; there the folder's own apply.
 */
async function keepToOwner(file: string): Promise<void> {
  await (await open(file, 'a', 0o600)).close()
  // Created by an earlier version, or copied. Some network disks have no permissions.
  for (const each of [file, `${file}-wal`, `${file}-shm`]) await chmod(each, 0o600).catch(() => undefined)
}

async function lastIds(db: Connection): Promise<LastIds> {
  const row = await db.get<LastIds>(
    `select coalesce((select max(id) from jobs), 0) as job, coalesce((select max(id) from command_templates), 0) as template,
       coalesce((select max(id) from task_groups), 0) as "group", coalesce((select max(id) from tasks), 0) as task,
       coalesce((select max(id) from attempts), 0) as attempt`,
  )
  if (!row) throw new Error('the database does not answer')
  return row
}
