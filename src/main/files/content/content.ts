/**
 * The farm's content-addressed store as other rooms see it: Shaman, uploads, inputs of jobs, and APIs that keep files. Bytes are kept
 * once, however often they are sent. What has no link is garbage, and goes after a while or when the store is over its limit.
 */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { NotFoundError } from '../../engine/base/errors.ts'
import { walk } from './disk.ts'
import { blobKey, blobOfPath, storedFolder, type BlobId } from './blobs.ts'
import type { FileStore } from './fileStore.ts'
import { HashThreads } from './hashThreads.ts'
import { Intake, type IntakeOptions } from './intake.ts'
import type { ContentLinks } from './links.ts'

/** Bytes that are read at once. */
const READ_BYTES = 256 * 1024

/** First and last byte, both included, counted from 0. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** A stored file. `stream` begins at once and must be read or destroyed. */
export interface OpenContent {
  readonly blob: BlobId
  readonly stream: Readable
}

/** What is on its way: how many of its bytes are here already. */
export interface MissingContent extends BlobId {
  readonly offset: number
}

export interface ContentUsage {
  readonly files: number
  readonly bytes: number
  /** Links of owners other than checkouts. */
  readonly links: number
}

/** The store's port. Hashes are SHA-256 in lower-case hexadecimal. */
export interface Content {
  /**
   * Keeps a stream without an announced hash. Resolves when it is on disk.
   * @throws UploadTooLargeError beyond `limit` bytes, UploadAbortedError when the stream broke off
   */
  put(body: AsyncIterable<Buffer>, limit: number): Promise<BlobId>
  /**
   * Keeps the bytes of an announced file from `offset` on; resolves when it is whole, verified and on disk. A broken upload is kept, and
   * goes on at the offset that `missing` tells.
   * @throws ContentMismatchError, WrongOffsetError, UploadAbortedError
   */
  putAt(blob: BlobId, offset: number, body: AsyncIterable<Buffer>): Promise<void>
  /** Takes a file piece by piece, with other checks than the SHA-256 too; nothing of it is seen before it is kept. */
  receive(options: IntakeOptions): Promise<Intake>
  /** Those that are not stored. Those that are count as just used, so that they stay until they are linked. */
  missing(blobs: readonly BlobId[]): Promise<MissingContent[]>
  /** @throws NotFoundError */
  open(sha256: string, range?: ByteRange): Promise<OpenContent>
  /** The owner needs these from now on, beside what it links already. @throws NotFoundError naming the first that is not stored */
  link(owner: string, blobs: readonly BlobId[]): Promise<void>
  /** The owner no longer needs these, or anything. */
  unlink(owner: string, sha256s?: readonly string[]): Promise<void>
  usage(): Promise<ContentUsage>
}

export class ContentStore implements Content {
  private readonly threads = new HashThreads()

  constructor(
    private readonly files: FileStore,
    private readonly links: ContentLinks,
    private readonly storage: () => string,
  ) {}

  put(body: AsyncIterable<Buffer>, limit: number): Promise<BlobId> {
    return this.files.add(body, limit)
  }

  async putAt(blob: BlobId, offset: number, body: AsyncIterable<Buffer>): Promise<void> {
    await this.files.storeAt(blob, offset, body)
  }

  async receive(options: IntakeOptions): Promise<Intake> {
    return new Intake(await this.files.begin(), this.threads, options)
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    await this.threads.close()
  }

  async missing(blobs: readonly BlobId[]): Promise<MissingContent[]> {
    const asked = [...new Map(blobs.map((blob) => [blobKey(blob), blob])).values()]
    const found = await Promise.all(
      asked.map(async (blob) => {
        if ((await this.files.check(blob)) === 'stored') return []
        return [{ sha: blob.sha, size: blob.size, offset: await this.files.offsetOf(blob) }]
      }),
    )
    return found.flat()
  }

  async open(sha256: string, range?: ByteRange): Promise<OpenContent> {
    const blob = await this.files.find(sha256)
    if (blob === undefined) throw new NotFoundError('file', sha256)
    const stream = createReadStream(this.files.pathOf(blob), {
      highWaterMark: READ_BYTES,
      ...(range && { start: range.first, end: range.last }),
    })
    return { blob, stream }
  }

  async link(owner: string, blobs: readonly BlobId[]): Promise<void> {
    const [first] = await this.missing(blobs)
    if (first !== undefined) throw new NotFoundError('file', first.sha)
    await this.links.add(owner, blobs)
  }

  unlink(owner: string, sha256s?: readonly string[]): Promise<void> {
    return this.links.remove(owner, sha256s)
  }

  async usage(): Promise<ContentUsage> {
    const stored = storedFolder(this.storage())
    let files = 0
    let bytes = 0
    for await (const { file } of walk(stored)) {
      const blob = blobOfPath(stored, file)
      if (blob === undefined) continue
      files++
      bytes += blob.size
    }
    return { files, bytes, links: await this.links.count() }
  }
}
