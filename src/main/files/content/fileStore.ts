/**
 * The file store: files by content under `<storage>/file-store`, so that many jobs share one copy and a client only uploads
 * missing files. A blob appears under its name only when it is complete, verified and on disk. The state
 * "uploading" is in memory only: a crash leaves at most a temporary file, which the garbage collector removes.
 */
import { createHash, type Hash } from 'node:crypto'
import { open, readdir, rename, rm, stat, utimes, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import type { FarmError } from '../../engine/base/errors.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import { blobKey, blobPath, shaFolder, storedFolder, uploadingFolder, type BlobId } from './blobs.ts'
import { isMissing, syncFolder } from './disk.ts'
import { UploadAbortedError, UploadTooLargeError } from './errors.ts'
import type { IntakeFile } from './intake.ts'
import { PartFiles } from './partFiles.ts'

export type BlobStatus = 'unknown' | 'uploading' | 'stored'
/** The result of an upload: stored, not needed because the blob exists, or deferred because another client is uploading it. */
export type UploadResult = 'stored' | 'already-known' | 'deferred'

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
  private readonly parts: PartFiles
  /** When a blob was last asked for, in this process: settles the race with the garbage collector. */
  private readonly wanted = new Map<string, number>()
  /** Blobs that the garbage collector deletes at this moment. */
  private readonly deleting = new Map<string, Promise<void>>()

  constructor(private readonly options: FileStoreOptions) {
    this.parts = new PartFiles(() => options.random())
  }

  /** Where a stored blob lies. */
  pathOf(blob: BlobId): string {
    return blobPath(this.options.storage(), blob)
  }

  /** The status of a blob. A stored one counts as just used, so that it is not collected before the checkout. */
  async check(blob: BlobId): Promise<BlobStatus> {
    const key = blobKey(blob)
    this.wanted.set(key, this.options.now())
    await this.deleting.get(key)
    if (await this.touch(this.pathOf(blob))) return 'stored'
    return this.uploading.has(key) ? 'uploading' : 'unknown'
  }

  /** Removes a blob unless a client requested it since `since`. Only the garbage collector calls this. */
  async collect(blob: BlobId, since: number): Promise<boolean> {
    const key = blobKey(blob)
    if (this.isInUse(key, since)) return false
    const removal = rm(this.pathOf(blob), { force: true })
    // A client that wants the blob waits for the end of the removal, whatever its result: that is the collector's
    // concern.
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
    return this.temporary.has(file) || this.parts.isBusy(file)
  }

  /** Drops requests from before `before`. */
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

    return this.receive(blob, 0, body, false)
  }

  /** How many bytes of a blob that is not stored are here: where its sender goes on. */
  offsetOf(blob: BlobId): Promise<number> {
    return this.parts.offsetOf(blob, uploadingFolder(this.options.storage()))
  }

  /**
   * Takes the rest of a file from `offset` on.
   * @throws WrongOffsetError, ContentMismatchError; UploadAbortedError, after which it can be continued
   */
  storeAt(blob: BlobId, offset: number, body: AsyncIterable<Buffer>): Promise<UploadResult> {
    return this.receive(blob, offset, body, true)
  }

  private async receive(blob: BlobId, offset: number, body: AsyncIterable<Buffer>, resumable: boolean): Promise<UploadResult> {
    const key = blobKey(blob)
    this.uploading.set(key, (this.uploading.get(key) ?? 0) + 1)
    try {
      const temporary = await this.parts.receive({ blob, folder: uploadingFolder(this.options.storage()), offset, body, resumable })
      if (await this.keep(blob, temporary)) return 'stored'
      await rm(temporary, { force: true })
      return 'already-known'
    } finally {
      const others = (this.uploading.get(key) ?? 1) - 1
      if (others > 0) this.uploading.set(key, others)
      else this.uploading.delete(key)
    }
  }

  /** The stored blob with this hash, whatever its size; undefined: there is none. */
  async find(sha: string): Promise<BlobId | undefined> {
    const names = await readdir(path.join(storedFolder(this.options.storage()), shaFolder(sha))).catch(() => [])
    const size = names.map((name) => /^(\d+)\.blob$/.exec(name)?.[1]).find((each) => each !== undefined)
    if (size === undefined) return undefined
    const blob = { sha, size: Number(size) }
    return (await this.check(blob)) === 'stored' ? blob : undefined
  }

  /**
   * Takes a file whose checksum its sender does not know (a browser on a plain connection has no SHA-256).
   * @throws TooLargeUploadError beyond `limit` bytes, UploadAbortedError when the stream broke off
   */
  async add(body: AsyncIterable<Buffer>, limit: number): Promise<BlobId> {
    const temporary = this.temporaryPath()
    this.temporary.add(temporary)
    try {
      await ensureDir(path.dirname(temporary))
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

  /** A new file on its way in, which its caller writes, and then places or removes. */
  async begin(): Promise<IntakeFile> {
    const file = this.temporaryPath()
    this.temporary.add(file)
    try {
      await ensureDir(path.dirname(file))
      return {
        path: file,
        handle: await open(file, 'wx', 0o644),
        place: async (blob) => {
          await this.keep(blob, file)
        },
        release: () => this.temporary.delete(file),
      }
    } catch (error) {
      this.temporary.delete(file)
      throw error
    }
  }

  private temporaryPath(): string {
    return path.join(uploadingFolder(this.options.storage()), `upload-${this.options.random()}.tmp`)
  }

  /** Gives a file that is whole, checked and on disk its name; false when the same content is there already. */
  private async keep(blob: BlobId, temporary: string): Promise<boolean> {
    const final = this.pathOf(blob)
    this.wanted.set(blobKey(blob), this.options.now())
    await this.deleting.get(blobKey(blob))
    // Another client was faster with the same content: its blob stays, because links may point at it.
    if (await this.touch(final)) return false
    await ensureDir(path.dirname(final))
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
      throw new UploadAbortedError(
        `the upload was interrupted after ${written} bytes: ${error instanceof Error ? error.message : String(error)}`,
      )
    })
    if (next.done) return written
    const chunk = next.value
    if (written + chunk.length > limit) throw tooLong()
    hash.update(chunk)
    await file.write(chunk)
    written += chunk.length
  }
}
