/** The last image that a task rendered, for the Manager's "last rendered" panel: one upload at a time, the newest wins, no retry. */
import type { PreviewMaker } from '../commands/types.ts'
import type { Logger } from '../logger.ts'
import type { FlamencoApi } from './flamencoApi.ts'

/** What a Flamenco Manager accepts. */
const MAX_BYTES = 26_214_400

export interface OutputUploadsOptions {
  api: FlamencoApi
  maker: PreviewMaker
  log: Logger
}

export class OutputUploads {
  private readonly options: OutputUploadsOptions
  private readonly ending = new AbortController()
  private waiting: { taskId: string; path: string } | undefined
  private working: Promise<void> | undefined

  constructor(options: OutputUploadsOptions) {
    this.options = options
  }

  add(taskId: string, path: string): void {
    if (this.ending.signal.aborted) return
    this.waiting = { taskId, path }
    this.start()
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    while (this.working !== undefined) await this.working
  }

  end(): void {
    this.waiting = undefined
    this.ending.abort()
  }

  private start(): void {
    this.working ??= this.work().finally(() => {
      this.working = undefined
      if (this.waiting !== undefined) this.start()
    })
  }

  private async work(): Promise<void> {
    const { api, maker, log } = this.options
    for (let next = this.waiting; next !== undefined; next = this.waiting) {
      this.waiting = undefined
      try {
        const jpeg = await maker.fullSize(next.path)
        if (jpeg === undefined) continue
        if (jpeg.length > MAX_BYTES) log.warn({ path: next.path }, 'an image is too large for the Manager')
        else await api.outputProduced(next.taskId, jpeg, this.ending.signal)
      } catch (error) {
        if (!this.ending.signal.aborted) log.warn({ err: error, path: next.path }, 'could not show the Manager a rendered image')
      }
    }
  }
}
