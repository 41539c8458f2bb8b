/**
 * Results of jobs without shared storage: workers send each file that they saved, and here it gets its place in the job's output
 * folder. What a task needs of earlier tasks comes from there, wherever those ran.
 */
import { randomBytes } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UnavailableError } from '../../engine/base/errors.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { ADD_RESULT_FILES } from '../../store/rows/resultFiles.ts'
import { awaitedResults, homeResult, ownBytes } from '../../store/queries/jobs/resultFiles.ts'
import type { Writer } from '../../store/writer.ts'
import type { BlobId } from '../content/blobs.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import { PartFiles } from '../content/partFiles.ts'
import { isInside, type ResultBases } from './places.ts'
import { land, PARTS_FOLDER, placeOf } from './landing.ts'

export interface ResultsOptions {
  bases(): ResultBases
  read: ReadDatabase
  writer: Pick<Writer, 'exclusive'>
  /** Bytes that results in the manager's own folder may take; 0: no limit. */
  maxBytes(): number
  now(): number
}

/** The attempt whose file it is, and where its job's results go. */
export interface ResultSource {
  jobId: number
  root: string
  taskId: number
  attemptId: number
}

/** The job's files are over the farm's limit: senders keep them, and try again. */
export class ResultsFullError extends UnavailableError {
  override readonly code = 'results-full'
}

type Row = [jobId: number, path: string, bytes: number, sha256: string, taskId: number, attemptId: number, at: number]

/** How long the sum of the stored bytes is taken for right. */
const SUM_FOR_MS = 2_000

export class Results {
  private readonly parts = new PartFiles(() => randomBytes(6).toString('hex'))
  private waiting: Row[] = []
  private writing: Promise<void> | undefined
  private sum: { at: number; bytes: number } | undefined

  constructor(private readonly options: ResultsOptions) {}

  /** The folder of jobs without one of their own elsewhere is there from the start. */
  async open(): Promise<void> {
    await ensureDir(this.options.bases().own)
  }

  /** Whether the manager has the file as it is named; if not, how many of its bytes are here. */
  async stateOf(
    { jobId, root }: Pick<ResultSource, 'jobId' | 'root'>,
    path: string,
    blob: BlobId,
  ): Promise<{ home: boolean; offset: number }> {
    const known = await homeResult(this.options.read, jobId, path)
    if (known?.sha256 === blob.sha) {
      const facts = await stat(placeOf(root, path)).catch(() => undefined)
      if (facts?.isFile() === true && facts.size === blob.size) return { home: true, offset: blob.size }
    }
    return { home: false, offset: await this.parts.offsetOf(blob, join(root, PARTS_FOLDER)) }
  }

  /**
   * Takes a file from `offset` on; resolves when it is in its place and recorded, both on disk.
   * @throws InvalidInputError, ContentMismatchError, WrongOffsetError, UploadAbortedError, ResultsFullError, DiskFullError, UnavailableError
   */
  async receive(source: ResultSource, path: string, blob: BlobId, offset: number, body: AsyncIterable<Buffer>): Promise<void> {
    const { jobId, root, taskId, attemptId } = source
    const base = this.baseOf(root)
    if (base === this.options.bases().own) await this.assertRoom(blob.size)
    await land(this.parts, { root, base, path, blob }, offset, body)
    if (this.sum) this.sum.bytes += blob.size
    await this.record([jobId, path, blob.size, blob.sha, taskId, attemptId, this.options.now()])
  }

  /** Removes what the manager itself keeps of a job that is purged. Results in shared folders stay. */
  async removeJob(root: string): Promise<void> {
    const { own } = this.options.bases()
    if (isInside(root, own) && !isInside(own, root)) await rm(root, { recursive: true, force: true })
    else await rm(join(root, PARTS_FOLDER), { recursive: true, force: true })
  }

  /** Whether results with this root lie in the manager's data folder. */
  isOwn(root: string): boolean {
    return isInside(root, this.options.bases().own)
  }

  /** What workers have saved and not sent yet, by worker. */
  awaited(jobId: number): ReturnType<typeof awaitedResults> {
    return awaitedResults(this.options.read, jobId)
  }

  private baseOf(root: string): string {
    const { own, shared } = this.options.bases()
    const base = [own, ...shared].find((each) => isInside(root, each))
    if (base === undefined) throw new UnavailableError(`"${root}" is in none of the farm's shared folders any more`)
    return base
  }

  private async assertRoom(bytes: number): Promise<void> {
    const limit = this.options.maxBytes()
    if (limit === 0) return
    const now = this.options.now()
    if (this.sum === undefined || now - this.sum.at > SUM_FOR_MS) {
      this.sum = { at: now, bytes: await ownBytes(this.options.read, this.options.bases().own) }
    }
    if (this.sum.bytes + bytes > limit) throw new ResultsFullError(`the results of jobs take the ${limit} bytes that the farm allows them`)
  }

  /** Rows of files that arrive at the same time go into one transaction. */
  private async record(row: Row): Promise<void> {
    this.waiting.push(row)
    // The one that runs began before this row came.
    await this.writing?.catch(() => undefined)
    await (this.writing ??= this.write().finally(() => (this.writing = undefined)))
  }

  private async write(): Promise<void> {
    const rows = this.waiting.splice(0)
    if (rows.length === 0) return
    await this.options.writer.exclusive((tx) => tx.run(ADD_RESULT_FILES, [JSON.stringify(rows)]))
  }
}
