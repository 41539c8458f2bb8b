/** Puts files out of the way that are to be written again: into a hidden folder beside them, from where people can take them back. */
import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ensureDir } from './ensureDir.ts'
import { patientRename } from './patientRename.ts'

/** Beside the files; nothing of ours ever reads it, so it may be deleted at any time. */
export const REPLACED_FOLDER = '.framehouse-replaced'

/**
 * Moves the file into the hidden folder of its own directory. The newest one of a name stays there; a damaged file never takes
 * the place of a good one. Resolves with its new path, undefined when there is no such file.
 * @throws NodeJS errors when it cannot be moved
 */
export async function setAside(path: string, options: { damaged?: boolean } = {}): Promise<string | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  })
  if (found?.isFile() !== true) return undefined
  const folder = join(dirname(path), REPLACED_FOLDER)
  const to = join(folder, options.damaged ? `${basename(path)}.damaged` : basename(path))
  await ensureDir(folder)
  await patientRename(path, to)
  return to
}
