/**
 * Log segments: append-only files with the text of all attempts' logs, in order of arrival. The table log_chunks
 * records which bytes belong to which attempt; bytes of a segment beyond the table were never acknowledged and are
 * ignored. Only one file is open for appending, so a flush is one write and one fdatasync, however many attempts wrote.
 */
import { fstatSync } from 'node:fs'
import { open, stat, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDir } from '../system/ensureDir.ts'

/** A new file starts when the open one is larger: small enough to be freed soon, large enough to be few. */
const SEGMENT_BYTES = 64 * 1024 * 1024

export interface SegmentPlace {
  segment: number
  offset: number
}

export class LogSegments {
  private handle: FileHandle | undefined
  private pending: Buffer[] = []
  private written = 0
  private isFlushing = false

  private constructor(
    private readonly folder: string,
    /** The segment that is open for appending, and its size including pending bytes. */
    private current: number,
    private size: number,
  ) {}

  /**
   * `last`: the newest segment in the database, 0 for none. Appending always starts a new file, after a crash or a
   * clean stop alike.
   */
  static async open(folder: string, last: number): Promise<LogSegments> {
    await ensureDir(folder, 0o700)
    let next = last + 1
    // A file that the database does not list (crash before the commit) may exist: append after it, never into it.
    while (await exists(segmentFile(folder, next))) next++
    return new LogSegments(folder, next, 0)
  }

  get dirty(): boolean {
    return this.pending.length > 0
  }

  /** Reserves space for these bytes; they are on disk after the next flush. */
  append(bytes: Buffer): SegmentPlace {
    // Not during a flush that still writes to the open file: a later commit may already have its rows.
    if (this.size >= SEGMENT_BYTES && this.pending.length === 0 && !this.isFlushing) this.rotate()
    const place = { segment: this.current, offset: this.size }
    this.size += bytes.length
    this.pending.push(bytes)
    return place
  }

  /** Writes pending bytes and waits until they are on disk. */
  async flush(): Promise<void> {
    const buffers = this.pending
    if (buffers.length === 0) return
    this.pending = []
    this.isFlushing = true
    try {
      const handle = await this.openCurrent()
      await writeAll(handle, buffers, this.written)
      await handle.datasync()
      assertNamed(handle)
      this.written += buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    } catch (error) {
      // Retried from the same position: partially written bytes are overwritten.
      this.pending = [...buffers, ...this.pending]
      throw error
    } finally {
      this.isFlushing = false
    }
  }

  async close(): Promise<void> {
    await this.flush()
    await this.handle?.close()
    this.handle = undefined
  }

  /** Deletes a segment without live chunks; the open one stays. */
  async remove(segment: number): Promise<boolean> {
    if (segment === this.current) return false
    await unlink(segmentFile(this.folder, segment)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
    return true
  }

  private rotate(): void {
    const old = this.handle
    this.handle = undefined
    void old?.close()
    this.current++
    this.size = 0
    this.written = 0
  }

  private async openCurrent(): Promise<FileHandle> {
    if (!this.handle) {
      this.handle = await open(segmentFile(this.folder, this.current), 'ax', 0o600)
      // The file's name must survive a power cut too.
      const folder = await open(this.folder, 'r')
      await folder.sync().catch(() => undefined) // Windows cannot sync a folder, and does not need to
      await folder.close()
    }
    return this.handle
  }
}

/** Bytes in a deleted file are lost with its handle. @throws Error */
function assertNamed(handle: FileHandle): void {
  if (fstatSync(handle.fd).nlink === 0) throw new Error('the log file that is open for writing was deleted')
}

/** The file of a segment inside the log folder. */
export function segmentFile(folder: string, segment: number): string {
  return join(folder, `${segment.toString().padStart(8, '0')}.seg`)
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  )
}

/** writev may write less than requested; write the rest. */
async function writeAll(handle: FileHandle, buffers: Buffer[], position: number): Promise<void> {
  const whole = buffers.length === 1 && buffers[0] ? buffers[0] : Buffer.concat(buffers)
  let done = 0
  while (done < whole.length) {
    const { bytesWritten } = await handle.write(whole, done, whole.length - done, position + done)
    done += bytesWritten
  }
}
