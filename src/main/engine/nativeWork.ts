/** The native worker's side of things: long poll for work, ordered reports applied exactly once. */
import { taskPublicId } from '../../shared/ids.ts'
import type { Assignment, Fence, Report, ReportReply, TakeReply } from '../../shared/schemas/agent.ts'
import type { Assignments } from './assignments.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from './core.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Errands } from './errands.ts'
import { ignoreUnknown } from './errors.ts'
import type { CancelSignal, ReportExtras, TakeOptions } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import type { Lease } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { WorkerState } from './model.ts'
import type { NextTasks } from './nextTasks.ts'
import type { SessionBook } from './sessionBook.ts'
import type { Staff } from './staff.ts'

/** A lease that the worker has not named for this long never reached it: the reply was lost on the way. */
const UNACKNOWLEDGED_MS = 15_000

/** Of a caller that cannot vanish. */
const NEVER: CancelSignal = { aborted: false, addEventListener: () => undefined, removeEventListener: () => undefined }

export class NativeWork {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly staff: Staff,
    private readonly attempts: Attempts,
    private readonly dispatcher: Dispatcher,
    private readonly assignments: Assignments,
    private readonly sessions: SessionBook,
    private readonly errands: Errands,
    private readonly next: NextTasks,
  ) {}

  async take(workerId: string, options: TakeOptions, signal: CancelSignal = NEVER): Promise<TakeReply> {
    const worker = this.staff.need(workerId)
    this.staff.welcomeBack(worker)
    if (options.returned) this.next.returned(worker, options.returned)
    this.hear(worker, options)
    if (options.sessions) await this.sessions.hear(worker, options.sessions)
    await this.takeBackUnheard(worker)
    let leases = await this.takeNow(worker, options.slots)
    const isAnswer = options.returned !== undefined && options.returned.length > 0
    if (leases.length === 0 && options.waitMs > 0 && !isAnswer && !this.hasNews(worker, options)) {
      const slots = this.mayWork(worker) ? options.slots : 0
      leases = await this.dispatcher.wait(worker, slots, options.waitMs, signal)
      // The wait itself is a sign of life: the connection stood.
      if (!signal.aborted) this.staff.seen(worker)
    }
    const assignments = await this.handOver(leases, signal)
    const closeSessions = this.sessions.toClose(worker.id)
    const recall = this.next.recalls(worker, options.holds)
    const errands = worker.approvedAt === null ? [] : this.errands.newFor(worker.id, options.errands ?? [])
    // Conditional spreads would do the same several times as slowly, and each task passes here.
    const reply: TakeReply = {
      assignments,
      cancel: this.cancellations(worker, options.running),
      statusRequested: worker.statusRequested,
      statusRequestLazy: worker.statusRequestLazy,
      approved: worker.approvedAt !== null,
    }
    if (closeSessions.length > 0) reply.closeSessions = closeSessions
    if (recall.length > 0) reply.recall = recall
    if (errands.length > 0) reply.errands = errands
    return reply
  }

  async report(workerId: string, reports: Report[], take: number, more: ReportExtras = {}): Promise<ReportReply> {
    const worker = this.staff.need(workerId)
    this.staff.seen(worker)
    if (more.sessions) await this.sessions.hear(worker, more.sessions)
    const stale = new Map<string, Fence>()
    for (const report of reports) {
      let lease = this.leaseOf(worker, report)
      while (lease?.job.busy) {
        await lease.job.busy
        lease = this.leaseOf(worker, report)
      }
      // Begun without asking: it held the task as its next one.
      if (!lease && report.event.type === 'started') lease = await this.next.adopt(worker, report)
      const late = lease ? undefined : await this.lateWords(worker, report)
      // What comes again after a lost reply was applied already, or by the call that came first.
      if (report.seq <= worker.reportSeq) continue
      // Said in the same breath as what the event changes: both are in one commit, or neither is.
      worker.reportSeq = report.seq
      this.core.store.saveWorkerReported(worker)
      if (lease) await this.apply(lease, report.event)
      else stale.set(`${report.taskId}/${report.attempt}`, { taskId: report.taskId, attempt: report.attempt })
      late?.()
    }
    const leases = await this.takeNow(worker, take)
    const reserved = more.next === true && this.mayWork(worker) ? await this.next.reserve(worker) : undefined
    const assignments = await this.handOver(leases, undefined)
    const reply: ReportReply = { reportSeq: worker.reportSeq, stale: [...stale.values()], assignments }
    // Somebody may have changed it while the commit was on its way.
    const isHeld = reserved !== undefined && this.leases.reservations.ofWorker(worker.id) === reserved
    if (isHeld) reply.next = this.assignments.ofReservation(reserved)
    return reply
  }

  /** Applies one event of a running attempt; everything is changed before it waits for anything. */
  private async apply(lease: Lease, event: Report['event']): Promise<void> {
    lease.acknowledged = true
    lease.touchedAt = this.core.now()
    const { job, task, attempt } = lease
    switch (event.type) {
      case 'started':
        return
      case 'log':
        return this.attempts.log(job, task, attempt, event.at, event.stream, event.text)
      case 'progress':
        return this.attempts.progress(lease, event.stepsCompleted, event.activity)
      case 'output':
        lease.lastSignAt = this.core.now()
        return this.attempts.addFrames(job, task, attempt, [event])
      case 'finished':
        return this.attempts.end(lease, event)
    }
  }

  /**
   * Late log lines are kept: they tell why. So is with which exit code something ended that was stopped by hand. Everything
   * else of an attempt that no longer holds its task is dropped.
   */
  private async lateWords(worker: WorkerState, { taskId, attempt: number, event }: Report): Promise<(() => void) | undefined> {
    if (event.type !== 'log' && event.type !== 'finished') return undefined
    const found = await this.book.needTask(taskId).catch(ignoreUnknown)
    const attempt = found && (await this.core.store.loadAttempt(found.task.id, number))
    if (!found || attempt?.workerId !== worker.id) return undefined
    if (event.type === 'finished') return () => this.attempts.noteLateEnd(attempt, event)
    return () => this.attempts.log(found.job, found.task, attempt, event.at, event.stream, event.text)
  }

  private leaseOf(worker: WorkerState, fence: Fence): Lease | undefined {
    const hot = this.book.hotTask(fence.taskId)
    if (!hot) return undefined
    for (const lease of this.leases.ofWorker(worker.id).values()) {
      if (lease.job === hot.job && lease.task.index === hot.index) return lease.attempt.number === fence.attempt ? lease : undefined
    }
    return undefined
  }

  private hear(worker: WorkerState, options: TakeOptions): void {
    this.staff.seen(worker)
    if (options.load) this.staff.noteLoad(worker, options.load)
    for (const fence of options.running) {
      const lease = this.leaseOf(worker, fence) ?? this.next.begin(worker, fence)
      if (!lease) continue
      lease.acknowledged = true
      lease.touchedAt = this.core.now()
    }
  }

  /** A reply with work that never arrived must not keep the task until the worker dies. */
  private async takeBackUnheard(worker: WorkerState): Promise<void> {
    const before = this.core.now() - UNACKNOWLEDGED_MS
    for (const lease of [...this.leases.ofWorker(worker.id).values()]) {
      if (!lease.acknowledged && lease.touchedAt < before) await this.attempts.giveBack(lease, `worker ${worker.name} never got it`)
    }
  }

  private mayWork(worker: WorkerState): boolean {
    return worker.approvedAt !== null && worker.status === 'awake' && worker.statusRequested === null
  }

  private takeNow(worker: WorkerState, wanted: number): Promise<Lease[]> {
    if (!this.mayWork(worker)) return Promise.resolve([])
    // Its own count may be ahead of ours: a report with the end of a task may still be on its way.
    const slots = Math.min(wanted, worker.capacity)
    return slots > 0 ? this.dispatcher.take(worker, slots, 'heartbeat') : Promise.resolve([])
  }

  /** Durable before answered; a client that vanished meanwhile gets nothing, and the tasks go back. */
  private async handOver(leases: Lease[], signal: CancelSignal | undefined): Promise<Assignment[]> {
    await this.core.store.durable()
    // A mass update may have taken some of them away meanwhile.
    if (!signal?.aborted)
      return leases.filter((lease) => lease.job.active.get(lease.task.id) === lease).map((lease) => this.assignments.of(lease))
    for (const lease of leases) await this.attempts.giveBack(lease, 'the worker vanished while it was handed out')
    await this.core.store.durable()
    return []
  }

  private hasNews(worker: WorkerState, { running, errands, holds }: TakeOptions): boolean {
    if (worker.statusRequested !== null || this.errands.newFor(worker.id, errands ?? []).length > 0) return true
    if (this.next.recalls(worker, holds).length > 0) return true
    return this.cancellations(worker, running).length > 0 || this.sessions.toClose(worker.id).length > 0
  }

  private cancellations(worker: WorkerState, running: Fence[]): TakeReply['cancel'] {
    if (running.length === 0) return []
    const held = new Set<string>()
    for (const lease of this.leases.ofWorker(worker.id).values()) {
      held.add(`${taskPublicId(lease.job.state.publicId, lease.task.index)}/${lease.attempt.number}`)
    }
    return running
      .filter((fence) => !held.has(`${fence.taskId.toLowerCase()}/${fence.attempt}`) && !this.next.holds(worker, fence))
      .map((fence) => ({ ...fence, reason: 'the task was taken from this attempt: canceled, requeued or done elsewhere' }))
  }
}
