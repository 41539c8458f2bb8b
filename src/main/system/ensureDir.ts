/** Making folders. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it; content when it is there. Node's own `recursive` tries for ever, on a thread that
 * cannot be stopped, where a parent exists and still nothing can be made in it (/proc, some automounted disks).
 * @throws NodeJS.ErrnoException
 */
export async function ensureDir(path: string, mode = 0o777): Promise<void> {
  try {
    await mkdir(path, { mode })
    return
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' && dirname(path) !== path) {
      if (!(await isFolder(dirname(path)))) await ensureDir(dirname(path), mode)
      // Once more, then the result is final. Another process may just have created the parent, or this folder.
      await mkdir(path, { mode }).catch(async (again: unknown) => {
        if (!(await isFolder(path))) throw again
      })
      return
    }
    if (await isFolder(path)) return
    throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
