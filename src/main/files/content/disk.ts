/** Small helpers around Node's file system that Shaman's parts share. */
import { open, readdir, rmdir } from 'node:fs/promises'
import type { Dirent } from 'node:fs'
import path from 'node:path'

/** The `code` of a system error, e.g. ENOENT. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** True when the file or one of its folders does not exist. */
export function isMissing(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** Makes new names in a folder durable, where the platform can (Windows cannot open folders). */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined)
  if (!handle) return
  try {
    await handle.sync().catch(() => undefined)
  } finally {
    await handle.close()
  }
}

/** Removes `folder` and its parents as long as they are empty, up to and without `stop`. */
export async function removeEmptyFolders(folder: string, stop: string): Promise<void> {
  for (let here = folder; here !== stop && here.startsWith(stop + path.sep); here = path.dirname(here)) {
    try {
      await rmdir(here)
    } catch {
      return
    }
  }
}

/** Everything below a folder that is not a folder, depth first; symbolic links are not followed. A missing folder is empty. */
export async function* walk(folder: string): AsyncGenerator<{ file: string; entry: Dirent }> {
  let entries: Dirent[]
  try {
    entries = await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  for (const entry of entries) {
    const file = path.join(folder, entry.name)
    if (entry.isDirectory()) yield* walk(file)
    else yield { file, entry }
  }
}

/** Runs `work` for each item, at most `limit` at once. The first error ends it, after what runs has ended. */
export async function forEachLimited<T>(items: readonly T[], limit: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0
  let failed = false
  const lane = async () => {
    while (next < items.length && !failed) {
      const item = items[next++]
      if (item === undefined) continue
      try {
        await work(item)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const results = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
