/**
 * A file on its way in whose sender knows no hash beforehand, or another one than ours. It is written and hashed at the same time, the
 * hashes in threads; it is in no place of the store before `keep`.
 */
import type { FileHandle } from 'node:fs/promises'
import { rm } from 'node:fs/promises'
import type { BlobId } from './blobs.ts'
import { Digests, type DigestName, type DigestValues } from './digests.ts'
import type { HashJob, HashThreads } from './hashThreads.ts'

/** Bytes that are written and hashed at once. */
const BATCH_BYTES = 512 * 1024
const LEAST_BATCH_BYTES = 4_096
/** Batches of one file that are on their way to the disk and through the hashes, beside the one that fills. */
const MOST_UNDERWAY = 2
/** So little is hashed at once: a thread would take longer to answer. */
const SMALL_BYTES = 64 * 1024

export interface IntakeOptions {
  /** How many bytes are expected: less memory for small files. */
  expectedBytes?: number
  /** Beside the SHA-256. */
  digests?: readonly DigestName[]
  /** The SHA-256 of each piece that `cut` ended, in their order. What it throws ends the intake. */
  onPiece?(sha256: string): void
}

/** A received file that is whole and on disk. */
export interface Received {
  readonly blob: BlobId
  readonly values: DigestValues
  /** Gives it its place in the store; resolves when that is on disk. */
  keep(): Promise<void>
}

/** What an intake writes to; `place` gives it its name in the store. */
export interface IntakeFile {
  readonly path: string
  readonly handle: FileHandle
  place(blob: BlobId): Promise<void>
  /** It is no longer on its way. */
  release(): void
}

export class Intake {
  private batch: SharedArrayBuffer | undefined
  private filled = 0
  private cuts: number[] = []
  private written = 0
  private jobs: HashJob[] | undefined
  private readonly underway: Promise<void>[] = []
  private readonly spare: SharedArrayBuffer[] = []
  private failure: { error: unknown } | undefined
  private ended = false

  constructor(
    private readonly file: IntakeFile,
    private readonly threads: HashThreads,
    private readonly options: IntakeOptions,
  ) {}

  /** Bytes so far. */
  get size(): number {
    return this.written + this.filled
  }

  /** Takes more bytes; they are copied. Resolves when there is room for others. */
  async add(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const batch = (this.batch ??= this.spare.pop() ?? this.newBatch())
      const part = bytes.subarray(from, from + batch.byteLength - this.filled)
      new Uint8Array(batch).set(part, this.filled)
      this.filled += part.length
      from += part.length
      if (this.filled === batch.byteLength) await this.send()
    }
  }

  /** Ends a piece here. */
  cut(): void {
    this.cuts.push(this.filled)
  }

  /** There are no more bytes. @throws what `onPiece` threw; the intake is dropped then */
  async finish(): Promise<Received> {
    try {
      const values = this.jobs === undefined && this.filled <= SMALL_BYTES ? await this.finishSmall() : await this.finishLarge()
      await this.file.handle.sync()
      await this.file.handle.close()
      this.ended = true
      // It is among the names of every intake.
      const blob = { sha: values.sha256 ?? '', size: this.written }
      return {
        blob,
        values,
        keep: async () => {
          await this.file.place(blob)
          await this.drop()
        },
      }
    } catch (error) {
      await this.drop()
      throw error
    }
  }

  /** Removes what is there of it. Harmless after `keep`. */
  async drop(): Promise<void> {
    await Promise.all(this.underway)
    for (const job of this.jobs ?? []) job.drop()
    if (!this.ended) await this.file.handle.close().catch(() => undefined)
    this.ended = true
    await rm(this.file.path, { force: true })
    this.file.release()
  }

  private newBatch(): SharedArrayBuffer {
    return new SharedArrayBuffer(
      Math.min(BATCH_BYTES, Math.max(LEAST_BATCH_BYTES, (this.options.expectedBytes ?? BATCH_BYTES) - this.written)),
    )
  }

  private get names(): readonly DigestName[] {
    return (this.options.digests ?? []).filter((name) => name !== 'sha256')
  }

  private begin(): HashJob[] {
    return this.threads.begin(['sha256'], ...(this.names.length > 0 ? [this.names] : []))
  }

  /** Hands the batch to disk and threads; waits while too many are there. */
  private async send(): Promise<void> {
    const { batch, filled, cuts, written } = this
    if (!batch || filled === 0) return
    this.batch = undefined
    this.filled = 0
    this.cuts = []
    this.written += filled
    const jobs = (this.jobs ??= this.begin())
    const wantsPieces = this.options.onPiece !== undefined
    const work = Promise.all([
      this.write(Buffer.from(batch, 0, filled), written),
      // Pieces are hashed beside the other checks: the thread of the content's hash has enough to do.
      ...jobs.map((job, at) => job.update(batch, filled, wantsPieces && at === jobs.length - 1 ? cuts : undefined)),
    ]).then(([, ...ended]) => {
      for (const pieces of ended) for (const piece of pieces) this.options.onPiece?.(piece)
      if (batch.byteLength === BATCH_BYTES) this.spare.push(batch)
    })
    const done = work.catch((error: unknown) => {
      this.failure ??= { error }
    })
    this.underway.push(done)
    while (this.underway.length > MOST_UNDERWAY - 1) await this.underway.shift()
    this.check()
  }

  private async write(bytes: Buffer, at: number): Promise<void> {
    // A write may take less than all, e.g. on a disk that is about to be full.
    for (let done = 0; done < bytes.length;) {
      done += (await this.file.handle.write(bytes, done, bytes.length - done, at + done)).bytesWritten
    }
  }

  private check(): void {
    if (this.failure) throw this.failure.error
  }

  private async finishLarge(): Promise<DigestValues> {
    const last = this.cuts
    const isCutAtEnd = this.filled === 0 && last.length > 0
    if (this.filled > 0) await this.send()
    await Promise.all(this.underway.splice(0))
    this.check()
    const jobs = (this.jobs ??= this.begin())
    if (isCutAtEnd) {
      const pieces = await (jobs.at(-1) ?? jobs[0])?.update(new SharedArrayBuffer(0), 0, last)
      for (const piece of pieces ?? []) this.options.onPiece?.(piece)
    }
    const values = await Promise.all(jobs.map((job) => job.finish()))
    return Object.assign({}, ...values) as DigestValues
  }

  private async finishSmall(): Promise<DigestValues> {
    const bytes = Buffer.from(this.batch ?? new SharedArrayBuffer(0), 0, this.filled)
    const digests = new Digests(['sha256', ...this.names])
    for (const piece of digests.update(bytes, this.options.onPiece && this.cuts)) this.options.onPiece?.(piece)
    await this.write(bytes, 0)
    this.written = this.filled
    this.filled = 0
    return digests.finish()
  }
}
