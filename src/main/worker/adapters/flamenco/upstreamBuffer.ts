/**
 * Task updates for a foreign Manager: stored on disk, sent in order, one at a time. The protocol has no
 * sequence numbers, so an update without a reply is sent again; delivered ones are marked in the file, so that a
 * restart does not repeat them.
 */
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { RefusedError } from '../../link/http.ts'
import type { Logger } from '../../../../shared/logger.ts'
import type { ReportLog, ReportLogEntry } from '../../reporting/reportLog.ts'
import { backoffDelay, pause, settlesWithin, type BackoffRule } from '../../../../shared/async.ts'
import type { FlamencoApi, TaskUpdate } from './flamencoApi.ts'
import type { Outage } from './outage.ts'

const Item = Type.Object({
  seq: Type.Integer(),
  taskId: Type.String(),
  update: Type.Object({
    taskStatus: Type.Optional(Type.Enum(['active', 'completed', 'failed'])),
    activity: Type.Optional(Type.String()),
    log: Type.Optional(Type.String()),
    steps_completed: Type.Optional(Type.Integer()),
  }),
})
const isItem = Compile(Item)

const RETRY: BackoffRule = { firstMs: 500, maxMs: 30_000, factor: 2, jitter: 0.1 }
/** A server error may be a busy database; after this many for one update it is dropped, or it would block all others. */
const SERVER_ERRORS_ALLOWED = 4
/** Waiting log text is merged into requests of about this size. */
const MAX_JOINED_CHARS = 100_000
const MAX_JOINED_ENTRIES = 100

export interface UpstreamBufferOptions {
  api: FlamencoApi
  reportLog: ReportLog
  log: Logger
  /** State of the Manager's outage; shared with everything that talks to it. */
  outage: Outage
  random(): number
  /** The Manager replied 409: the task is no longer ours. */
  onReassigned(taskId: string): void
}

export class UpstreamBuffer {
  private readonly options: UpstreamBufferOptions
  private readonly ending = new AbortController()
  private readonly working: Promise<void>
  private serverErrors = 0

  /** Immediately starts sending what an earlier run left. */
  constructor(options: UpstreamBufferOptions) {
    this.options = options
    this.working = this.work()
  }

  add(taskId: string, update: TaskUpdate): void {
    this.options.reportLog.append({ taskId, update })
  }

  /** Resolves when everything added so far is delivered. */
  delivered(): Promise<void> {
    return this.options.reportLog.whenAcked(this.options.reportLog.lastSeq)
  }

  /** Allows this much time for delivery, then ends; the rest is sent after the next start. */
  async close(patienceMs: number): Promise<void> {
    await this.options.reportLog.written()
    await settlesWithin(this.delivered(), patienceMs)
    this.ending.abort()
    await this.working
  }

  private async work(): Promise<void> {
    const { reportLog, log, outage, random } = this.options
    const { signal } = this.ending
    let failures = 0
    while (!signal.aborted) {
      await reportLog.waitForEntries(signal)
      const entries = signal.aborted ? [] : await reportLog.next(MAX_JOINED_ENTRIES, MAX_JOINED_CHARS)
      if (entries.length === 0) continue
      try {
        reportLog.ack(await this.sendNext(entries, signal), true)
        failures = 0
        outage.over()
      } catch (error) {
        if (signal.aborted) return
        failures++
        if (!(error instanceof RefusedError)) outage.failed(error)
        else if (failures === 1) log.warn({ err: error }, 'the Manager cannot accept a task update now; it will be retried')
        await pause(backoffDelay(failures, RETRY, random()), signal)
      }
    }
  }

  /** Sends the first entry, merged with the log text of the entries after it if those are only log of the same task. */
  private async sendNext(entries: readonly ReportLogEntry[], signal: AbortSignal): Promise<number> {
    const { api, log, onReassigned } = this.options
    const { update, taskId, lastSeq } = joinLogs(entries)
    if (update === undefined) return lastSeq
    try {
      if (!(await api.update(taskId, update, signal))) onReassigned(taskId)
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      if (error.status >= 500 && ++this.serverErrors < SERVER_ERRORS_ALLOWED) throw error
      log.error({ err: error, taskId }, 'the Manager rejected a task update; it is dropped')
    }
    this.serverErrors = 0
    return lastSeq
  }
}

/** The first entry's update, merged with the log text that follows it. `update` is undefined for an unreadable entry. */
export function joinLogs(entries: readonly ReportLogEntry[]): { taskId: string; update: TaskUpdate | undefined; lastSeq: number } {
  let taskId = ''
  let update: TaskUpdate | undefined
  let lastSeq = 0
  for (const entry of entries) {
    const item: unknown = JSON.parse(entry.json)
    if (!isItem.Check(item)) {
      if (update === undefined) return { taskId, update, lastSeq: entry.seq }
      break
    }
    if (update === undefined) {
      taskId = item.taskId
      update = { ...item.update }
    } else if (isLogOnly(update) && isLogOnly(item.update) && item.taskId === taskId) {
      update.log = (update.log ?? '') + (item.update.log ?? '')
    } else break
    lastSeq = entry.seq
  }
  return { taskId, update, lastSeq }
}

function isLogOnly(update: TaskUpdate): boolean {
  return update.log !== undefined && Object.keys(update).length === 1
}
