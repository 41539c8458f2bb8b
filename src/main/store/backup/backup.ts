/**
 * Copies a farm while its manager runs. The database goes first, as one consistent snapshot; log files only grow, so
 * later copies contain at least every byte that the snapshot refers to.
 */
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Connection } from '../connection.ts'
import { DATABASE } from '../guard/dataFolder.ts'
import { assertMissing, NewFolderError } from './newFolder.ts'
import { ensureDir } from '../../system/ensureDir.ts'

/** Other parts of a data folder that cannot be recreated. */
const FOLDERS = ['logs', 'scripts', join('tls', 'authority')] as const

export interface BackupResult {
  bytes: number
  files: number
}

/**
 * @param tell progress from 0 to 1, and the current step
 * @throws NewFolderError; `to` is unchanged then
 */
export async function backUp(
  from: string,
  to: string,
  tell: (share: number, text: string) => void,
  signal: AbortSignal,
): Promise<BackupResult> {
  const database = join(from, DATABASE)
  if (!(await sizeOf(database))) throw new NewFolderError(`${from} is not a manager's data folder: it contains no ${DATABASE}`, 'no-data')
  await assertMissing(to)
  // Written next to its destination and renamed at the end, so that half a backup is never mistaken for one.
  const unfinished = `${to}.unfinished-${process.pid}`
  try {
    await ensureDir(dirname(to))
    await mkdir(unfinished, { mode: 0o700 })
    tell(0, 'database')
    await snapshot(database, join(unfinished, DATABASE))
    const result = { bytes: await sizeOf(join(unfinished, DATABASE)), files: 1 }
    const files = (await Promise.all(FOLDERS.map((folder) => filesUnder(from, folder)))).flat()
    for (const [index, file] of files.entries()) {
      if (signal.aborted) throw new NewFolderError('it was interrupted', 'interrupted')
      tell((index + 1) / (files.length + 1), file)
      const copy = join(unfinished, file)
      await ensureDir(dirname(copy))
      // A log file of a purged job may disappear while it is copied.
      const copied = await copyFile(join(from, file), copy).then(() => true, ignoreMissing)
      if (!copied) continue
      result.bytes += await sizeOf(copy)
      result.files++
    }
    await rename(unfinished, to)
    return result
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true })
    throw error
  }
}

async function snapshot(database: string, copy: string): Promise<void> {
  const connection = await Connection.open(database, 'read')
  try {
    await connection.run('vacuum into ?', [copy])
  } finally {
    await connection.close()
  }
  const check = await Connection.open(copy, 'read')
  try {
    const first = await check.get<{ integrity_check: string }>('pragma integrity_check')
    const verdict = first?.integrity_check ?? 'no answer'
    if (verdict !== 'ok') throw new NewFolderError(`the copied database is damaged: ${verdict}`, 'damaged')
  } finally {
    await check.close()
  }
}

async function filesUnder(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(root.length + 1), entry.name))
}

function ignoreMissing(error: unknown): false {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
  throw error
}

async function sizeOf(file: string): Promise<number> {
  return (await stat(file).catch(() => undefined))?.size ?? 0
}
