/** Restores a backup: moves the current files aside, never deletes them, and puts the backup's files in their place. */
import { cp, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DATABASE, newestBackup } from './dataFolder.ts'
import { damageIn } from './integrity.ts'

/** What a backup contains, and the files that belong to the replaced database. */
const REPLACED = [DATABASE, `${DATABASE}-wal`, `${DATABASE}-shm`, 'manager.open', 'logs', 'scripts'] as const

/** Why nothing was restored. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError'
}

/**
 * @param backup folder of a backup; undefined: the newest of the data folder's own
 * @returns which backup it was, and where the old files are; undefined: there were none
 * @throws RestoreError; the data folder is unchanged then
 */
export async function restore(
  folder: string,
  backup: string | undefined,
  now: number,
): Promise<{ backup: string; aside: string | undefined }> {
  const from = backup ?? (await newestBackup(folder))
  if (from === undefined) throw new RestoreError(`no backup in ${join(folder, 'backups')}; specify the folder of one`)
  if (!(await stat(join(from, DATABASE)).catch(() => undefined)))
    throw new RestoreError(`${from} is not a backup: it contains no ${DATABASE}`)
  const damage = await damageIn(join(from, DATABASE))
  if (damage.length > 0) throw new RestoreError(`the backup ${from} is itself damaged: ${damage[0]}; specify an older one`)
  // Copies next to the folder first, so that half a restore is never mistaken for a farm.
  const fresh = join(folder, `restoring-${process.pid}`)
  await cp(from, fresh, { recursive: true, preserveTimestamps: true })
  const present = new Set(await readdir(folder))
  const old = REPLACED.filter((name) => present.has(name))
  const aside = join(folder, `replaced-${new Date(now).toISOString().slice(0, 19).replaceAll(':', '-')}`)
  if (old.length > 0) await mkdir(aside, { mode: 0o700 })
  for (const name of old) await rename(join(folder, name), join(aside, name))
  // The database last: until it exists, a manager refuses the folder.
  const names = (await readdir(fresh)).sort((a, b) => Number(a === DATABASE) - Number(b === DATABASE))
  for (const name of names) await rename(join(fresh, name), join(folder, name)).catch(ignoreExisting)
  await rm(fresh, { recursive: true, force: true })
  return { backup: from, aside: old.length > 0 ? aside : undefined }
}

/** Existing files that are not part of the database (the key of the secrets) stay. */
function ignoreExisting(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code !== 'EEXIST' && code !== 'ENOTEMPTY') throw error
}
