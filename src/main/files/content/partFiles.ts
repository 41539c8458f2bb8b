/**
 * Files on their way in. A part has the name of the content that it will be, so that a sender whose connection broke off goes on
 * where it stopped, after a restart of the manager too. What is whole is checked against its hash and on disk before anyone sees it.
 */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rm, stat, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { ConflictError, InvalidInputError } from '../../engine/base/errors.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import type { BlobId } from './blobs.ts'
import { ContentMismatchError, UploadAbortedError } from './errors.ts'

/** Bytes that are written at once: fewer trips to the disk than the chunks of a socket would take. */
const WRITE_BYTES = 1024 * 1024

/** The sender continues at another byte than the last one that is here. `offset`: where to go on. */
export class WrongOffsetError extends ConflictError {
  override readonly code = 'wrong-offset'
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message)
  }
}

export interface ReceiveRequest {
  blob: BlobId
  /** The folder of the part: on the disk that the whole file goes to. */
  folder: string
  /** How many bytes of the file come before the first one of `body`. */
  offset: number
  body: AsyncIterable<Buffer>
  /** Whether what came is kept when the sender breaks off. */
  resumable: boolean
}

export class PartFiles {
  /** Parts that are being written, by path. */
  private readonly busy = new Set<string>()

  /** @param random a short word for names of parts that cannot be continued */
  constructor(private readonly random: () => string) {}

  /** True for a file that is being written at this moment. */
  isBusy(file: string): boolean {
    return this.busy.has(file)
  }

  /** How many bytes of a blob are in a folder: where its sender goes on. */
  async offsetOf(blob: BlobId, folder: string): Promise<number> {
    const facts = await stat(partOf(blob, folder)).catch(() => undefined)
    return facts?.isFile() ? Math.min(facts.size, blob.size) : 0
  }

  /**
   * Takes the rest of a file.
   * @returns the path of the whole file: verified, on disk, to be renamed or removed by the caller
   * @throws WrongOffsetError, InvalidInputError (offset beyond the size), ContentMismatchError (the part is dropped),
   * UploadAbortedError
   */
  async receive({ blob, folder, offset, body, resumable }: ReceiveRequest): Promise<string> {
    if (offset > blob.size) throw new InvalidInputError('offset', `offset ${offset} is beyond the ${blob.size} bytes of the file`)
    await ensureDir(folder)
    const usual = partOf(blob, folder)
    // Two senders of one content do not wait for each other; the second one cannot be continued.
    const part = !resumable || (this.busy.has(usual) && offset === 0) ? `${usual.slice(0, -'.part'.length)}-${this.random()}.tmp` : usual
    if (this.busy.has(part)) throw new ConflictError('the same file is being received from another sender; try again later')
    this.busy.add(part)
    let keep = false
    try {
      const file = await open(part, offset === 0 ? 'w' : 'r+', 0o644).catch((error: unknown) => {
        if (offset > 0) throw new WrongOffsetError(0, 'nothing of this file is here; begin at offset 0')
        throw error
      })
      try {
        const hash = createHash('sha256')
        if (offset > 0) await hashStart(file, part, offset, hash)
        keep = resumable && part === usual
        await append(file, { blob, offset, body }, hash)
        keep = false
        const found = hash.digest('hex')
        if (found !== blob.sha) throw new ContentMismatchError(`the file's SHA-256 is ${found}, but ${blob.sha} was announced`)
        await file.sync()
      } finally {
        await file.close()
      }
      return part
    } catch (error) {
      if (!keep || error instanceof ContentMismatchError) await rm(part, { force: true })
      throw error
    } finally {
      this.busy.delete(part)
    }
  }
}

const partOf = ({ sha, size }: BlobId, folder: string): string => path.join(folder, `${sha}-${size}.part`)

/** The hash of what is there up to `offset`; what lies beyond is cut off. @throws WrongOffsetError when there is less */
async function hashStart(file: FileHandle, part: string, offset: number, hash: Hash): Promise<void> {
  const { size } = await file.stat()
  if (size < offset) throw new WrongOffsetError(size, `only ${size} bytes of this file are here; go on at offset ${size}`)
  await file.truncate(offset)
  for await (const chunk of createReadStream(part, { end: offset - 1, highWaterMark: WRITE_BYTES })) hash.update(chunk as Buffer)
}

/** Writes and hashes a stream. @throws UploadAbortedError, ContentMismatchError for more or fewer bytes than announced */
async function append(file: FileHandle, { blob, offset, body }: Omit<ReceiveRequest, 'folder' | 'resumable'>, hash: Hash): Promise<void> {
  let at = offset
  let waiting: Buffer[] = []
  let bytes = 0
  const write = async (): Promise<void> => {
    if (bytes === 0) return
    const chunk = waiting.length === 1 && waiting[0] ? waiting[0] : Buffer.concat(waiting, bytes)
    waiting = []
    bytes = 0
    hash.update(chunk)
    // A write may take less than all, e.g. on a disk that is about to be full.
    for (let done = 0; done < chunk.length;) done += (await file.write(chunk, done, chunk.length - done, at + done)).bytesWritten
    at += chunk.length
  }
  const chunks = body[Symbol.asyncIterator]()
  for (;;) {
    const next = await chunks.next().catch(async (error: unknown) => {
      await write()
      const why = error instanceof Error ? error.message : String(error)
      throw new UploadAbortedError(`the upload was interrupted after ${at} bytes: ${why}`)
    })
    if (next.done) break
    if (at + bytes + next.value.length > blob.size)
      throw new ContentMismatchError(`the file has more than the ${blob.size} bytes that were announced`)
    waiting.push(next.value)
    bytes += next.value.length
    if (bytes >= WRITE_BYTES) await write()
  }
  await write()
  if (at !== blob.size) throw new ContentMismatchError(`the file has ${at} bytes, but ${blob.size} were announced`)
}
