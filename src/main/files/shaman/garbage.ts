/** Shaman's garbage collection: blobs that are old and that no checkout links to go; links and young files stay. */
import { readlink, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { removeEmptyFolders, walk } from './disk.ts'
import { blobOfPath, checkoutRoot } from './paths.ts'
import type { FileStore } from './store.ts'

/** A temporary file older than this belongs to no upload any more. */
const STALE_UPLOAD_MS = 86_400_000

/** A client that asked for a blob in this time may be about to link to it. */
const RECENTLY_MS = 600_000

export interface GarbageReport {
  blobsDeleted: number
  bytesDeleted: number
  blobsKept: number
  uploadsDeleted: number
}

export interface GarbageOptions {
  storage: string
  now: number
  /** Blobs used since then stay. */
  maxAgeMs: number
  /** Stops between two files. */
  signal?: AbortSignal
}

/** Removes what nobody needs. Safe while clients upload and check out. */
export async function collectGarbage(store: FileStore, options: GarbageOptions): Promise<GarbageReport> {
  const { storage, now, maxAgeMs, signal } = options
  const report: GarbageReport = { blobsDeleted: 0, bytesDeleted: 0, blobsKept: 0, uploadsDeleted: 0 }
  const before = now - maxAgeMs
  const recently = now - RECENTLY_MS
  store.forgetWanted(recently)
  const linked = await linkedBlobs(checkoutRoot(storage), signal)

  const stored = path.join(storage, 'file-store', 'stored')
  for await (const { file } of walk(stored)) {
    if (signal?.aborted) return report
    const blob = blobOfPath(stored, file)
    const facts = await stat(file).catch(() => undefined)
    if (!blob || !facts) continue
    // More than one name: a checkout that had to use hard links.
    const needed = facts.mtimeMs >= before || facts.nlink > 1 || linked.has(file)
    if (needed || !(await store.collect(blob, recently))) {
      report.blobsKept++
      continue
    }
    report.blobsDeleted++
    report.bytesDeleted += facts.size
    await removeEmptyFolders(path.dirname(file), stored)
  }

  const uploading = path.join(storage, 'file-store', 'uploading')
  for await (const { file } of walk(uploading)) {
    if (signal?.aborted) return report
    const facts = await stat(file).catch(() => undefined)
    if (!facts || store.isTemporaryInUse(file) || facts.mtimeMs > now - STALE_UPLOAD_MS) continue
    await rm(file, { force: true })
    await removeEmptyFolders(path.dirname(file), uploading)
    report.uploadsDeleted++
  }
  return report
}

/** Absolute paths of all blobs that some checkout's link points at. */
async function linkedBlobs(checkouts: string, signal: AbortSignal | undefined): Promise<Set<string>> {
  const linked = new Set<string>()
  // A folder that cannot be read throws and ends the collection: its links must not look like none.
  for await (const { file, entry } of walk(checkouts)) {
    if (signal?.aborted) break
    if (entry.isSymbolicLink()) linked.add(path.resolve(path.dirname(file), await readlink(file)))
  }
  return linked
}
