/** Small files that are read and written whole. */
import { open, readFile, rename } from 'node:fs/promises'

/** Undefined when there is no such file. @throws NodeJS.ErrnoException when it cannot be read */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Writes through a temporary file, synced before it takes the old one's place: a crash leaves the old or the new content.
 * Its folder must be there. @param mode of a new file @throws NodeJS.ErrnoException
 */
export async function writeFileAtomic(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  const handle = await open(temporary, 'w', mode)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}
