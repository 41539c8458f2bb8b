/**
 * The last image that each task rendered, for the Manager's "last rendered" panel: one upload at a time, the newest of a task wins.
 * While the Manager is unreachable, or has no room for images, they wait; rejected ones are dropped.
 */
import type { PreviewMaker } from '../../contract/commands.ts'
import { RefusedError } from '../../link/http.ts'
import type { Logger } from '../../../../shared/logger.ts'
import { backoffDelay, pause, type BackoffRule } from '../../../../shared/async.ts'
import type { FlamencoApi } from './flamencoApi.ts'
import type { Outage } from './outage.ts'

/** Maximum size that a Flamenco Manager accepts. */
const MAX_BYTES = 26_214_400
const RETRY: BackoffRule = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.1 }
/** Number of "queue full" replies before an image is dropped: a working Manager frees its queue within a moment. */
const BUSY_ALLOWED = 8
/** Maximum number of tasks with a waiting image; the oldest is dropped first. */
const MAX_WAITING = 100

export interface OutputUploadsOptions {
  api: Pick<FlamencoApi, 'outputProduced'>
  maker: Pick<PreviewMaker, 'fullSize'>
  log: Logger
  /** State of the Manager's outage; shared with everything that talks to it. */
  outage: Outage
  random(): number
}

export class OutputUploads {
  private readonly options: OutputUploadsOptions
  private readonly ending = new AbortController()
  /** Task → path, in upload order. */
  private readonly waiting = new Map<string, string>()
  private working: Promise<void> | undefined

  constructor(options: OutputUploadsOptions) {
    this.options = options
  }

  add(taskId: string, path: string): void {
    if (this.ending.signal.aborted) return
    this.waiting.delete(taskId)
    this.waiting.set(taskId, path)
    const [oldest] = this.waiting.keys()
    if (this.waiting.size > MAX_WAITING && oldest !== undefined) this.waiting.delete(oldest)
    this.working ??= this.work().finally(() => (this.working = undefined))
  }

  /** Resolves when no upload waits. */
  async idle(): Promise<void> {
    while (this.working !== undefined) await this.working
  }

  end(): void {
    this.waiting.clear()
    this.ending.abort()
  }

  private async work(): Promise<void> {
    const { log } = this.options
    for (let next = this.take(); next !== undefined; next = this.take()) {
      const { taskId, path } = next
      try {
        await this.send(taskId, path)
      } catch (error) {
        if (!this.ending.signal.aborted) log.warn({ err: error, path }, 'could not upload a rendered image to the Manager')
      }
    }
  }

  private take(): { taskId: string; path: string } | undefined {
    const [next] = this.waiting
    if (next === undefined) return undefined
    const [taskId, path] = next
    this.waiting.delete(taskId)
    return { taskId, path }
  }

  /** Retries until the Manager accepts or rejects the image, the task has a newer one, or the program ends. */
  private async send(taskId: string, path: string): Promise<void> {
    const { api, maker, log, outage, random } = this.options
    const { signal } = this.ending
    const jpeg = await maker.fullSize(path)
    if (jpeg === undefined) return
    if (jpeg.length > MAX_BYTES) return log.warn({ path }, 'an image is too large for the Manager')
    let busy = 0
    for (let failures = 1; !signal.aborted && !this.waiting.has(taskId); failures++) {
      try {
        const taken = await api.outputProduced(taskId, jpeg, signal)
        outage.over()
        if (taken) return
        if (++busy >= BUSY_ALLOWED) return log.warn({ path }, 'the image queue of the Manager is full; a rendered image was not uploaded')
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof RefusedError) {
          outage.over()
          if (error.status < 500 || ++busy >= BUSY_ALLOWED) throw error
        } else outage.failed(error)
      }
      await pause(backoffDelay(failures, RETRY, random()), signal)
    }
  }
}
