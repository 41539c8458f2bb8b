/**
 * Previews of what attempts saved: made and uploaded beside the work, one file at a time, oldest first. A preview that
 * cannot be had never harms the attempt. The list is bounded; files are read when their turn comes.
 */
import { rm } from 'node:fs/promises'
import { Type, type Static } from 'typebox'
import { deferred } from '../../../shared/deferred.ts'
import { Fence, type PreviewSize } from '../../../shared/schemas/agent.ts'
import type { PreviewMaker } from '../commands/types.ts'
import { RefusedError } from '../http.ts'
import { readJsonFile, writeJsonFile } from '../jsonFile.ts'
import type { Logger } from '../logger.ts'
import type { Outbox } from '../outbox.ts'
import { backoffDelay, pause, type BackoffRule } from '../timing.ts'
import type { AgentApi } from './agentApi.ts'

export interface PreviewUploadsOptions {
  /** Where the list is kept while the program does not run. */
  file: string
  api: AgentApi
  outbox: Outbox
  maker: PreviewMaker
  log: Logger
  random(): number
}

const Waiting = Type.Object({
  fence: Fence,
  path: Type.String(),
  /** The outbox entry that tells the manager of the file; its preview must not be there before. */
  seq: Type.Integer(),
})
type Waiting = Static<typeof Waiting>
const WaitingFile = Type.Array(Waiting)

const MAX_WAITING = 10_000
type MadePreviews = NonNullable<Awaited<ReturnType<PreviewMaker['previews']>>>
const BACKOFF: BackoffRule = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 }
const MAX_REASON_CHARS = 1000
/** Server errors for one preview before it is given up. */
const SERVER_ERRORS_ALLOWED = 5

/** What is made of a picture, in the order in which it is sent: the large one last, which tells the manager that all are there. */
export function inOrder({ thumbnail, large, light }: MadePreviews): [PreviewSize, Buffer][] {
  return [['thumbnail', thumbnail], ...(light ? [['light', light] as [PreviewSize, Buffer]] : []), ['large', large]]
}

export class PreviewUploads {
  private readonly options: PreviewUploadsOptions
  private readonly waiting: Waiting[] = []
  private readonly ended = new AbortController()
  private readonly endedEarly = deferred<void>()
  private working: Promise<void> | undefined
  /** What is being uploaded; it waits again when the program ends meanwhile. */
  private current: Waiting | undefined
  private dropped = 0

  constructor(options: PreviewUploadsOptions) {
    this.options = options
  }

  add(fence: Fence, path: string, seq: number): void {
    if (this.ended.signal.aborted) return
    this.enqueue({ fence, path, seq })
  }

  /** Takes up what `end` left in an earlier run. A damaged list is worth no more than a warning. */
  async resume(): Promise<void> {
    const { file, log } = this.options
    try {
      const kept = await readJsonFile(WaitingFile, file)
      if (kept === undefined) return
      await rm(file, { force: true })
      for (const item of kept) this.enqueue(item)
    } catch (error) {
      log.warn({ err: error }, 'cannot take up the previews of an earlier run')
    }
  }

  private enqueue(item: Waiting): void {
    this.waiting.push(item)
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

  /** Aborts what is under way and keeps the list of what waits for the next start. */
  async end(): Promise<void> {
    const left = [...(this.current === undefined ? [] : [this.current]), ...this.waiting.splice(0)]
    this.ended.abort()
    this.endedEarly.resolve()
    await this.working
    if (left.length === 0) return
    await writeJsonFile(this.options.file, left).catch((error: unknown) => {
      this.options.log.warn({ err: error, count: left.length }, 'previews that were not uploaded yet are lost')
    })
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
      this.current = next
      if (next === undefined || signal.aborted) return
      await Promise.race([this.options.outbox.whenAcked(next.seq), this.endedEarly.promise])
      if (signal.aborted) return
      await this.upload(next, signal).catch((error: unknown) => {
        if (!signal.aborted) this.options.log.warn({ err: error, path: next.path }, 'no preview of a saved file')
      })
    }
  }

  private async upload(item: Waiting, signal: AbortSignal): Promise<void> {
    const { api, maker, log } = this.options
    const { fence, path } = item
    let made: MadePreviews | undefined
    try {
      made = await maker.previews(path)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn({ err: error, path }, 'no preview of a saved file')
      return this.persist(() => api.previewMissing(fence, path, reason.slice(0, MAX_REASON_CHARS) || 'unknown', signal), signal)
    }
    // A format that is never shown, such as a scene's data: nothing is missing.
    if (made === undefined) return
    for (const [size, body] of inOrder(made)) await this.persist(() => api.preview(fence, path, size, body, signal), signal)
  }

  /** Tries until the manager takes it, refuses it, or uploading ends. */
  private async persist(send: () => Promise<void>, signal: AbortSignal): Promise<void> {
    let serverErrors = 0
    for (let failures = 1; ; failures++) {
      try {
        return await send()
      } catch (error) {
        if (signal.aborted) throw error
        if (error instanceof RefusedError && (error.status < 500 || ++serverErrors >= SERVER_ERRORS_ALLOWED)) throw error
        await pause(backoffDelay(failures, BACKOFF, this.options.random()), signal)
      }
    }
  }
}
