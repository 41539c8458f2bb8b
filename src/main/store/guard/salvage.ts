/**
 * Recovers what is readable from a damaged data folder into a new one, with a report of the losses. The damaged one
 * stays unchanged.
 */
import { copyFile, cp, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { segmentFile } from '../../logs/segments.ts'
import { Connection } from '../connection.ts'
import { assertMissing, NewFolderError } from '../backup/newFolder.ts'
import { MIGRATIONS, type StoredDialect } from '../openStore.ts'
import { migrate, type MigrationSeries } from '../migrate.ts'
import { DATABASE } from './dataFolder.ts'
import { chunkProblem } from './integrity.ts'
import { salvageTable, type TableResult } from './salvageTable.ts'

export const REPORT_FILE = 'salvage-report.txt'
/** Never copied: recreated, or too large and not affected by this damage. */
const LEFT = new Set([
  'manager.lock',
  'manager.open',
  'reserve',
  DATABASE,
  `${DATABASE}-wal`,
  `${DATABASE}-shm`,
  'logs',
  'backups',
  'previews',
  'storage',
  'workers',
])
/** The page size of every database that this program created. */
const PAGE_SIZE = 4096

export interface SalvageResult {
  tables: TableResult[]
  /** Rows that were omitted because what they belong to is lost. */
  orphans: number
  logs: { chunks: number; lost: number; damaged: number }
  /** Folders of the old data folder that still contain files of the farm. */
  left: string[]
}

/** @param to must not exist @param dialects whose tables may exist @throws NewFolderError */
export async function salvage(
  folder: string,
  to: string,
  dialects: readonly StoredDialect[],
  tell: (text: string) => void,
): Promise<SalvageResult> {
  await assertMissing(to)
  if (!(await stat(join(folder, DATABASE)).catch(() => undefined)))
    throw new NewFolderError(`no ${DATABASE} in ${folder}; restore a backup`, 'no-data')
  const unfinished = `${to}.unfinished-${process.pid}`
  const work = join(unfinished, 'work')
  await mkdir(work, { recursive: true, mode: 0o700 })
  try {
    const damaged = await openCopy(folder, work)
    const target = await Connection.open(join(unfinished, DATABASE), 'write')
    try {
      const result = await copyAll(folder, unfinished, damaged, target, dialects, tell)
      await writeFile(join(unfinished, REPORT_FILE), reportOf(folder, result))
      return result
    } finally {
      await damaged.close().catch(() => undefined)
      await target.close()
    }
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw error
  } finally {
    await rm(work, { recursive: true, force: true })
    await rename(unfinished, to).catch(() => undefined)
  }
}

/** Opens a copy of the database; of its log the valid part, and with a repaired header if the header is damaged. */
async function openCopy(folder: string, work: string): Promise<Connection> {
  const file = join(work, DATABASE)
  await copyFile(join(folder, DATABASE), file)
  await copyFile(join(folder, `${DATABASE}-wal`), `${file}-wal`).catch(() => undefined)
  for (const attempt of [() => Promise.resolve(), () => repairHeader(file), () => rm(`${file}-wal`, { force: true })]) {
    await attempt()
    const connection = await Connection.open(file, 'write')
    const tables = await connection.all<{ name: string }>(`select name from sqlite_schema where type = 'table'`).catch(() => [])
    if (tables.length > 0) return connection
    await connection.close().catch(() => undefined)
  }
  throw new NewFolderError(
    `cannot read ${join(folder, DATABASE)}: its first page, which locates the others, is damaged; restore a backup`,
    'damaged',
  )
}

/** The fields of a database's header that are the same for every farm (https://www.sqlite.org/fileformat.html, 1.3). */
async function repairHeader(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  try {
    const { size } = await handle.stat()
    const header = Buffer.alloc(100)
    await handle.read(header, 0, 100, 0)
    header.write('SQLite format 3\0', 0, 'latin1')
    header.writeUInt16BE(PAGE_SIZE, 16)
    header.set([2, 2, 0, 64, 32, 32], 18)
    header.writeUInt32BE(Math.floor(size / PAGE_SIZE), 28)
    // No free pages: they are lost space, nothing else.
    header.writeUInt32BE(0, 32)
    header.writeUInt32BE(0, 36)
    header.writeUInt32BE(4, 44)
    header.writeUInt32BE(1, 56)
    header.fill(0, 72, 92)
    header.writeUInt32BE(header.readUInt32BE(24), 92)
    await handle.write(header, 0, 100, 0)
  } finally {
    await handle.close()
  }
}

/** The tables of a dialect as in the damaged database. Its schema version is copied with the rest. */
async function makeTablesOf(
  target: Connection,
  damaged: Connection,
  dialect: string,
  { migrations, adopted }: MigrationSeries,
): Promise<void> {
  const known = await damaged
    .get<{ version: number }>('select version from dialect_versions where dialect = ?', [dialect])
    .catch(() => undefined)
  const version = known?.version ?? (await adopted?.(damaged).catch(() => undefined)) ?? 0
  for (const migration of migrations) if (migration.version <= version) await target.exec(migration.sql)
}

async function copyAll(
  folder: string,
  to: string,
  damaged: Connection,
  target: Connection,
  dialects: readonly StoredDialect[],
  tell: (text: string) => void,
): Promise<SalvageResult> {
  const version = (await damaged.get<{ user_version: number }>('pragma user_version').catch(() => undefined))?.user_version ?? 0
  const newest = MIGRATIONS.at(-1)?.version ?? 0
  // The tables as in the damaged database; the manager migrates them at its start.
  await migrate(target, version > 0 && version <= newest ? MIGRATIONS.filter((migration) => migration.version <= version) : MIGRATIONS)
  for (const { name, migrations } of dialects) if (migrations) await makeTablesOf(target, damaged, name, migrations)
  await target.exec('pragma foreign_keys = off')
  const triggers = await target.all<{ name: string; sql: string }>(`select name, sql from sqlite_schema where type = 'trigger'`)
  for (const { name } of triggers) await target.exec(`drop trigger "${name}"`)

  const result: SalvageResult = { tables: [], orphans: 0, logs: { chunks: 0, lost: 0, damaged: 0 }, left: [] }
  const tables = await target.all<{ name: string; type: string }>(
    `select name, type from pragma_table_list where schema = 'main' and name not like 'sqlite_%'`,
  )
  for (const { name } of tables.filter(({ type }) => type === 'table')) {
    tell(name)
    const columns = await target.all<{ name: string; pk: number }>(`select name, pk from pragma_table_info('${name}')`)
    // Rows that a migration inserted are removed: the damaged database has its own.
    await target.run(`delete from "${name}"`)
    const hasRowid = await target.get(`select rowid from "${name}" limit 1`).then(
      () => true,
      () => false,
    )
    const key = hasRowid ? 'rowid' : `"${columns.find(({ pk }) => pk === 1)?.name ?? ''}"`
    result.tables.push(
      await salvageTable(
        damaged,
        target,
        name,
        columns.map((column) => column.name),
        key,
      ),
    )
  }
  tell('logs')
  await copyLogs(folder, to, target, result)
  result.orphans = await removeOrphans(target)
  // Full-text indexes are rebuilt from the tables that they index.
  for (const { name } of tables.filter(({ type }) => type === 'virtual'))
    await target.exec(`insert into ${name} (${name}) values ('rebuild')`)
  for (const { sql } of triggers) await target.exec(sql)
  // Counters and waits are computed from the remaining tasks.
  await target.exec('update jobs set recount_due = 1')
  await target.exec('pragma wal_checkpoint(truncate)')
  await copyRest(folder, to, result)
  return result
}

/** Rows whose job, task or attempt is lost, until none remains. */
async function removeOrphans(target: Connection): Promise<number> {
  let removed = 0
  for (let round = 0; round < 10; round++) {
    const found = await target.all<{ table: string; rowid: number | null }>('pragma foreign_key_check')
    const rows = found.filter((row) => row.rowid !== null)
    if (rows.length === 0) break
    await target.run('begin')
    for (const row of rows) removed += (await target.run(`delete from "${row.table}" where rowid = ?`, [row.rowid])).changes
    await target.run('commit')
  }
  return removed
}

async function copyLogs(folder: string, to: string, target: Connection, result: SalvageResult): Promise<void> {
  const source = join(folder, 'logs')
  await cp(source, join(to, 'logs'), { recursive: true }).catch(() => mkdir(join(to, 'logs'), { recursive: true, mode: 0o700 }))
  const columns = await target.all<{ name: string }>(`select name from pragma_table_info('log_chunks') where name = 'checksum'`)
  const checksum = columns.length > 0 ? 'checksum' : 'null as checksum'
  for (const { segment_id: segment } of await target.all<{ segment_id: number }>('select distinct segment_id from log_chunks')) {
    const file = await open(segmentFile(source, segment), 'r').catch(() => undefined)
    const chunks = await target.all<{
      attempt_id: number
      position: number
      bytes: number
      segment_id: number
      segment_offset: number
      checksum: number | null
    }>(`select attempt_id, position, bytes, segment_id, segment_offset, ${checksum} from log_chunks where segment_id = ?`, [segment])
    for (const chunk of chunks) {
      result.logs.chunks++
      const problem = file === undefined ? 'is truncated' : await chunkProblem(file, chunk).catch(() => 'is truncated')
      if (problem === undefined) continue
      // Changed bytes are still worth reading; missing ones are not.
      if (!problem.includes('truncated')) result.logs.damaged++
      else {
        result.logs.lost++
        await target.run('delete from log_chunks where attempt_id = ? and position = ?', [chunk.attempt_id, chunk.position])
      }
    }
    await file?.close()
  }
}

async function copyRest(folder: string, to: string, result: SalvageResult): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!LEFT.has(entry.name) && !entry.name.startsWith('replaced-')) {
      await cp(join(folder, entry.name), join(to, entry.name), { recursive: true }).catch(() => result.left.push(entry.name))
    } else if (['backups', 'previews', 'storage', 'workers'].includes(entry.name)) result.left.push(entry.name)
  }
}

/** Whether anything is missing from the new database. */
export function hasLosses({ tables, orphans, logs }: SalvageResult): boolean {
  return orphans > 0 || logs.lost > 0 || logs.damaged > 0 || tables.some(({ gaps, refused }) => gaps.length > 0 || refused > 0)
}

/** For people: what was recovered, and what was not. */
export function reportOf(folder: string, { tables, orphans, logs, left }: SalvageResult): string {
  const lines = [`Saved from ${folder}`, '']
  for (const { table, copied, refused, gaps } of tables.filter((each) => each.copied > 0 || each.gaps.length > 0 || each.refused > 0)) {
    const lost = gaps.map(({ from, to }) => (to === null ? `from ${from} on` : from === to ? String(from) : `${from} to ${to}`))
    const losses = [
      ...(lost.length > 0 ? [`unreadable: keys ${lost.join(', ')}`] : []),
      ...(refused > 0 ? [`${refused} rows were damaged`] : []),
    ]
    lines.push(`${table}: ${copied} rows${losses.length > 0 ? `; LOST: ${losses.join('; ')}` : ''}`)
  }
  lines.push('', `Rows omitted because what they belong to is lost: ${orphans}`)
  lines.push(`Logs: ${logs.chunks} pieces, ${logs.lost} lost, ${logs.damaged} with changed bytes`)
  if (left.length > 0)
    lines.push('', `Not copied, but still needed: ${left.map((name) => basename(name)).join(', ')}. Move them to the new folder.`)
  return `${lines.join('\n')}\n`
}
