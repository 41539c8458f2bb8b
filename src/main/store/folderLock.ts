/**
 * One manager per data folder: two would assign the same tasks. The lock is SQLite's own on a small file beside the
 * database, so the system releases it however the process ends.
 */
import { join } from 'node:path'
import { Connection } from './connection.ts'
import { ensureDir } from '../system/ensureDir.ts'

/** Another manager is running with this data folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError'
  constructor(folder: string) {
    super(`the data folder ${folder} is in use by another manager`)
  }
}

/** Locks the folder, creating it when missing; returns the release function. @throws FolderInUseError */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await ensureDir(folder)
  const connection = await Connection.open(join(folder, 'manager.lock'), 'write')
  try {
    await connection.exec('begin exclusive')
  } catch (error) {
    await connection.close()
    if (error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY') throw new FolderInUseError(folder)
    throw error
  }
  return () => connection.close()
}
