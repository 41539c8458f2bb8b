/**
 * One connection to our manager, from sign-on until something breaks: at most two calls in flight.
 *
 * - `take` waits at the manager: heartbeat, cancellations, status requests, and work while a slot is free.
 * - `report` empties the report log, one request at a time to keep the order; the request that carries an attempt's end
 * asks for the next task, so a busy worker needs one round trip between tasks; the one that carries an attempt's
 * start asks for a task to hold (nextTask.ts), which removes the wait entirely.
 *
 * Only one call asks for a given slot: `take` while the slot is certainly free, or the `report` that carries the end of
 * its attempt. So the manager can never assign more than there is room for. A `take` that asks for slots is never
 * aborted by us (its reply may be in transit); one that asks for none is, as soon as a slot becomes free.
 */
import type { Assignment, Fence } from '../../../../shared/schemas/agent.ts'
import type { Load } from '../../../../shared/schemas/worker.ts'
import { StoppedError } from '../../contract/commands.ts'
import { GivenBackError } from '../../contract/errors.ts'
import { RefusedError, UnreachableError } from '../../link/http.ts'
import type { Logger } from '../../../../shared/logger.ts'
import type { ReportLog, ReportLogEntry } from '../../reporting/reportLog.ts'
import { pause } from '../../../../shared/async.ts'
import { isUnknownWorker, type AgentApi, type ReportWishes } from './agentApi.ts'
import type { Control } from './control.ts'
import type { WorkerRequestRunner } from './workerRequestRunner.ts'
import type { HeldAttempts } from './heldAttempts.ts'
import type { WarmAppReporter } from './warmAppReporter.ts'

export interface ManagerConnectionOptions {
  api: AgentApi
  reportLog: ReportLog
  held: HeldAttempts
  control: Control
  requests: WorkerRequestRunner
  workerName: string
  /** Warm applications; undefined when disabled. */
  sessions: WarmAppReporter | undefined
  /** The latest load sample; undefined before the first. */
  load(): Load | undefined
  /** The manager replied: any earlier failure is over. */
  onAnswer(): void
  log: Logger
}

/** The manager gets a new load sample at least this often. */
const LONGEST_WAIT_MS = 10_000
const MAX_REPORTS = 1000
/** Characters per report request; far below our manager's limit even with multi-byte text. */
const MAX_REPORT_CHARS = 700_000
/** Several consecutive empty replies this quick mean that the server does not hold the long poll. */
const QUICK_MS = 20
const QUICK_ANSWERS_ALLOWED = 3
/** After this many server errors for the same report, the report itself is considered the cause. */
const SERVER_ERRORS_ALLOWED = 8

export class ManagerConnection {
  private readonly options: ManagerConnectionOptions
  private broken = new AbortController()
  private takeAbort: AbortController | undefined
  private takeSlots = 0
  private waitMs = LONGEST_WAIT_MS
  private batchLimit = MAX_REPORTS
  private serverErrors = 0

  constructor(options: ManagerConnectionOptions) {
    this.options = options
  }

  /**
   * Runs until a call fails, `end` is called or the agent ends. Resolves with the failure, or undefined after the others.
   * @param ending aborted when the agent ends, perhaps before this call: during the sign-on there was no connection to end
   */
  async run(leaseSeconds: number, ending: AbortSignal): Promise<unknown> {
    this.waitMs = Math.max(1000, Math.min(LONGEST_WAIT_MS, (leaseSeconds * 1000) / 3))
    this.broken = new AbortController()
    const { signal } = this.broken
    const end = (): void => this.end()
    ending.addEventListener('abort', end)
    if (ending.aborted) end()
    this.options.sessions?.reset()
    const failures: unknown[] = []
    const guarded = (loop: Promise<void>) =>
      loop.catch((error: unknown) => {
        if (!signal.aborted) failures.push(error)
        this.end()
      })
    await Promise.all([guarded(this.takeLoop(signal)), guarded(this.reportLoop(signal))])
    ending.removeEventListener('abort', end)
    // Without a manager, the held task may belong to another worker by the time that it could start.
    this.options.held.next.forget()
    return failures[0]
  }

  /** Closes the connection; open calls are aborted. */
  end(): void {
    this.broken.abort()
    this.takeAbort?.abort()
  }

  /** A slot became free or the status changed: restarts a waiting `take` that did not ask for work. */
  wake(): void {
    if (this.takeSlots === 0) this.takeAbort?.abort()
  }

  private async takeLoop(signal: AbortSignal): Promise<void> {
    const { api, held, control, requests, load, sessions, onAnswer } = this.options
    let quickAnswers = 0
    while (!signal.aborted) {
      const slots = control.accepting ? held.free : 0
      const abort = new AbortController()
      this.takeAbort = abort
      this.takeSlots = slots
      const began = performance.now()
      const pending = sessions?.pending()
      const returned = held.next.returned()
      const request = {
        slots,
        waitMs: this.waitMs,
        running: held.fences(),
        requests: requests.ids(),
        holds: held.next.fence,
        returned: returned.length > 0 ? returned : undefined,
        load: load(),
        status: control.status,
        sessions: pending?.reports,
      }
      const reply = await api.take(request, abort.signal).catch((error: unknown) => {
        if (abort.signal.aborted && !signal.aborted) return undefined
        throw error
      })
      this.takeAbort = undefined
      if (reply === undefined || signal.aborted) continue
      onAnswer()
      sessions?.acknowledge(pending)
      held.next.acknowledge(returned)
      held.recall(reply.recall ?? [])
      for (const { reason, ...fence } of reply.cancel) held.stop(fence, new StoppedError(reason || 'cancelled'))
      const statusBefore = control.status
      control.request(reply.statusRequested, reply.statusRequestLazy, reply.approved)
      for (const jobId of reply.closeWarmApps ?? []) sessions?.jobOver(jobId)
      if (!control.accepting) {
        sessions?.rest()
        held.giveNextBack()
      }
      this.begin(reply.assignments)
      for (const request of reply.requests ?? []) requests.start(request)
      const nothing = reply.assignments.length === 0 && !reply.requests?.length && control.status === statusBefore
      quickAnswers = nothing && performance.now() - began < QUICK_MS ? quickAnswers + 1 : 0
      if (quickAnswers > QUICK_ANSWERS_ALLOWED) await pause(Math.min(1000, QUICK_MS * 2 ** (quickAnswers - QUICK_ANSWERS_ALLOWED)), signal)
    }
  }

  private async reportLoop(signal: AbortSignal): Promise<void> {
    const { api, reportLog, held, control, sessions, onAnswer } = this.options
    while (!signal.aborted) {
      await reportLog.waitForEntries(signal)
      const batch = signal.aborted ? [] : await reportLog.next(this.batchLimit, MAX_REPORT_CHARS)
      const last = batch.at(-1)
      if (last === undefined || signal.aborted) continue
      const take = control.accepting ? held.freedBy(last.seq) : 0
      const next = control.accepting && held.wantsNext(last.seq)
      const pending = sessions?.pending()
      const reply = await this.sendBatch(api, batch, { take, next, sessions: pending?.reports }, signal)
      onAnswer()
      if (reply === undefined) continue
      sessions?.acknowledge(pending)
      if (reply.reportSeq < (batch[0]?.seq ?? 0)) {
        throw new UnreachableError(`the manager replied to a report without accepting it (seq ${last.seq})`)
      }
      this.batchLimit = MAX_REPORTS
      this.serverErrors = 0
      this.delivered(reply.reportSeq)
      for (const fence of reply.stale) this.stale(fence)
      this.begin(reply.assignments)
      if (next) this.hold(reply.next, last.seq)
      control.evaluate()
      if (held.free > 0) this.wake()
    }
  }

  /** Undefined when the manager rejected the batch because of its content: it was made smaller, or its only entry dropped. */
  private async sendBatch(api: AgentApi, batch: ReportLogEntry[], wishes: ReportWishes, signal: AbortSignal) {
    try {
      const reports = batch.map((entry) => entry.json)
      return await api.report(reports, wishes, signal)
    } catch (error) {
      if (!(error instanceof RefusedError) || isUnknownWorker(error)) throw error
      const isOurFault = [400, 413, 415, 422].includes(error.status)
      if (!isOurFault && !(error.status >= 500 && ++this.serverErrors >= SERVER_ERRORS_ALLOWED)) throw error
      this.refused(batch, error)
      return undefined
    }
  }

  /** Finds the rejected entry by bisection and skips it: one bad entry must not block all others. */
  private refused(batch: ReportLogEntry[], error: RefusedError): void {
    const [only] = batch
    if (batch.length > 1 || only === undefined) {
      this.batchLimit = Math.max(1, Math.floor(batch.length / 2))
      return
    }
    this.options.log.error({ err: error, entry: only.json.slice(0, 500) }, 'the manager rejected a report; it is dropped')
    this.serverErrors = 0
    this.batchLimit = MAX_REPORTS
    this.delivered(only.seq)
  }

  private delivered(seq: number): void {
    this.options.reportLog.ack(seq)
    this.options.held.delivered(seq)
  }

  private stale(fence: Fence): void {
    this.options.held.stop(fence, new StoppedError('the manager assigned the task to another worker'))
  }

  private hold(assignment: Assignment | undefined, seq: number): void {
    const { held, control } = this.options
    held.hold(assignment, seq)
    // The worker was put to sleep while the reply was in transit.
    if (!control.accepting) this.giveNextBack()
  }

  /** The worker takes no more work: another worker may have the task that it holds. */
  giveNextBack(): void {
    const { held } = this.options
    held.giveNextBack()
    if (!held.next.isSettled) this.wake()
  }

  private begin(assignments: readonly Assignment[]): void {
    const { held, control, workerName } = this.options
    for (const assignment of assignments) {
      // The reply may have been in transit when the worker was put to sleep.
      if (control.accepting) held.start(assignment)
      else held.refuse(assignment, new GivenBackError(`worker "${workerName}" is not accepting work`))
    }
  }
}
