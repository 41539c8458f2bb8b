/**
 * Garbage collection of the file store: removes old blobs that no checkout and no owner links; linked and recent files stay. Over its
 * size limit, what is not linked goes before it is old, the longest unused first.
 */
import { readdir, readlink, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { blobOfPath, storedFolder, uploadingFolder, type BlobId } from '../content/blobs.ts'
import { removeEmptyFolders, walk } from '../content/disk.ts'
import type { FileStore } from '../content/fileStore.ts'
import { checkoutRoot } from './paths.ts'

/** An older temporary file no longer belongs to an upload. */
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
  /** Bytes that the store may hold before unlinked blobs go early; missing or 0: no limit. */
  maxBytes?: number
  /** Whether something other than a checkout needs the blob. */
  isNeeded?(blob: BlobId): Promise<boolean>
  /** Stops between two files. */
  signal?: AbortSignal
}

interface Unlinked {
  file: string
  blob: BlobId
  size: number
  /** When it was last used. */
  usedAt: number
}

/** Removes unneeded blobs. Safe while clients upload and check out. */
export async function collectGarbage(store: FileStore, options: GarbageOptions): Promise<GarbageReport> {
  const { storage, now, maxAgeMs, maxBytes = 0, signal } = options
  const report: GarbageReport = { blobsDeleted: 0, bytesDeleted: 0, blobsKept: 0, uploadsDeleted: 0 }
  const recently = now - RECENTLY_MS
  store.forgetWanted(recently)
  const linked = await linkedBlobs(checkoutRoot(storage), signal)

  const stored = storedFolder(storage)
  const unlinked: Unlinked[] = []
  let bytes = 0
  for await (const { file } of walk(stored)) {
    if (signal?.aborted) return report
    const blob = blobOfPath(stored, file)
    const facts = await stat(file).catch(() => undefined)
    if (!blob || !facts) continue
    bytes += facts.size
    // More than one name: a checkout that had to use hard links.
    if (facts.nlink > 1 || linked.has(file) || (await options.isNeeded?.(blob))) report.blobsKept++
    else unlinked.push({ file, blob, size: facts.size, usedAt: facts.mtimeMs })
  }
  for (const { file, blob, size, usedAt } of unlinked.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (signal?.aborted) return report
    const isDue = usedAt < now - maxAgeMs || (maxBytes > 0 && bytes > maxBytes)
    if (!isDue || !(await store.collect(blob, recently))) {
      report.blobsKept++
      continue
    }
    bytes -= size
    report.blobsDeleted++
    report.bytesDeleted += size
    await removeEmptyFolders(path.dirname(file), stored)
  }

  const uploading = uploadingFolder(storage)
  for await (const { file } of walk(uploading)) {
    if (signal?.aborted) return report
    const facts = await stat(file).catch(() => undefined)
    if (!facts || store.isTemporaryInUse(file) || facts.mtimeMs > now - STALE_UPLOAD_MS) continue
    await rm(file, { force: true })
    await removeEmptyFolders(path.dirname(file), uploading)
    report.uploadsDeleted++
  }
  await removeFoldersOfEarlierVersions(uploading)
  return report
}

/** Uploads once had a folder each; those that are empty go. */
async function removeFoldersOfEarlierVersions(uploading: string): Promise<void> {
  const entries = await readdir(uploading, { withFileTypes: true, recursive: true }).catch(() => [])
  for (const entry of entries) if (entry.isDirectory()) await removeEmptyFolders(path.join(entry.parentPath, entry.name), uploading)
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
