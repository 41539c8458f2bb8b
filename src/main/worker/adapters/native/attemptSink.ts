/** Converts an attempt's events to reports in the report log: logs in batches, progress at a rate that people can read. */
import type { Fence, ReportEvent } from '../../../../shared/schemas/agent.ts'
import type { ReportedWarning } from '../../../../shared/schemas/jobs/warning.ts'
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import type { AttemptEnd, AttemptSink } from '../../attempt/attempt.ts'
import type { OutputFile } from '../../contract/commands.ts'
import type { AttemptJournal } from '../../reporting/journal.ts'
import { LogBatcher } from '../../attempt/logBatcher.ts'
import type { ReportLog } from '../../reporting/reportLog.ts'

const LOG_INTERVAL_MS = 50
/** Even if every character needs six in JSON, one event stays below the usual limit of 1 MiB for a request. */
const MAX_LOG_CHARS = 128 * 1024
const PROGRESS_INTERVAL_MS = 200
const MAX_ACTIVITY_CHARS = 1000
const MAX_REASON_CHARS = 4000
const MAX_VIEW_CHARS = 200
const MAX_PATH_CHARS = 4096
const MAX_RESULTS = 1000

export interface NativeSinkOptions {
  fence: Fence
  reportLog: ReportLog
  journal?: AttemptJournal
  now(): number
  /** An output event was appended to the report log as entry `seq`. */
  onOutput(file: OutputFile, seq: number): void
  /** A saved file's path as the manager knows it. */
  shownPath(file: string): string
  /** The last event was appended to the report log as entry `seq`. */
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
    return this.options.reportLog.congested()
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
    const event: Extract<ReportEvent, { type: 'output' }> = {
      type: 'output',
      at: this.options.now(),
      path: this.options.shownPath(file.path),
      frame: file.frame ?? null,
      bytes: file.bytes ?? null,
      width: file.width ?? null,
      height: file.height ?? null,
      renderedMs: file.renderedMs === undefined ? null : Math.round(file.renderedMs),
    }
    if (file.facts !== undefined) event.facts = file.facts
    if (file.sameAsBefore !== undefined) event.sameAsBefore = file.sameAsBefore
    if (file.check !== undefined) event.check = file.check
    if (file.checkReason) event.checkReason = file.checkReason.slice(0, MAX_ACTIVITY_CHARS)
    if (file.kept) event.kept = true
    if (file.side) event.side = true
    if (file.view) event.view = file.view.slice(0, MAX_VIEW_CHARS)
    if (file.sha256 !== undefined) event.sha256 = file.sha256
    if (file.modifiedAt !== undefined) event.modifiedAt = Math.trunc(file.modifiedAt)
    this.options.onOutput(file, this.append(event))
  }

  /** What the attempt is about to send home, in parts that fit into an event. */
  results(files: readonly { path: string; bytes: number }[]): void {
    for (let at = 0; at < files.length; at += MAX_RESULTS)
      this.append({ type: 'result-files', at: this.options.now(), files: files.slice(at, at + MAX_RESULTS) })
  }

  inputs(inputs: Inputs): void {
    this.append({ type: 'inputs', at: this.options.now(), inputs })
  }

  handOver(bytes: Buffer): void {
    this.append({ type: 'result', at: this.options.now(), data: bytes.toString('base64') })
  }

  warning(warning: ReportedWarning): void {
    this.batcher.flush()
    this.append({ type: 'warning', at: this.options.now(), ...warning })
  }

  async settled(): Promise<void> {
    this.batcher.flush()
    await this.options.reportLog.written()
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

  /** While the report log is full (a very long outage), log text is counted instead of stored; important events are still stored. */
  private appendLog(event: Extract<ReportEvent, { type: 'log' }>): void {
    const { reportLog, journal } = this.options
    if (reportLog.isFull) {
      this.droppedLines += event.text.split('\n').length - 1
      journal?.say(reportLog.lastSeq, event.stream, event.text)
      return
    }
    // The report log is written a moment later; the journal must be on disk before.
    const seq = this.append(event)
    journal?.say(seq, event.stream, event.text)
  }

  private append(event: ReportEvent): number {
    if (this.droppedLines > 0 && (event.type === 'finished' || !this.options.reportLog.isFull)) {
      const text = `${this.droppedLines} lines of log are missing here: the reportLog of the worker was full\n`
      this.droppedLines = 0
      this.options.reportLog.append({ ...this.options.fence, event: { type: 'log', at: this.options.now(), stream: 'farm', text } })
    }
    return this.options.reportLog.append({ ...this.options.fence, event })
  }
}
