/**
 * One manager per data folder: two would hand out the same tasks. The lock is SQLite's own on a small file beside the
 * database, so the system lets go of it however the process ends.
 */
import { join } from 'node:path'
import { Connection } from './connection.ts'
import { makeFolders } from '../system/makeFolders.ts'

/** Another manager runs with this data folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError'
  constructor(folder: string) {
    super(`the data folder ${folder} is in use by another manager`)
  }
}

/** Takes the folder, made when missing; returns what gives it back. @throws FolderInUseError */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await makeFolders(folder)
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
