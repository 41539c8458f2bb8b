/**
 * One connection to our manager, from a sign-on until something breaks: two calls in flight at most.
 *
 * - `take` waits at the manager: heartbeat, cancellations, status requests, and work while a slot is free.
 * - `report` empties the outbox, one request at a time so that order holds; the request that brings an attempt's end
 *   asks for the next task, so a busy worker goes from one task to the next in one round trip; the one that tells of an
 *   attempt's beginning asks for a task to hold (nextTask.ts), with which there is no wait at all.
 *
 * A slot is asked for in one place only: by `take` while it is free for certain, by the `report` that brings the end of
 * what held it. So the manager can never hand out more than there is room for. A `take` that asks for slots is never
 * given up by us (its answer may be on its way); one that asks for none is, as soon as a slot becomes free.
 */
import type { Assignment, Fence } from '../../../shared/schemas/agent.ts'
import type { Load } from '../../../shared/schemas/worker.ts'
import { StoppedError } from '../commands/types.ts'
import { GivenBackError } from '../errors.ts'
import { RefusedError, UnreachableError } from '../http.ts'
import type { Logger } from '../logger.ts'
import type { Outbox, OutboxEntry } from '../outbox.ts'
import { pause } from '../timing.ts'
import { isUnknownWorker, type AgentApi, type ReportWishes } from './agentApi.ts'
import type { Control } from './control.ts'
import type { ErrandRunner } from './errandRunner.ts'
import type { HeldAttempts } from './heldAttempts.ts'
import type { SessionTeller } from './sessionTeller.ts'

export interface SessionOptions {
  api: AgentApi
  outbox: Outbox
  held: HeldAttempts
  control: Control
  errands: ErrandRunner
  workerName: string
  /** Applications that stay open; undefined where none do. */
  sessions: SessionTeller | undefined
  /** The latest load sample; undefined before the first. */
  load(): Load | undefined
  /** The manager answered: whatever failed before is over. */
  onAnswer(): void
  log: Logger
}

/** A new load sample reaches the manager at least this often. */
const LONGEST_WAIT_MS = 10_000
const MAX_REPORTS = 1000
/** Characters of one report request; with multi-byte text still far below our manager's limit. */
const MAX_REPORT_CHARS = 700_000
/** An answer this quick that brings nothing, several times in a row, means that the server does not hold the long poll. */
const QUICK_MS = 20
const QUICK_ANSWERS_ALLOWED = 3
/** After this many server errors for the same report it is taken for the report's fault. */
const SERVER_ERRORS_ALLOWED = 8

export class Session {
  private readonly options: SessionOptions
  private broken = new AbortController()
  private takeAbort: AbortController | undefined
  private takeSlots = 0
  private waitMs = LONGEST_WAIT_MS
  private batchLimit = MAX_REPORTS
  private serverErrors = 0

  constructor(options: SessionOptions) {
    this.options = options
  }

  /** Runs until a call fails or `end` is called. Resolves with the failure, or undefined after `end`. */
  async run(leaseSeconds: number): Promise<unknown> {
    this.waitMs = Math.max(1000, Math.min(LONGEST_WAIT_MS, (leaseSeconds * 1000) / 3))
    this.broken = new AbortController()
    const { signal } = this.broken
    this.options.sessions?.forgetTold()
    const failures: unknown[] = []
    const guarded = (loop: Promise<void>) =>
      loop.catch((error: unknown) => {
        if (!signal.aborted) failures.push(error)
        this.end()
      })
    await Promise.all([guarded(this.takeLoop(signal)), guarded(this.reportLoop(signal))])
    // Without a manager nobody knows whose it is by the time that it could begin.
    this.options.held.next.forget()
    return failures[0]
  }

  /** Gives up the connection; open calls are aborted. */
  end(): void {
    this.broken.abort()
    this.takeAbort?.abort()
  }

  /** A slot became free or the status changed: a `take` that waits without asking for work begins anew. */
  wake(): void {
    if (this.takeSlots === 0) this.takeAbort?.abort()
  }

  private async takeLoop(signal: AbortSignal): Promise<void> {
    const { api, held, control, errands, load, sessions, onAnswer } = this.options
    let quickAnswers = 0
    while (!signal.aborted) {
      const slots = control.accepting ? held.free : 0
      const abort = new AbortController()
      this.takeAbort = abort
      this.takeSlots = slots
      const began = performance.now()
      const told = sessions?.untold()
      const returned = held.next.returned()
      const request = {
        slots,
        waitMs: this.waitMs,
        running: held.fences(),
        errands: errands.ids(),
        holds: held.next.fence,
        returned: returned.length > 0 ? returned : undefined,
        load: load(),
        status: control.status,
        sessions: told?.reports,
      }
      const reply = await api.take(request, abort.signal).catch((error: unknown) => {
        if (abort.signal.aborted && !signal.aborted) return undefined
        throw error
      })
      this.takeAbort = undefined
      if (reply === undefined || signal.aborted) continue
      onAnswer()
      sessions?.heard(told)
      held.next.heard(returned)
      held.recall(reply.recall ?? [])
      for (const { reason, ...fence } of reply.cancel) held.stop(fence, new StoppedError(reason || 'cancelled'))
      const statusBefore = control.status
      control.request(reply.statusRequested, reply.statusRequestLazy, reply.approved)
      for (const jobId of reply.closeSessions ?? []) sessions?.jobOver(jobId)
      if (!control.accepting) {
        sessions?.rest()
        held.giveNextBack()
      }
      this.begin(reply.assignments)
      for (const errand of reply.errands ?? []) errands.start(errand)
      const nothing = reply.assignments.length === 0 && !reply.errands?.length && control.status === statusBefore
      quickAnswers = nothing && performance.now() - began < QUICK_MS ? quickAnswers + 1 : 0
      if (quickAnswers > QUICK_ANSWERS_ALLOWED) await pause(Math.min(1000, QUICK_MS * 2 ** (quickAnswers - QUICK_ANSWERS_ALLOWED)), signal)
    }
  }

  private async reportLoop(signal: AbortSignal): Promise<void> {
    const { api, outbox, held, control, sessions, onAnswer } = this.options
    while (!signal.aborted) {
      await outbox.waitForEntries(signal)
      const batch = signal.aborted ? [] : await outbox.next(this.batchLimit, MAX_REPORT_CHARS)
      const last = batch.at(-1)
      if (last === undefined || signal.aborted) continue
      const take = control.accepting ? held.freedBy(last.seq) : 0
      const next = control.accepting && held.wantsNext(last.seq)
      const told = sessions?.untold()
      const reply = await this.sendBatch(api, batch, { take, next, sessions: told?.reports }, signal)
      onAnswer()
      if (reply === undefined) continue
      sessions?.heard(told)
      if (reply.reportSeq < (batch[0]?.seq ?? 0)) {
        throw new UnreachableError(`the manager answered a report without taking it (seq ${last.seq})`)
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

  /** Undefined when the manager refused the batch for what is in it: it was made smaller, or its only entry dropped. */
  private async sendBatch(api: AgentApi, batch: OutboxEntry[], wishes: ReportWishes, signal: AbortSignal) {
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

  /** Finds the entry that the manager cannot take by halving, and goes on without it: one bad entry must not block all others. */
  private refused(batch: OutboxEntry[], error: RefusedError): void {
    const [only] = batch
    if (batch.length > 1 || only === undefined) {
      this.batchLimit = Math.max(1, Math.floor(batch.length / 2))
      return
    }
    this.options.log.error({ err: error, entry: only.json.slice(0, 500) }, 'the manager refuses a report; it is dropped')
    this.serverErrors = 0
    this.batchLimit = MAX_REPORTS
    this.delivered(only.seq)
  }

  private delivered(seq: number): void {
    this.options.outbox.ack(seq)
    this.options.held.delivered(seq)
  }

  private stale(fence: Fence): void {
    this.options.held.stop(fence, new StoppedError('the manager has given the task to somebody else'))
  }

  private hold(assignment: Assignment | undefined, seq: number): void {
    const { held, control } = this.options
    held.hold(assignment, seq)
    // It was asked to rest while the answer was on its way.
    if (!control.accepting) this.giveNextBack()
  }

  /** The worker takes no more work: somebody else may have what it holds. */
  giveNextBack(): void {
    const { held } = this.options
    held.giveNextBack()
    if (!held.next.isSettled) this.wake()
  }

  private begin(assignments: readonly Assignment[]): void {
    const { held, control, workerName } = this.options
    for (const assignment of assignments) {
      // It may have been on its way when the worker was asked to rest.
      if (control.accepting) held.start(assignment)
      else held.refuse(assignment, new GivenBackError(`worker "${workerName}" takes no work at the moment`))
    }
  }
}
