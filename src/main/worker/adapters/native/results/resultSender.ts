/**
 * Sends what attempts saved to the manager, several files at a time, alongside the work: a manager that is away or has no room pauses
 * the sending, never the rendering. What is sent stays here until its attempt is over; what is not sent stays, whatever happens.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { backoffDelay, deferred, pause, type BackoffRule } from '../../../../../shared/async.ts'
import type { Logger } from '../../../../../shared/logger.ts'
import { RefusedError, UnreachableError } from '../../../link/http.ts'
import type { ReportLog } from '../../../reporting/reportLog.ts'
import type { ResultsApi } from './resultsApi.ts'
import type { AttemptFolder } from './attemptFolder.ts'
import { hashFile } from '../../../../system/hashFile.ts'

export interface ResultSenderOptions {
  api: ResultsApi
  reportLog: Pick<ReportLog, 'whenAcked'>
  log: Logger
  /** In [0, 1). */
  random(): number
  /** Whether something else still reads files below a folder. */
  isInUse(folder: string): boolean
}

interface Item {
  attempt: AttemptFolder
  path: string
  /** The report log entry before which the manager does not know the attempt. */
  seq: number
}

/** Files on their way at once: while one is synced at the manager, another one is on the wire. */
const AT_ONCE = 4
/** Files up to this size are read once, hashed in memory and sent from there. */
const IN_MEMORY_BYTES = 8 * 1024 * 1024
const BACKOFF: BackoffRule = { firstMs: 250, maxMs: 30_000, factor: 2, jitter: 0.2 }
/** Times that a file may have changed while it was sent before the sender gives it up. */
const CHANGES_ALLOWED = 5

export class ResultSender {
  private readonly queue: Item[] = []
  private readonly ending = new AbortController()
  private readonly endedEarly = deferred<void>()
  /** Attempts whose folders go as soon as nothing reads them. */
  private readonly inUse = new Set<AttemptFolder>()
  private readonly lanes = new Set<Promise<void>>()
  /** By place on this machine. */
  private readonly sending = new Map<string, Promise<void>>()
  private readonly onIdle: (() => void)[] = []
  /** Files of an attempt that are queued or on their way. */
  private readonly pending = new Map<AttemptFolder, number>()

  constructor(private readonly options: ResultSenderOptions) {}

  /** Number of files that are not sent. */
  get size(): number {
    let count = 0
    for (const pending of this.pending.values()) count += pending
    return count
  }

  add(attempt: AttemptFolder, path: string, seq: number): void {
    if (this.ending.signal.aborted) return
    this.pending.set(attempt, (this.pending.get(attempt) ?? 0) + 1)
    this.queue.push({ attempt, path, seq })
    if (this.lanes.size < AT_ONCE) this.startLane()
  }

  /** Removes the folder of an attempt that is over, as soon as everything in it is sent. */
  async release(attempt: AttemptFolder): Promise<void> {
    if (!attempt.ended || (this.pending.get(attempt) ?? 0) > 0) return
    this.pending.delete(attempt)
    if ((await attempt.open()).length > 0) return
    if (this.options.isInUse(attempt.files)) {
      this.inUse.add(attempt)
      return
    }
    await attempt.remove().catch((error: unknown) => this.options.log.warn({ err: error }, 'cannot remove the folder of sent results'))
  }

  /** Something read its last file: folders that only waited for that are removed. */
  async releaseUnused(): Promise<void> {
    for (const attempt of [...this.inUse]) {
      if (this.options.isInUse(attempt.files)) continue
      this.inUse.delete(attempt)
      await this.release(attempt)
    }
  }

  /** Resolves when nothing is left to be sent, or sending was ended. */
  async idle(): Promise<void> {
    if (this.lanes.size === 0) return
    await new Promise<void>((resolve) => this.onIdle.push(resolve))
  }

  /** Breaks off; the next start goes on. */
  async end(): Promise<void> {
    this.ending.abort()
    this.endedEarly.resolve()
    await Promise.all(this.lanes)
  }

  private startLane(): void {
    const lane = this.work().finally(() => {
      this.lanes.delete(lane)
      if (this.lanes.size === 0) for (const resolve of this.onIdle.splice(0)) resolve()
    })
    this.lanes.add(lane)
  }

  private async work(): Promise<void> {
    const { signal } = this.ending
    for (;;) {
      const item = this.queue.shift()
      if (item === undefined || signal.aborted) return
      try {
        await Promise.race([this.options.reportLog.whenAcked(item.seq), this.endedEarly.promise])
        if (!signal.aborted) await this.send(item, signal)
      } catch (error) {
        if (!signal.aborted) this.options.log.error({ err: error, path: item.path }, 'a result is left behind on this worker')
      }
      const left = (this.pending.get(item.attempt) ?? 1) - 1
      this.pending.set(item.attempt, left)
      if (left === 0) await this.release(item.attempt)
    }
  }

  /** One at a time of each file: one that was saved again waits for the first one, and is sent if it differs. */
  private async send(item: Item, signal: AbortSignal): Promise<void> {
    const place = item.attempt.placeOf(item.path)
    const before = this.sending.get(place)
    const work = (before?.catch(() => undefined) ?? Promise.resolve()).then(() => this.sendUntilHome(item, signal))
    this.sending.set(place, work)
    try {
      await work
    } finally {
      if (this.sending.get(place) === work) this.sending.delete(place)
    }
  }

  /** Until the manager has it, or no longer wants it. */
  private async sendUntilHome({ attempt, path }: Item, signal: AbortSignal): Promise<void> {
    let changes = 0
    for (let failures = 0; ;) {
      if (await attempt.isSettled(path)) return
      try {
        const mark = await attempt.markOf(path)
        await this.sendOnce(attempt, path, failures > 0, signal)
        return await attempt.note({ sent: path, ...mark })
      } catch (error) {
        if (signal.aborted) throw error
        if (error instanceof UnreachableError) {
          failures++
          await pause(Math.max(backoffDelay(failures, BACKOFF, this.options.random()), error.retryAfterMs ?? 0), signal)
        } else if (error instanceof RefusedError && ['stale-attempt', 'not-found'].includes(error.code)) {
          // Another attempt makes the file, or the job is gone.
          return await attempt.note({ sent: path, ...(await attempt.markOf(path)) })
        } else if (
          error instanceof RefusedError &&
          ['content-mismatch', 'wrong-offset', 'conflict', 'upload-aborted'].includes(error.code)
        ) {
          if (++changes > CHANGES_ALLOWED) throw error
          failures++
          await pause(backoffDelay(changes, BACKOFF, this.options.random()), signal)
        } else if (isMissing(error)) return
        else throw error
      }
    }
  }

  /** @param again it was tried before: the manager may have all of it, or a part */
  private async sendOnce(attempt: AttemptFolder, path: string, again: boolean, signal: AbortSignal): Promise<void> {
    const { api } = this.options
    const file = attempt.placeOf(path)
    const { bytes } = await attempt.markOf(path)
    const small = bytes <= IN_MEMORY_BYTES ? await readFile(file, { signal }) : undefined
    const sha256 = small ? createHash('sha256').update(small).digest('hex') : await hashFile(file, signal)
    const about = { path, sha256, bytes: small?.length ?? bytes }
    const { home, offset } = again ? await api.resultState(attempt.fence, about, signal) : { home: false, offset: 0 }
    if (home) return
    const body: Buffer | Readable = small ? small.subarray(offset) : createReadStream(file, { start: offset })
    await api.sendResult(attempt.fence, { ...about, offset }, body, signal)
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'
