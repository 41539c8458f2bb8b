/** Turns what an attempt does into report events in the outbox: logs in batches, progress at a rate that people can read. */
import type { Fence, ReportEvent } from '../../../shared/schemas/agent.ts'
import type { AttemptEnd, AttemptSink } from '../attempt.ts'
import type { OutputFile } from '../commands/types.ts'
import type { AttemptJournal } from '../journal.ts'
import { LogBatcher } from '../logBatcher.ts'
import type { Outbox } from '../outbox.ts'

const LOG_INTERVAL_MS = 50
/** Even if every character needs six in JSON, one event stays below the usual limit of 1 MiB for a request. */
const MAX_LOG_CHARS = 128 * 1024
const PROGRESS_INTERVAL_MS = 200
const MAX_ACTIVITY_CHARS = 1000
const MAX_REASON_CHARS = 4000
const MAX_PATH_CHARS = 4096

export interface NativeSinkOptions {
  fence: Fence
  outbox: Outbox
  journal?: AttemptJournal
  now(): number
  /** An output event was put into the outbox as entry `seq`. */
  onOutput(file: OutputFile, seq: number): void
  /** The last event was put into the outbox as entry `seq`. */
  onFinished(end: AttemptEnd, seq: number): void
}

export class NativeSink implements AttemptSink {
  private readonly options: NativeSinkOptions
  private readonly batcher: LogBatcher
  private steps = 0
  private activityText: string | undefined
  private progressTimer: NodeJS.Timeout | undefined
  private lastProgress = Number.NEGATIVE_INFINITY
  private droppedLines = 0

  constructor(options: NativeSinkOptions) {
    this.options = options
    this.batcher = new LogBatcher({
      emit: (stream, text) => this.appendLog({ type: 'log', at: options.now(), stream, text }),
      intervalMs: LOG_INTERVAL_MS,
      maxChars: MAX_LOG_CHARS,
      elapsed: () => performance.now(),
    })
  }

  started(): void {
    this.append({ type: 'started', at: this.options.now() })
  }

  log(stream: 'stdout' | 'stderr' | 'farm', text: string): void {
    this.batcher.add(stream, text)
  }

  congested(): Promise<void> | undefined {
    return this.options.outbox.congested()
  }

  progress(stepsCompleted: number): void {
    this.steps = stepsCompleted
    this.progressSoon()
  }

  activity(text: string): void {
    this.activityText = text.slice(0, MAX_ACTIVITY_CHARS)
    this.progressSoon()
  }

  output(file: OutputFile): void {
    if (file.path === '' || file.path.length > MAX_PATH_CHARS) return
    this.batcher.flush()
    const seq = this.append({
      type: 'output',
      at: this.options.now(),
      path: file.path,
      frame: file.frame ?? null,
      bytes: file.bytes ?? null,
      width: file.width ?? null,
      height: file.height ?? null,
      renderedMs: file.renderedMs === undefined ? null : Math.round(file.renderedMs),
    })
    this.options.onOutput(file, seq)
  }

  async settled(): Promise<void> {
    this.batcher.flush()
    await this.options.outbox.written()
  }

  finished(end: AttemptEnd): void {
    this.batcher.flush()
    this.flushProgress()
    const seq = this.append({
      type: 'finished',
      at: this.options.now(),
      outcome: end.outcome,
      exitCode: end.exitCode,
      reason: end.reason.slice(0, MAX_REASON_CHARS),
      ...(end.result === undefined ? {} : { result: end.result }),
      metrics: end.metrics,
    })
    this.options.onFinished(end, seq)
  }

  private progressSoon(): void {
    if (this.progressTimer !== undefined) return
    const wait = Math.max(0, this.lastProgress + PROGRESS_INTERVAL_MS - performance.now())
    this.progressTimer = setTimeout(() => this.flushProgress(), wait)
  }

  private flushProgress(): void {
    if (this.progressTimer === undefined) return
    clearTimeout(this.progressTimer)
    this.progressTimer = undefined
    this.lastProgress = performance.now()
    this.batcher.flush()
    this.append({
      type: 'progress',
      at: this.options.now(),
      stepsCompleted: this.steps,
      ...(this.activityText === undefined ? {} : { activity: this.activityText }),
    })
    this.activityText = undefined
  }

  /** While the outbox is full (a manager away for very long) log text is counted instead of kept; what matters still goes in. */
  private appendLog(event: Extract<ReportEvent, { type: 'log' }>): void {
    const { outbox, journal } = this.options
    if (outbox.isFull) {
      this.droppedLines += event.text.split('\n').length - 1
      journal?.say(outbox.lastSeq, event.stream, event.text)
      return
    }
    // The outbox writes a moment later: what the journal has to say is on disk before.
    const seq = this.append(event)
    journal?.say(seq, event.stream, event.text)
  }

  private append(event: ReportEvent): number {
    if (this.droppedLines > 0 && (event.type === 'finished' || !this.options.outbox.isFull)) {
      const text = `${this.droppedLines} lines of log are missing here: the outbox of the worker was full\n`
      this.droppedLines = 0
      this.options.outbox.append({ ...this.options.fence, event: { type: 'log', at: this.options.now(), stream: 'farm', text } })
    }
    return this.options.outbox.append({ ...this.options.fence, event })
  }
}
