/**
 * The files of a report log: append-only segments of JSON lines in one folder, named by the first sequence number in them.
 * A line is an entry (`{"seq":7,…}`) or a mark (`{"ack":6}`: everything up to 6 was delivered). A line that a crash cut
 * short is dropped when the folder is opened; it was never sent, because entries are sent only after they are written.
 */
import { open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDir } from '../../system/ensureDir.ts'

const SUFFIX = '.jsonl'
const READ_CHUNK_BYTES = 256 * 1024

export interface Segment {
  /** No entry in it has a lower sequence number. */
  readonly first: number
  readonly path: string
  /** Bytes of whole lines. */
  size: number
}

/** A place in the segments: the next byte to read. */
export interface Cursor {
  segment: Segment
  offset: number
}

/** One line as read back. */
export type Line = { seq: number; json: string; bytes: number } | { ack: number; bytes: number }

export class ReportLogSegments {
  private handle: FileHandle | undefined
  private readonly segments: Segment[]
  private readonly directory: string

  private constructor(directory: string, segments: Segment[]) {
    this.directory = directory
    this.segments = segments
  }

  /** Opens the folder (made when missing), cuts off a torn last line, and calls `visit` for each whole line in order. */
  static async open(directory: string, visit: (line: Line) => void): Promise<ReportLogSegments> {
    await ensureDir(directory, 0o700)
    const firsts = (await readdir(directory))
      .filter((name) => name.endsWith(SUFFIX))
      .map((name) => Number(name.slice(0, -SUFFIX.length)))
      .filter((first) => Number.isSafeInteger(first))
      .sort((a, b) => a - b)
    const found = new ReportLogSegments(
      directory,
      firsts.map((first) => ({ first, path: segmentPath(directory, first), size: 0 })),
    )
    for (const segment of found.segments) {
      segment.size = (await stat(segment.path)).size
      const cursor: Cursor = { segment, offset: 0 }
      for (;;) {
        const lines = await readLines(cursor, READ_CHUNK_BYTES)
        if (lines.length === 0) break
        lines.forEach(visit)
      }
      segment.size = cursor.offset
    }
    return found
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.size, 0)
  }

  get currentSize(): number {
    return this.segments.at(-1)?.size ?? 0
  }

  /** Where the oldest line is; undefined when there is no segment yet. */
  start(): Cursor | undefined {
    const segment = this.segments[0]
    return segment && { segment, offset: 0 }
  }

  /** The place behind the last line. */
  end(): Cursor | undefined {
    const segment = this.segments.at(-1)
    return segment && { segment, offset: segment.size }
  }

  /** Reads the next lines and moves the cursor past them; empty at the end. */
  async read(cursor: Cursor): Promise<Line[]> {
    for (;;) {
      const lines = cursor.offset < cursor.segment.size ? await readLines(cursor, READ_CHUNK_BYTES) : []
      if (lines.length > 0) return lines
      const next = this.segments[this.segments.indexOf(cursor.segment) + 1]
      if (next === undefined) return []
      cursor.segment = next
      cursor.offset = 0
    }
  }

  /** True when the cursor is at the end of the last written line. */
  isAtEnd(cursor: Cursor): boolean {
    return cursor.segment === this.segments.at(-1) && cursor.offset >= cursor.segment.size
  }

  /** Starts a new segment whose entries begin at `first`. */
  async rotate(first: number): Promise<void> {
    // The current one holds only marks so far: it serves.
    if (this.segments.at(-1)?.first === first) return
    await this.close()
    const segment: Segment = { first, path: segmentPath(this.directory, first), size: 0 }
    this.handle = await this.reopen(segment)
    this.segments.push(segment)
  }

  /** Appends whole lines. On an error nothing of them counts as written. @throws the file system's error */
  async append(text: string): Promise<void> {
    const segment = this.segments.at(-1)
    if (segment === undefined) throw new Error('no segment to write to')
    this.handle ??= await this.reopen(segment)
    const data = Buffer.from(text)
    try {
      let done = 0
      while (done < data.length) done += (await this.handle.write(data, done)).bytesWritten
    } catch (error) {
      // Half a line may be there (disk full): cut it off, or a later line would be glued to it.
      await this.handle.truncate(segment.size).catch(() => {})
      throw error
    }
    segment.size += data.length
  }

  /** Makes what was appended survive a power failure. */
  async sync(): Promise<void> {
    await this.handle?.datasync()
  }

  /** Removes segments (never the current one) that hold nothing above `acked` and that the cursor has left. */
  async dropDelivered(acked: number, cursor: Cursor | undefined): Promise<void> {
    for (;;) {
      const [oldest, next] = this.segments
      if (oldest === undefined || next === undefined || next.first > acked + 1 || cursor?.segment === oldest) return
      this.segments.shift()
      await rm(oldest.path, { force: true })
    }
  }

  async close(): Promise<void> {
    await this.handle?.close()
    this.handle = undefined
  }

  private async reopen(segment: Segment): Promise<FileHandle> {
    const handle = await open(segment.path, 'a', 0o600)
    await handle.truncate(segment.size)
    return handle
  }
}

function segmentPath(directory: string, first: number): string {
  return join(directory, String(first).padStart(16, '0') + SUFFIX)
}

/** Reads whole lines from the cursor on, at least one if there is one, and moves the cursor past them. */
async function readLines(cursor: Cursor, chunkBytes: number): Promise<Line[]> {
  const handle = await open(cursor.segment.path, 'r')
  try {
    for (let size = chunkBytes; ; size *= 2) {
      // Not past `size`: an append that is just under way lies behind it.
      const wanted = Math.min(size, cursor.segment.size - cursor.offset)
      const buffer = Buffer.allocUnsafe(wanted)
      const { bytesRead } = await handle.read(buffer, 0, wanted, cursor.offset)
      const end = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1
      if (end === 0 && bytesRead === size) continue
      const lines: Line[] = []
      let start = 0
      while (start < end) {
        const newline = buffer.indexOf(0x0a, start)
        const line = parseLine(buffer.toString('utf8', start, newline), newline + 1 - start)
        // A line that is no entry of ours ends what can be trusted in this segment.
        if (line === undefined) break
        lines.push(line)
        start = newline + 1
      }
      cursor.offset += start
      return lines
    }
  } finally {
    await handle.close()
  }
}

const SEQ = /^\{"seq":(\d+)[,}]/
const ACK = /^\{"ack":(\d+)\}$/

function parseLine(text: string, bytes: number): Line | undefined {
  const seq = SEQ.exec(text)
  if (seq !== null && text.endsWith('}')) return { seq: Number(seq[1]), json: text, bytes }
  const ack = ACK.exec(text)
  return ack === null ? undefined : { ack: Number(ack[1]), bytes }
}
