/** The native worker's side of things: long poll for work, ordered reports applied exactly once. */
import { taskPublicId } from '../../shared/ids.ts'
import type { Assignment, Fence, Report, ReportReply, TakeReply } from '../../shared/schemas/agent.ts'
import type { Assignments } from './assignments.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from './core.ts'
import type { Dispatcher } from './dispatcher.ts'
import { StaleAttemptError } from './errors.ts'
import type { TakeOptions } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import type { Lease } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { WorkerState } from './model.ts'
import type { Staff } from './staff.ts'

/** A lease that the worker has not named for this long never reached it: the reply was lost on the way. */
const UNACKNOWLEDGED_MS = 15_000

export class NativeWork {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly staff: Staff,
    private readonly attempts: Attempts,
    private readonly dispatcher: Dispatcher,
    private readonly assignments: Assignments,
  ) {}

  async take(workerId: string, options: TakeOptions): Promise<TakeReply> {
    const worker = this.staff.need(workerId)
    this.staff.welcomeBack(worker)
    this.hear(worker, options)
    await this.takeBackUnheard(worker)
    let leases = await this.takeNow(worker, options.slots)
    if (leases.length === 0 && options.waitMs > 0 && !this.hasNews(worker, options.running)) {
      const slots = this.mayWork(worker) ? options.slots : 0
      leases = await this.dispatcher.wait(worker, slots, options.waitMs, options.signal)
      // The wait itself is a sign of life: the connection stood.
      if (!options.signal.aborted) this.staff.seen(worker)
    }
    const assignments = await this.handOver(leases, options.signal)
    return {
      assignments,
      cancel: this.cancellations(worker, options.running),
      statusRequested: worker.statusRequested,
      statusRequestLazy: worker.statusRequestLazy,
      approved: worker.approvedAt !== null,
    }
  }

  async report(workerId: string, reports: Report[], take: number): Promise<ReportReply> {
    const worker = this.staff.need(workerId)
    this.staff.seen(worker)
    const stale = new Map<string, Fence>()
    for (const report of reports) {
      // What comes again after a lost reply was applied already.
      if (report.seq <= worker.reportSeq) continue
      if (!(await this.apply(worker, report))) stale.set(`${report.taskId}/${report.attempt}`, { taskId: report.taskId, attempt: report.attempt })
      worker.reportSeq = report.seq
    }
    if (reports.length > 0) this.staff.save(worker)
    const leases = await this.takeNow(worker, take)
    const assignments = await this.handOver(leases, undefined)
    return { reportSeq: worker.reportSeq, stale: [...stale.values()], assignments }
  }

  /** Applies one event. False: the attempt no longer holds its task, and nothing but its log was touched. */
  private async apply(worker: WorkerState, report: Report): Promise<boolean> {
    const { event } = report
    const lease = this.leaseOf(worker, report)
    if (!lease) {
      await this.applyLate(worker, report)
      return false
    }
    lease.acknowledged = true
    lease.touchedAt = this.core.now()
    const { job, task, attempt } = lease
    while (job.busy) await job.busy
    switch (event.type) {
      case 'started':
        return true
      case 'log':
        this.attempts.log(job, task, attempt, event.at, event.stream, event.text)
        return true
      case 'progress':
        this.attempts.progress(lease, event.stepsCompleted, event.activity)
        return true
      case 'output':
        lease.lastSignAt = this.core.now()
        this.attempts.addFrames(job, task, attempt, [event])
        return true
      case 'finished':
        try {
          await this.attempts.end(lease, event)
          return true
        } catch (error) {
          if (error instanceof StaleAttemptError) return false
          throw error
        }
    }
  }

  /** Late log lines are kept: they tell why. Everything else of a stale attempt is dropped. */
  private async applyLate(worker: WorkerState, report: Report): Promise<void> {
    if (report.event.type !== 'log') return
    const found = await this.book.needTask(report.taskId).catch(() => undefined)
    const attempt = found && (await this.core.store.loadAttempt(found.task.id, report.attempt))
    if (found && attempt?.workerId === worker.id) {
      this.attempts.log(found.job, found.task, attempt, report.event.at, report.event.stream, report.event.text)
    }
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
      const lease = this.leaseOf(worker, fence)
      if (!lease) continue
      lease.acknowledged = true
      lease.touchedAt = this.core.now()
    }
  }

  /** A reply with work that never arrived must not keep the task until the worker dies. */
  private async takeBackUnheard(worker: WorkerState): Promise<void> {
    const before = this.core.now() - UNACKNOWLEDGED_MS
    for (const lease of [...this.leases.ofWorker(worker.id).values()]) {
      if (!lease.acknowledged && lease.attempt.startedAt < before) await this.attempts.giveBack(lease, `worker ${worker.name} never got it`)
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
  private async handOver(leases: Lease[], signal: AbortSignal | undefined): Promise<Assignment[]> {
    await this.core.store.durable()
    if (!signal?.aborted) return leases.map((lease) => this.assignments.of(lease))
    for (const lease of leases) await this.attempts.giveBack(lease, 'the worker vanished while it was handed out')
    await this.core.store.durable()
    return []
  }

  private hasNews(worker: WorkerState, running: Fence[]): boolean {
    return worker.statusRequested !== null || this.cancellations(worker, running).length > 0
  }

  private cancellations(worker: WorkerState, running: Fence[]): TakeReply['cancel'] {
    const held = new Set<string>()
    for (const lease of this.leases.ofWorker(worker.id).values()) {
      held.add(`${taskPublicId(lease.job.state.publicId, lease.task.index)}/${lease.attempt.number}`)
    }
    return running
      .filter((fence) => !held.has(`${fence.taskId.toLowerCase()}/${fence.attempt}`))
      .map((fence) => ({ ...fence, reason: 'the task was taken from this attempt: canceled, requeued or done elsewhere' }))
  }
}
