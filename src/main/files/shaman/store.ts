/**
 * Shaman's file store: files by content under `<storage>/file-store`, so that many jobs share one copy and a client
 * uploads only what is not there yet. A blob appears under its name only when it is whole, checked and on disk. What is
 * "uploading" is known in memory only: a crash leaves at most a temporary file, which the garbage collector removes.
 */
import { createHash, type Hash } from 'node:crypto'
import { open, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { FarmError } from '../../engine/errors.ts'
import { isMissing, syncFolder } from './disk.ts'
import { blobKey, blobPath, uploadPath, type BlobId } from './paths.ts'
import { makeFolders } from '../../system/makeFolders.ts'

export type BlobStatus = 'unknown' | 'uploading' | 'stored'
/** What became of an upload: stored, not needed because it is there, or better done later because somebody else is at it. */
export type UploadResult = 'stored' | 'already-known' | 'deferred'

/** What was uploaded is not what was announced. */
export class ContentMismatchError extends FarmError {
  readonly code = 'content-mismatch'
}

/** The file is larger than anybody may upload. */
export class UploadTooLargeError extends FarmError {
  readonly code = 'too-large'
}

/** The client went away before its upload was whole. */
export class UploadAbortedError extends FarmError {
  readonly code = 'upload-aborted'
}

export interface FileStoreOptions {
  /** The shared storage; asked anew each time because the setting may change. Absolute. */
  storage(): string
  /** Milliseconds since the epoch. */
  now(): number
  /** A short random word for names of temporary files. */
  random(): string
}

export class FileStore {
  /** Uploads under way, by blob. */
  private readonly uploading = new Map<string, number>()
  /** Temporary files of uploads under way: the garbage collector leaves them. */
  private readonly temporary = new Set<string>()
  /** When a blob was last asked for, in this process: settles the race with the garbage collector. */
  private readonly wanted = new Map<string, number>()
  /** Blobs that the garbage collector deletes at this moment. */
  private readonly deleting = new Map<string, Promise<void>>()

  constructor(private readonly options: FileStoreOptions) {}

  /** Where a stored blob lies. */
  pathOf(blob: BlobId): string {
    return blobPath(this.options.storage(), blob)
  }

  /** Says whether a blob is there. A stored one counts as just used, so that it is not collected before the checkout. */
  async check(blob: BlobId): Promise<BlobStatus> {
    const key = blobKey(blob)
    this.wanted.set(key, this.options.now())
    await this.deleting.get(key)
    if (await this.touch(this.pathOf(blob))) return 'stored'
    return this.uploading.has(key) ? 'uploading' : 'unknown'
  }

  /** Removes a blob unless somebody asked for it since `since`. Only the garbage collector calls this. */
  async collect(blob: BlobId, since: number): Promise<boolean> {
    const key = blobKey(blob)
    if (this.isInUse(key, since)) return false
    const removal = rm(this.pathOf(blob), { force: true })
    // Whoever wants the blob waits for the end of this, and not for its success: that is the collector's business.
    const over = removal.then(
      () => undefined,
      () => undefined,
    )
    this.deleting.set(key, over)
    try {
      await removal
    } finally {
      this.deleting.delete(key)
    }
    return true
  }

  /** True for the temporary file of an upload that is under way. */
  isTemporaryInUse(file: string): boolean {
    return this.temporary.has(file)
  }

  /** Forgets who asked for what before `before`. */
  forgetWanted(before: number): void {
    for (const [key, at] of this.wanted) if (at < before) this.wanted.delete(key)
  }

  private isInUse(key: string, since: number): boolean {
    return this.uploading.has(key) || (this.wanted.get(key) ?? 0) >= since
  }

  /**
   * Takes a file. Reads the stream to its end unless it is too long.
   * @throws ContentMismatchError when size or checksum differ, UploadAbortedError when the stream broke off
   */
  async store(blob: BlobId, body: AsyncIterable<Buffer>, canDefer: boolean): Promise<UploadResult> {
    const status = await this.check(blob)
    if (status === 'stored') return 'already-known'
    if (status === 'uploading' && canDefer) return 'deferred'

    const key = blobKey(blob)
    const temporary = uploadPath(this.options.storage(), blob, this.options.random())
    this.uploading.set(key, (this.uploading.get(key) ?? 0) + 1)
    this.temporary.add(temporary)
    try {
      await makeFolders(path.dirname(temporary))
      return await this.receive(blob, body, temporary)
    } finally {
      await rm(temporary, { force: true })
      this.temporary.delete(temporary)
      const others = (this.uploading.get(key) ?? 1) - 1
      if (others > 0) this.uploading.set(key, others)
      else this.uploading.delete(key)
    }
  }

  /**
   * Takes a file whose checksum its sender does not know (a browser on a plain connection has no SHA-256).
   * @throws TooLargeUploadError beyond `limit` bytes, UploadAbortedError when the stream broke off
   */
  async add(body: AsyncIterable<Buffer>, limit: number): Promise<BlobId> {
    const temporary = path.join(this.options.storage(), 'file-store', 'uploading', `upload-${this.options.random()}.tmp`)
    this.temporary.add(temporary)
    try {
      await makeFolders(path.dirname(temporary))
      const hash = createHash('sha256')
      const file = await open(temporary, 'wx', 0o644)
      let size: number
      try {
        size = await copyHashed(
          body,
          file,
          hash,
          limit,
          () => new UploadTooLargeError(`the file has more than the ${limit} bytes that are taken`),
        )
        await file.sync()
      } finally {
        await file.close()
      }
      const blob = { sha: hash.digest('hex'), size }
      await this.keep(blob, temporary)
      return blob
    } finally {
      await rm(temporary, { force: true })
      this.temporary.delete(temporary)
    }
  }

  private async receive(blob: BlobId, body: AsyncIterable<Buffer>, temporary: string): Promise<UploadResult> {
    const hash = createHash('sha256')
    const file = await open(temporary, 'wx', 0o644)
    let written: number
    try {
      written = await copyHashed(
        body,
        file,
        hash,
        blob.size,
        () => new ContentMismatchError(`the file has more than the ${blob.size} bytes that were announced`),
      )
      await file.sync()
    } finally {
      await file.close()
    }
    if (written !== blob.size) {
      throw new ContentMismatchError(`the file has ${written} bytes, but ${blob.size} were announced`)
    }
    const found = hash.digest('hex')
    if (found !== blob.sha) throw new ContentMismatchError(`the file's SHA-256 is ${found}, but ${blob.sha} was announced`)

    return (await this.keep(blob, temporary)) ? 'stored' : 'already-known'
  }

  /** Gives a file that is whole, checked and on disk its name; false when the same content is there already. */
  private async keep(blob: BlobId, temporary: string): Promise<boolean> {
    const final = this.pathOf(blob)
    this.wanted.set(blobKey(blob), this.options.now())
    await this.deleting.get(blobKey(blob))
    // Somebody else was faster with the same content: theirs stays, links may point at it.
    if (await this.touch(final)) return false
    await makeFolders(path.dirname(final))
    await rename(temporary, final)
    await syncFolder(path.dirname(final))
    return true
  }

  /** Sets the modification time to now; false when there is no such file. */
  private async touch(file: string): Promise<boolean> {
    const now = new Date(this.options.now())
    try {
      await utimes(file, now, now)
      return true
    } catch (error) {
      if (isMissing(error)) return false
      // Read-only or foreign files can be used all the same.
      return (await stat(file).catch(() => undefined))?.isFile() ?? false
    }
  }
}

/** Writes a stream to a file and into a hash; stops with an error once there is more than `limit`. */
async function copyHashed(
  body: AsyncIterable<Buffer>,
  file: FileHandle,
  hash: Hash,
  limit: number,
  tooLong: () => FarmError,
): Promise<number> {
  let written = 0
  const chunks = body[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch((error: unknown) => {
      throw new UploadAbortedError(`the upload broke off after ${written} bytes: ${error instanceof Error ? error.message : String(error)}`)
    })
    if (next.done) return written
    const chunk = next.value
    if (written + chunk.length > limit) throw tooLong()
    hash.update(chunk)
    await file.write(chunk)
    written += chunk.length
  }
}
