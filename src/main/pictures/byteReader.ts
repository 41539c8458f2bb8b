/** Reads a file front to back or anywhere, a bounded piece at a time: a frame may have hundreds of megabytes. */
import { open, type FileHandle } from 'node:fs/promises'
import { DamagedError } from './verdict.ts'

/** Small reads are answered from a piece of this size. */
const WINDOW_BYTES = 256 * 1024

/** A field of a format never needs more at once; what claims so is no such field. */
const MAX_PIECE_BYTES = 1024 * 1024 * 1024

export class ByteReader {
  /** Where the next `read` begins. */
  at = 0
  private window: Buffer = Buffer.alloc(0)
  private windowAt = 0

  private constructor(
    private readonly file: FileHandle,
    /** Bytes in the file when it was opened. */
    readonly size: number,
  ) {}

  /** Opens the file for as long as `work` takes. @throws NodeJS errors when it cannot be read */
  static async with<T>(path: string, work: (reader: ByteReader) => Promise<T>): Promise<T> {
    const file = await open(path)
    try {
      const facts = await file.stat()
      return await work(new ByteReader(file, facts.size))
    } finally {
      await file.close()
    }
  }

  get left(): number {
    return this.size - this.at
  }

  /** Exactly `length` bytes, valid until the next call. @throws DamagedError when the file ends before that */
  async read(length: number): Promise<Buffer> {
    const bytes = await this.readAt(this.at, length)
    this.at += length
    return bytes
  }

  /** As `read`, from anywhere; `at` stays. */
  async readAt(position: number, length: number): Promise<Buffer> {
    if (position + length > this.size || length > MAX_PIECE_BYTES) throw truncated(this.size)
    const offset = position - this.windowAt
    if (offset >= 0 && offset + length <= this.window.length) return this.window.subarray(offset, offset + length)
    if (length >= WINDOW_BYTES) return this.fetch(position, length, length)
    this.window = await this.fetch(position, Math.min(WINDOW_BYTES, this.size - position), length)
    this.windowAt = position
    return this.window.subarray(0, length)
  }

  /** Up to `length` bytes of the beginning. */
  async head(length: number): Promise<Buffer> {
    return this.readAt(0, Math.min(length, this.size))
  }

  /** The next `length` bytes in pieces of a bounded size. */
  async *pieces(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0;) {
      const piece = await this.read(Math.min(left, WINDOW_BYTES))
      left -= piece.length
      yield piece
    }
  }

  /** Passes over bytes that say nothing. @throws DamagedError when the file ends before that */
  skip(length: number): void {
    if (length < 0 || this.at + length > this.size) throw truncated(this.size)
    this.at += length
  }

  private async fetch(position: number, wanted: number, needed: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(wanted)
    let got = 0
    while (got < wanted) {
      const { bytesRead } = await this.file.read(bytes, got, wanted - got, position + got)
      if (bytesRead === 0) break
      got += bytesRead
    }
    // Cut while it was read.
    if (got < needed) throw truncated(position + got)
    return bytes.subarray(0, got)
  }
}

export function truncated(bytes: number): DamagedError {
  return new DamagedError(`ends too early, after ${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`)
}
