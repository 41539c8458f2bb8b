/** Converts an attempt's events to Flamenco task updates, with the texts of a Flamenco Worker. */
import type { AttemptEnd, AttemptSink } from '../../attempt/attempt.ts'
import type { OutputFile } from '../../contract/commands.ts'
import { splitLines } from '../../attempt/logBatcher.ts'
import type { TaskUpdate } from './flamencoApi.ts'

/** Log text is sent when it reaches this size, … */
const CHUNK_BYTES = 10_240
/** … or this long after its first line, so that users can watch a slow renderer. */
const CHUNK_AGE_MS = 5000

export interface UpdateSinkOptions {
  send(update: TaskUpdate): void
  congested(): Promise<void> | undefined
  onOutput(file: OutputFile): void
}

export class UpdateSink implements AttemptSink {
  private readonly options: UpdateSinkOptions
  private parts: string[] = []
  private bytes = 0
  private timer: NodeJS.Timeout | undefined
  private isAbandoned = false

  constructor(options: UpdateSinkOptions) {
    this.options = options
  }

  /** The task is no longer ours, or was returned: no more updates. */
  abandon(): void {
    this.isAbandoned = true
    this.parts = []
    clearTimeout(this.timer)
  }

  started(): void {
    this.send({ activity: 'Started', taskStatus: 'active' })
  }

  log(_stream: string, text: string): void {
    if (text === '' || this.isAbandoned) return
    this.parts.push(text)
    this.bytes += Buffer.byteLength(text)
    if (this.bytes > CHUNK_BYTES) this.flush()
    else this.timer ??= setTimeout(() => this.flush(), CHUNK_AGE_MS)
  }

  congested(): Promise<void> | undefined {
    return this.options.congested()
  }

  progress(stepsCompleted: number): void {
    this.send({ activity: 'Progress', steps_completed: stepsCompleted })
  }

  /** A Flamenco Worker reports no activities while it runs. */
  activity(): void {}

  output(file: OutputFile): void {
    if (!this.isAbandoned) this.options.onOutput(file)
  }

  /** A Flamenco Manager has no warnings: users read them in the log. */
  warning(): void {}
  /** Not part of the Flamenco protocol. */
  inputs(): void {}

  /** A foreign Manager has no place for it. */
  handOver(): void {}

  /** Attempts of a foreign Manager are never resumed after a kill. */
  settled(): Promise<void> {
    return Promise.resolve()
  }

  finished(end: AttemptEnd): void {
    this.flush()
    // Stopped or returned: the Manager knows, or learns it from the sign-off; "failed" would count against the task.
    if (end.outcome === 'stopped' || end.outcome === 'lost') return this.abandon()
    if (end.outcome === 'success') return this.send({ activity: 'Completed', taskStatus: 'completed' })
    const text = `Failed: ${end.reason}`
    this.send({ activity: text, log: text, taskStatus: 'failed' })
  }

  private flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.parts.length === 0) return
    const text = this.parts.join('')
    this.parts = []
    this.bytes = 0
    // One call may carry much more than a chunk.
    for (const log of splitLines(text, CHUNK_BYTES * 8)) this.send({ log })
  }

  private send(update: TaskUpdate): void {
    if (!this.isAbandoned) this.options.send(update)
  }
}
