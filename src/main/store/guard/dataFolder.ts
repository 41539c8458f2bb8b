/**
 * Verifies the data folder: before it is opened, so that a farm never starts empty or without work that it
 * acknowledged, and while it is open, so that the manager acknowledges nothing that goes into a file which is lost.
 */
import { statSync } from 'node:fs'
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { DataDamagedError } from '../../engine/base/errors.ts'
import { writeFileAtomic } from '../../system/wholeFiles.ts'
import { checkWal } from './walCheck.ts'

export const DATABASE = 'framehouse.sqlite'
const MAGIC = 'SQLite format 3\0'
/** Exists while a manager has the folder open, and after one that did not close it. */
const MARK = 'manager.open'
const BACKUP_NAME = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(-auto)?$/

/** The data folder must not be used in this state. The message names the file, what was found, and what to do. */
export class DataFolderError extends Error {
  override readonly name = 'DataFolderError'
}

/** Checks the files before anything opens them. @throws DataFolderError */
export async function checkDataFolder(folder: string): Promise<void> {
  const problem = await problemOf(folder)
  if (problem !== undefined) throw new DataFolderError(`${problem}\n${await remedyFor(folder)}`)
}

/** The problem with the files of a closed folder; undefined: none that is visible without reading everything. */
export async function problemOf(folder: string): Promise<string | undefined> {
  const file = join(folder, DATABASE)
  const size = await sizeOf(file)
  const walSize = await sizeOf(`${file}-wal`)
  if (!size) {
    const others = await tracesOf(folder)
    if (walSize) others.push(`${DATABASE}-wal`)
    if (others.length === 0) return undefined
    return `The database ${file} ${size === 0 ? 'has 0 bytes' : 'is missing'}, and this is the data folder of a farm: ${others.join(', ')} ${others.length > 1 ? 'are' : 'is'} there.`
  }
  const problem = await headerProblem(file, size, walSize)
  if (problem !== undefined) return problem
  if (walSize === undefined) {
    const mark = await readFile(join(folder, MARK), 'utf8').catch(() => undefined)
    if (mark !== 'open') return undefined
    return `${file}-wal is missing. The last manager did not close the database, so its newest changes were in that file.`
  }
  const index = await readFile(`${file}-shm`).catch(() => undefined)
  const verdict = checkWal(await readFile(`${file}-wal`), index)
  return verdict.problem === undefined ? undefined : `${file}-wal is damaged: ${verdict.problem}.`
}

/** What people can do, with the newest backup if there is one. */
export async function remedyFor(folder: string): Promise<string> {
  const backup = await newestBackup(folder)
  const salvage = `Or save what can be read: framehouse salvage --data ${quote(folder)} NEW_FOLDER`
  if (backup === undefined) return `There is no backup in ${join(folder, 'backups')}. Put the file back, or a copy of your own. ${salvage}`
  return `Put the file back, or go back to the newest backup: framehouse restore --data ${quote(folder)} ${quote(backup)}\n${salvage}`
}

/** Folder of the newest backup that the manager created itself. */
export async function newestBackup(folder: string): Promise<string | undefined> {
  const names = await readdir(join(folder, 'backups')).catch(() => [])
  const newest = names
    .filter((name) => BACKUP_NAME.test(name))
    .sort()
    .at(-1)
  return newest === undefined ? undefined : join(folder, 'backups', newest)
}

/** An open folder: recognizes its own files. */
export class OpenDataFolder {
  private readonly identities: { file: string; identity: string }[]

  private constructor(readonly folder: string) {
    const names = process.platform === 'win32' ? [] : [DATABASE, `${DATABASE}-wal`]
    this.identities = names.map((name) => ({ file: join(folder, name), identity: identityOf(join(folder, name)) }))
  }

  /** Call it when the database is open and its write-ahead log exists. */
  static async open(folder: string): Promise<OpenDataFolder> {
    await writeFileAtomic(join(folder, MARK), 'open', 0o600)
    return new OpenDataFolder(folder)
  }

  /** Checks that the files are still those that were opened. @throws DataDamagedError */
  assertThere(): void {
    for (const { file, identity } of this.identities) {
      const found = identityOf(file)
      if (found === identity) continue
      const what = found === '' ? 'was deleted or moved away' : 'was replaced by another file'
      throw new DataDamagedError(`${file} ${what} while the manager was running: nothing more is accepted, because it would be lost`)
    }
  }

  /** Call it around closing the database, when SQLite removes its log. */
  async closing(): Promise<void> {
    await writeFileAtomic(join(this.folder, MARK), 'closing', 0o600).catch(() => undefined)
  }

  async closed(): Promise<void> {
    await unlink(join(this.folder, MARK)).catch(() => undefined)
  }
}

async function headerProblem(file: string, size: number, walSize: number | undefined): Promise<string | undefined> {
  const header = Buffer.alloc(100)
  const handle = await open(file, 'r')
  await handle.read(header, 0, 100, 0).finally(() => handle.close())
  if (header.toString('latin1', 0, 16) !== MAGIC) return `${file} is damaged: it does not start with a database header.`
  const pageSize = header.readUInt16BE(16)
  const pages = header.readUInt32BE(28)
  // An interrupted checkpoint leaves a short file, which the log completes.
  const isCurrent = header.readUInt32BE(24) === header.readUInt32BE(92)
  if (!walSize && isCurrent && pageSize > 1 && size < pages * pageSize) {
    return `${file} is truncated: it has ${size} of ${pages * pageSize} bytes.`
  }
  return undefined
}

/** Files that only a farm that has run leaves. An interrupted first start leaves none of them. */
async function tracesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const segments = await readdir(join(folder, 'logs')).catch(() => [])
  const traces = names.filter((name) => name === 'secret.key' || name === 'owner-token')
  if ((await newestBackup(folder)) !== undefined) traces.push('backups')
  return segments.some((name) => name.endsWith('.seg')) ? [...traces, 'logs'] : traces
}

function identityOf(file: string): string {
  const facts = statSync(file, { throwIfNoEntry: false })
  return facts ? `${facts.dev}/${facts.ino}` : ''
}

async function sizeOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size
}

/** Quotes a path for a line that people copy into a shell. */
function quote(path: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(path) ? path : `"${path}"`
}
