/**
 * The worker's reports to its manager, in order, on disk until they are acknowledged: nothing is lost while the manager is
 * away, for hours if need be, or when the worker itself is killed.
 *
 * - `append` assigns a sequence number immediately; a moment later the entry is written to the segment files, and only
 * then is it offered for sending. So a number that a manager has seen is never reused.
 * - Written means handed to the operating system: a killed worker loses nothing. Against power failure the file is
 * synced every second while there are undelivered entries; the fast path (delivered immediately) never waits for a sync.
 * A power failure can only lose work that the manager requeues anyway, because its attempt is gone.
 * - Memory is bounded: entries beyond `memoryBytes` are read back from disk when their turn comes.
 */
import { deferred, type Deferred } from '../../../shared/async.ts'
import type { Logger } from '../../../shared/logger.ts'
import { Watermark } from './watermark.ts'
import { ReportLogSegments, type Cursor, type Line } from './reportLogSegments.ts'
import { pause } from '../../../shared/async.ts'

export interface ReportLogOptions {
  directory: string
  log: Logger
  /** Entries kept in memory for sending. */
  memoryBytes?: number
  /** A segment of this size is closed and a new one begun. */
  segmentBytes?: number
  /** Undelivered bytes on disk above which `isFull`. */
  maxBytes?: number
  syncEveryMs?: number
}

/** An entry on its way: `json` is the object given to `append`, with `seq` in front. */
export interface ReportLogEntry {
  seq: number
  json: string
}

const MB = 1024 * 1024
/** A fully delivered segment larger than this is replaced, so that an idle worker's report log stays small. */
const RECYCLE_BYTES = MB
/** Unwritten text above which producers are asked to wait, and below which they may go on. */
const CONGESTED_BYTES = 8 * MB
const RELIEVED_BYTES = 2 * MB
const RETRY_WRITE_MS = 1000

export class ReportLog {
  private readonly memoryBytes: number
  private readonly segmentBytes: number
  private readonly maxBytes: number
  private readonly syncEveryMs: number
  private readonly log: Logger
  private readonly files: ReportLogSegments

  private unwritten: { seq: number; json: string }[] = []
  private unwrittenBytes = 0
  private writing: Promise<void> | undefined
  private relief: Deferred<void> | undefined

  /** The oldest undelivered entries that are in memory, without gaps. */
  private queue: Line[] = []
  private queueBytes = 0
  /** Behind the last line of `queue`; undefined while there is no file. */
  private cursor: Cursor | undefined
  /** True when nothing written is missing from `queue`: new entries go straight into it. */
  private complete = true

  private writtenSeq: number
  private arrival: Deferred<void> | undefined
  private readonly deliveries = new Watermark()
  private syncTimer: NodeJS.Timeout | undefined
  private writeFails = false
  private closing = false
  private closed = false

  /** The highest sequence number given out. */
  lastSeq: number
  /** Everything up to it was delivered, as far as we know. */
  acked: number

  private constructor(options: ReportLogOptions, files: ReportLogSegments, lastSeq: number, acked: number) {
    this.log = options.log
    this.memoryBytes = options.memoryBytes ?? 4 * MB
    this.segmentBytes = options.segmentBytes ?? 8 * MB
    this.maxBytes = options.maxBytes ?? 4096 * MB
    this.syncEveryMs = options.syncEveryMs ?? 1000
    this.files = files
    this.lastSeq = lastSeq
    this.writtenSeq = lastSeq
    this.acked = acked
    this.cursor = files.start()
    this.complete = lastSeq <= acked
    if (this.complete) this.cursor = files.end()
  }

  /** Opens the report log; `visit` sees every entry still in the files, in order (some may have been delivered already). */
  static async open(options: ReportLogOptions, visit: (entry: ReportLogEntry) => void = () => {}): Promise<ReportLog> {
    let lastSeq = 0
    let acked = 0
    const files = await ReportLogSegments.open(options.directory, (line) => {
      if ('ack' in line) acked = Math.max(acked, line.ack)
      else {
        lastSeq = Math.max(lastSeq, line.seq)
        visit(line)
      }
    })
    return new ReportLog(options, files, Math.max(lastSeq, acked), acked)
  }

  /** Entries not delivered yet. */
  get size(): number {
    return this.lastSeq - this.acked
  }

  /** Bytes of the files; delivered ones are removed a segment at a time. */
  get bytes(): number {
    return this.files.bytes
  }

  /** True when so much waits on disk that log text should be dropped (and counted) rather than kept. */
  get isFull(): boolean {
    return this.files.bytes >= this.maxBytes
  }

  /** Takes an entry; its sequence number is final. Written a moment later, in order. */
  append(item: object): number {
    const seq = ++this.lastSeq
    const fields = JSON.stringify(item)
    const json = fields === '{}' ? `{"seq":${seq}}` : `{"seq":${seq},${fields.slice(1)}`
    this.unwritten.push({ seq, json })
    this.unwrittenBytes += json.length
    this.startWriting()
    return seq
  }

  /** See CommandContext.congested: undefined while there is room. */
  congested(): Promise<void> | undefined {
    if (this.unwrittenBytes < CONGESTED_BYTES) return undefined
    this.relief ??= deferred<void>()
    return this.relief.promise
  }

  /** The oldest undelivered entries, at most so many and (beyond the first) so many characters. Empty when there are none. */
  async next(maxEntries: number, maxChars: number): Promise<ReportLogEntry[]> {
    if (this.queue.length === 0 && !this.complete) await this.refill()
    const batch: ReportLogEntry[] = []
    let chars = 0
    for (const line of this.queue) {
      if ('ack' in line) continue
      chars += line.json.length
      if (batch.length > 0 && (batch.length >= maxEntries || chars > maxChars)) break
      batch.push(line)
    }
    return batch
  }

  /** Resolves when there is something to send, or the signal aborts. */
  async waitForEntries(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.closed && this.queue.length === 0 && this.complete) {
      const wake = () => this.announce()
      signal.addEventListener('abort', wake, { once: true })
      this.arrival ??= deferred<void>()
      await this.arrival.promise
      signal.removeEventListener('abort', wake)
    }
  }

  /** Everything up to `seq` was delivered. With `durable` that is noted in the file, for managers that do not keep count themselves. */
  ack(seq: number, durable = false): void {
    if (seq <= this.acked) return
    this.acked = seq
    // A manager may know more than our disk does (restored folder): never use its numbers again.
    if (seq > this.lastSeq) this.lastSeq = seq
    let dropped = 0
    for (const line of this.queue) {
      if ('seq' in line && line.seq > seq) break
      this.queueBytes -= line.bytes
      dropped++
    }
    this.queue.splice(0, dropped)
    if (durable) {
      this.unwritten.push({ seq: -1, json: `{"ack":${seq}}` })
      this.startWriting()
    }
    this.deliveries.reached(seq)
    void this.files.dropDelivered(seq, this.complete ? undefined : this.cursor).catch((error: unknown) => {
      this.log.warn({ err: error }, 'cannot remove delivered reportLog files')
    })
  }

  /** Resolves when the entry was delivered (or the report log is closed). */
  whenAcked(seq: number): Promise<void> {
    if (seq <= this.acked || this.closed) return Promise.resolve()
    return this.deliveries.wait(seq)
  }

  /** Resolves when all that was appended so far is in the files. */
  async written(): Promise<void> {
    while (this.writing !== undefined) await this.writing
  }

  /** Writes what was appended and closes the files; further entries are ignored. */
  async close(): Promise<void> {
    this.closing = true
    await this.written()
    this.closed = true
    clearTimeout(this.syncTimer)
    if (this.size > 0) await this.files.sync().catch(() => {})
    await this.files.close()
    this.deliveries.reached(Number.POSITIVE_INFINITY)
    this.announce()
  }

  private startWriting(): void {
    if (this.writing !== undefined || this.closed) return
    // One turn later, so that entries appended together (started, log, finished) become one write and one request.
    this.writing = new Promise<void>((resolve) => setImmediate(resolve))
      .then(() => this.writeAll())
      .finally(() => {
        this.writing = undefined
        if (this.unwritten.length > 0 && !this.closing) this.startWriting()
      })
  }

  private async writeAll(): Promise<void> {
    while (this.unwritten.length > 0) {
      const batch = this.unwritten
      const chars = this.unwrittenBytes
      this.unwritten = []
      const onDisk = await this.write(batch)
      if (!onDisk && !(this.complete && this.queueBytes + chars < this.memoryBytes)) {
        // Neither disk nor memory has room: producers wait (congested) until one has.
        this.unwritten = [...batch, ...this.unwritten]
        if (this.closing) return
        await pause(RETRY_WRITE_MS)
        continue
      }
      this.unwrittenBytes -= chars
      this.publish(batch)
      if (this.relief !== undefined && this.unwrittenBytes < RELIEVED_BYTES) {
        this.relief.resolve()
        this.relief = undefined
      }
    }
  }

  /** True when the batch is in the file. A full disk must not silence a worker whose manager can be reached. */
  private async write(batch: { seq: number; json: string }[]): Promise<boolean> {
    try {
      const allDelivered = this.writtenSeq <= this.acked
      const size = this.files.currentSize
      if (this.files.end() === undefined || size >= this.segmentBytes || (allDelivered && size >= RECYCLE_BYTES)) {
        await this.files.rotate(batch.find((entry) => entry.seq > 0)?.seq ?? this.lastSeq + 1)
        if (this.acked > 0) await this.files.append(`{"ack":${this.acked}}\n`)
        if (this.complete) this.cursor = this.files.end()
        await this.files.dropDelivered(this.acked, this.complete ? undefined : this.cursor)
      }
      let text = ''
      for (const entry of batch) text += entry.json + '\n'
      await this.files.append(text)
      if (this.writeFails) this.log.info({}, 'the reportLog can be written again')
      this.writeFails = false
      this.syncLater()
      return true
    } catch (error) {
      if (!this.writeFails) this.log.error({ err: error }, 'cannot write the reportLog; keeping what fits in memory')
      this.writeFails = true
      return false
    }
  }

  /** Offers written entries for sending. */
  private publish(batch: { seq: number; json: string }[]): void {
    for (const { seq, json } of batch) {
      if (seq < 0) continue
      this.writtenSeq = seq
      if (this.queueBytes >= this.memoryBytes) this.complete = false
      if (!this.complete || seq <= this.acked) continue
      this.queue.push({ seq, json, bytes: json.length })
      this.queueBytes += json.length
    }
    if (this.complete) this.cursor = this.files.end()
    this.announce()
  }

  /** Wakes those that wait for entries. */
  private announce(): void {
    this.arrival?.resolve()
    this.arrival = undefined
  }

  /** Reads the next entries back from disk. */
  private async refill(): Promise<void> {
    while (this.queue.length === 0 && !this.complete) {
      this.cursor ??= this.files.start()
      const cursor = this.cursor
      if (cursor === undefined) break
      const lines = await this.files.read(cursor)
      for (const line of lines) {
        if ('ack' in line || line.seq <= this.acked) continue
        this.queue.push(line)
        this.queueBytes += line.bytes
      }
      if (this.files.isAtEnd(cursor)) this.complete = true
      else if (lines.length === 0) break
    }
  }

  private syncLater(): void {
    if (this.syncTimer !== undefined) return
    this.syncTimer = setTimeout(() => {
      this.syncTimer = undefined
      if (this.size === 0 || this.closed) return
      this.files.sync().catch((error: unknown) => this.log.warn({ err: error }, 'cannot sync the report log'))
    }, this.syncEveryMs)
    this.syncTimer.unref()
  }
}
