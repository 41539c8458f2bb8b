/** Follows an engine's events: whether it answers, and when its images change. */
import type { Readable } from 'node:stream'
import type { Engine } from './engine.ts'
import { wordsOf } from '../errors.ts'

export interface EngineWatchOptions {
  /** Resolves when containers can be run there; throws what says why not. */
  check(): Promise<void>
  onUp(): void
  /** `problem`: the engine's or the system's words. */
  onDown(problem: string): void
  onImages(): void
}

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 5000
/** Images come in bursts of events. */
const QUIET_MS = 1000

export class EngineWatch {
  private readonly stopped = new AbortController()
  private stream: Readable | undefined
  private imagesTimer: NodeJS.Timeout | undefined

  constructor(
    private readonly engine: Engine,
    private readonly options: EngineWatchOptions,
  ) {
    void this.follow()
  }

  stop(): void {
    this.stopped.abort()
    clearTimeout(this.imagesTimer)
    this.stream?.destroy()
  }

  private async follow(): Promise<void> {
    const { signal } = this.stopped
    for (let pauseMs = FIRST_PAUSE_MS; !signal.aborted;) {
      let problem = 'the connection ended'
      try {
        await this.options.check()
        const events = await this.engine.docker.getEvents({ filters: { type: ['image'] } })
        this.stream = events as unknown as Readable // The answer of the HTTP request; the types say only that it can be read.
        if (signal.aborted) return void this.stream.destroy()
        this.options.onUp()
        pauseMs = FIRST_PAUSE_MS
        await this.toTheEnd(this.stream)
      } catch (error) {
        problem = wordsOf(error)
      }
      if (signal.aborted) return
      this.options.onDown(problem)
      await new Promise((resolve) => setTimeout(resolve, pauseMs).unref())
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
    }
  }

  /** Resolves when the connection ends, however. */
  private toTheEnd(stream: Readable): Promise<void> {
    return new Promise((resolve) => {
      stream.on('data', () => {
        clearTimeout(this.imagesTimer)
        this.imagesTimer = setTimeout(() => this.options.onImages(), QUIET_MS)
      })
      stream.on('close', resolve)
      stream.on('end', resolve)
      stream.on('error', () => resolve())
    })
  }
}
