/**
 * Previews of saved files: created and uploaded alongside the work, one file at a time, oldest first. A failed preview
 * never harms the attempt. The list is bounded; files are read when their turn comes.
 */
import { rm } from 'node:fs/promises'
import { Type, type Static } from 'typebox'
import { deferred } from '../../../../shared/async.ts'
import { Fence, type PreviewSize } from '../../../../shared/schemas/agent.ts'
import type { PreviewMaker } from '../../contract/commands.ts'
import { RefusedError } from '../../link/http.ts'
import { readJsonFile, writeJsonFile } from '../../data/jsonFile.ts'
import type { Logger } from '../../../../shared/logger.ts'
import type { ReportLog } from '../../reporting/reportLog.ts'
import { backoffDelay, pause, type BackoffRule } from '../../../../shared/async.ts'
import type { AgentApi } from './agentApi.ts'

export interface PreviewUploadsOptions {
  /** Where the list is stored while the program does not run. */
  file: string
  api: AgentApi
  reportLog: ReportLog
  maker: PreviewMaker
  log: Logger
  random(): number
}

const Waiting = Type.Object({
  fence: Fence,
  path: Type.String(),
  /** The file as the manager knows it; missing: by the same path. */
  shownPath: Type.Optional(Type.String()),
  /** The report log entry that reports the file; its preview must not arrive before. */
  seq: Type.Integer(),
})
type Waiting = Static<typeof Waiting>
const WaitingFile = Type.Array(Waiting)

const MAX_WAITING = 10_000
type MadePreviews = NonNullable<Awaited<ReturnType<PreviewMaker['previews']>>>
const BACKOFF: BackoffRule = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.2 }
const MAX_REASON_CHARS = 1000
/** Server errors for one preview before it is dropped. */
const SERVER_ERRORS_ALLOWED = 5

/** The files of a preview in upload order: the large one last, which tells the manager that the preview is complete. */
export function inOrder({ thumbnail, large, light }: MadePreviews): [PreviewSize, Buffer][] {
  return [['thumbnail', thumbnail], ...(light ? [['light', light] as [PreviewSize, Buffer]] : []), ['large', large]]
}

export class PreviewUploads {
  private readonly options: PreviewUploadsOptions
  private readonly waiting: Waiting[] = []
  private readonly ended = new AbortController()
  private readonly endedEarly = deferred<void>()
  private working: Promise<void> | undefined
  /** The current upload; it goes back to the list when the program ends. */
  private current: Waiting | undefined
  private dropped = 0
  /** Called when a file is no longer needed. */
  onDone: () => void = () => undefined

  constructor(options: PreviewUploadsOptions) {
    this.options = options
  }

  add(fence: Fence, path: string, seq: number, shownPath = path): void {
    if (this.ended.signal.aborted) return
    this.enqueue({ fence, path, seq, ...(shownPath !== path && { shownPath }) })
  }

  /** Whether a file below this folder waits for its preview. */
  hasBelow(folder: string): boolean {
    const isBelow = (item: Waiting | undefined) => item?.path.startsWith(folder) === true
    return isBelow(this.current) || this.waiting.some(isBelow)
  }

  /** Restores what `end` saved in an earlier run. A damaged list only deserves a warning. */
  async resume(): Promise<void> {
    const { file, log } = this.options
    try {
      const kept = await readJsonFile(WaitingFile, file)
      if (kept === undefined) return
      await rm(file, { force: true })
      for (const item of kept) this.enqueue(item)
    } catch (error) {
      log.warn({ err: error }, 'cannot restore the previews of an earlier run')
    }
  }

  private enqueue(item: Waiting): void {
    this.waiting.push(item)
    if (this.waiting.length > MAX_WAITING) {
      this.waiting.shift()
      if (this.dropped++ === 0) this.options.log.warn({}, 'too many previews are waiting for upload; dropping the oldest')
    }
    this.start()
  }

  /** Resolves when none waits (or uploading was ended). */
  async idle(): Promise<void> {
    while (this.working !== undefined) await this.working
  }

  /** Aborts the current upload and saves the waiting ones for the next start. */
  async end(): Promise<void> {
    const left = [...(this.current === undefined ? [] : [this.current]), ...this.waiting.splice(0)]
    this.ended.abort()
    this.endedEarly.resolve()
    await this.working
    if (left.length === 0) return
    await writeJsonFile(this.options.file, left).catch((error: unknown) => {
      this.options.log.warn({ err: error, count: left.length }, 'pending preview uploads are lost')
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
      this.onDone()
      if (next === undefined || signal.aborted) return
      await Promise.race([this.options.reportLog.whenAcked(next.seq), this.endedEarly.promise])
      if (signal.aborted) return
      await this.upload(next, signal).catch((error: unknown) => {
        if (!signal.aborted) this.options.log.warn({ err: error, path: next.path }, 'no preview of a saved file')
      })
    }
  }

  private async upload(item: Waiting, signal: AbortSignal): Promise<void> {
    const { api, maker, log } = this.options
    const { fence, path, shownPath = path } = item
    let made: MadePreviews | undefined
    try {
      made = await maker.previews(path)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      log.warn({ err: error, path }, 'no preview of a saved file')
      return this.persist(() => api.previewMissing(fence, shownPath, reason.slice(0, MAX_REASON_CHARS) || 'unknown', signal), signal)
    }
    // A format that is never shown, such as scene data: nothing is missing.
    if (made === undefined) return
    for (const [size, body] of inOrder(made)) await this.persist(() => api.preview(fence, shownPath, size, body, signal), signal)
  }

  /** Retries until the manager accepts or rejects it, or uploading ends. */
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
