/**
 * Previews of what attempts saved: made and uploaded beside the work, one file at a time, oldest first. A preview that
 * cannot be had never harms the attempt. The list is bounded; files are read when their turn comes.
 */
import { deferred } from '../../../shared/deferred.ts'
import type { Fence } from '../../../shared/schemas/agent.ts'
import type { PreviewMaker } from '../commands/types.ts'
import { RefusedError } from '../http.ts'
import type { Logger } from '../logger.ts'
import type { Outbox } from '../outbox.ts'
import { backoffDelay, pause, type BackoffRule } from '../timing.ts'
import type { AgentApi } from './agentApi.ts'

export interface PreviewUploadsOptions {
  api: AgentApi
  outbox: Outbox
  maker: PreviewMaker
  log: Logger
  random(): number
}

interface Waiting {
  fence: Fence
  path: string
  /** The outbox entry that tells the manager of the file; its preview must not be there before. */
  seq: number
}

const MAX_WAITING = 10_000
const BACKOFF: BackoffRule = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 }
/** Server errors for one preview before it is given up. */
const SERVER_ERRORS_ALLOWED = 5

export class PreviewUploads {
  private readonly options: PreviewUploadsOptions
  private readonly waiting: Waiting[] = []
  private readonly ended = new AbortController()
  private readonly endedEarly = deferred<void>()
  private working: Promise<void> | undefined
  private dropped = 0

  constructor(options: PreviewUploadsOptions) {
    this.options = options
  }

  add(fence: Fence, path: string, seq: number): void {
    if (this.ended.signal.aborted) return
    this.waiting.push({ fence, path, seq })
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift()
      if (this.dropped++ === 0) this.options.log.warn({}, 'too many previews wait for upload; the oldest are dropped')
    }
    this.start()
  }

  /** Resolves when none waits (or uploading was ended). */
  async idle(): Promise<void> {
    while (this.working !== undefined) await this.working
  }

  /** Drops what waits and aborts what is under way. */
  end(): void {
    this.waiting.length = 0
    this.ended.abort()
    this.endedEarly.resolve()
  }

  private start(): void {
    this.working ??= this.work().finally(() => {
      this.working = undefined
      if (this.waiting.length > 0) this.start()
    })
  }

  private async work(): Promise<void> {
    const { signal } = this.ended
    for (;;) {
      const next = this.waiting.shift()
      if (next === undefined || signal.aborted) return
      await Promise.race([this.options.outbox.whenAcked(next.seq), this.endedEarly.promise])
      if (signal.aborted) return
      await this.upload(next, signal).catch((error: unknown) => {
        if (!signal.aborted) this.options.log.warn({ err: error, path: next.path }, 'no preview of a saved file')
      })
    }
  }

  private async upload(item: Waiting, signal: AbortSignal): Promise<void> {
    const made = await this.options.maker.previews(item.path)
    if (made === undefined) return
    await this.put(item, 'thumbnail', made.thumbnail, signal)
    await this.put(item, 'large', made.large, signal)
  }

  /** Tries until the manager takes it, refuses it, or uploading ends. */
  private async put(item: Waiting, size: 'thumbnail' | 'large', jpeg: Buffer, signal: AbortSignal): Promise<void> {
    let serverErrors = 0
    for (let failures = 1; ; failures++) {
      try {
        return await this.options.api.preview(item.fence, item.path, size, jpeg, signal)
      } catch (error) {
        if (signal.aborted) throw error
        if (error instanceof RefusedError && (error.status < 500 || ++serverErrors >= SERVER_ERRORS_ALLOWED)) throw error
        await pause(backoffDelay(failures, BACKOFF, this.options.random()), signal)
      }
    }
  }
}
