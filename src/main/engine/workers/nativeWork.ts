/** The protocol of native workers: long poll for work, ordered reports applied exactly once. */
import { taskPublicId } from '../../../shared/ids.ts'
import { english } from '../../../shared/said/said.ts'
import type { NativeEngine } from '../base/farmEngine.ts'
import type { Assignment, Fence, Report, ReportReply, TakeReply } from '../../../shared/schemas/agent.ts'
import type { Assignments } from '../jobs/assignments.ts'
import type { AttemptLog } from '../jobs/attemptLog.ts'
import type { Attempts } from '../jobs/attempts.ts'
import type { Core } from '../base/core.ts'
import type { Dispatcher } from '../queue/dispatcher.ts'
import type { WorkerRequests } from './workerRequests.ts'
import { ignoreStale, ignoreUnknown } from '../base/errors.ts'
import type { CancelSignal } from '../base/cancelSignal.ts'
import type { ReportExtras, TakeOptions } from '../base/farmRecords.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { Lease } from '../queue/jobRuntime.ts'
import type { Leases } from '../queue/leases.ts'
import type { WorkerState } from '../base/model.ts'
import type { Prefetch } from '../queue/prefetch.ts'
import type { WarmApps } from '../queue/warmApps.ts'
import type { Machines } from './machines.ts'
import type { WorkerRoster } from './workerRoster.ts'
import type { Warnings } from '../jobs/warnings.ts'

/** A lease that the worker has not named after this time never reached it: the reply was lost. */
const UNACKNOWLEDGED_MS = 15_000

/** For callers that cannot disconnect. */
const NEVER: CancelSignal = { aborted: false, addEventListener: () => undefined, removeEventListener: () => undefined }

interface NativeWorkParts {
  book: JobCache
  leases: Leases
  roster: WorkerRoster
  machines: Machines
  attempts: Attempts
  dispatcher: Dispatcher
  assignments: Assignments
  sessions: WarmApps
  requests: WorkerRequests
  next: Prefetch
  warnings: Warnings
  logs: AttemptLog
}

export class NativeWork implements NativeEngine {
  constructor(
    private readonly core: Core,
    private readonly parts: NativeWorkParts,
  ) {}

  async take(workerId: string, options: TakeOptions, signal: CancelSignal = NEVER): Promise<TakeReply> {
    const worker = this.parts.roster.need(workerId)
    this.parts.roster.resume(worker)
    this.parts.roster.confirm(worker, options.status)
    if (options.returned) this.parts.next.returned(worker, options.returned)
    this.recordHeartbeat(worker, options)
    if (options.sessions) await this.parts.sessions.recordReport(worker, options.sessions)
    await this.reclaimUnacknowledged(worker)
    let leases = await this.takeNow(worker, options.slots)
    const isAnswer = options.returned !== undefined && options.returned.length > 0
    if (leases.length === 0 && options.waitMs > 0 && !isAnswer && !this.hasNews(worker, options)) {
      const slots = this.mayWork(worker) ? options.slots : 0
      leases = await this.parts.dispatcher.wait(worker, slots, options.waitMs, signal)
      // The wait itself is a sign of life: the connection was open.
      if (!signal.aborted) this.parts.roster.seen(worker)
    }
    // Nothing to store: a worker that only listens is answered even while the disk is full.
    const isListening = leases.length === 0 && !this.core.store.hasRoom
    const assignments = isListening ? [] : await this.handOver(leases, signal)
    const closeWarmApps = this.parts.sessions.toClose(worker.id)
    const recall = this.parts.next.recalls(worker, options.holds)
    const requests = worker.approvedAt === null ? [] : this.parts.requests.newFor(worker.id, options.requests ?? [])
    // Conditional spreads would do the same several times as slowly, and every task passes here.
    this.parts.roster.noteRequestSent(worker)
    const cancel = this.cancellations(worker, options.running)
    for (const { halt } of this.parts.leases.ofWorker(worker.id).values())
      if (halt && isHaltDue(halt, this.core.now())) halt.sentAt = this.core.now()
    const reply: TakeReply = {
      assignments,
      cancel,
      statusRequested: worker.statusRequested,
      statusRequestLazy: worker.statusRequestLazy,
      approved: worker.approvedAt !== null,
    }
    if (closeWarmApps.length > 0) reply.closeWarmApps = closeWarmApps
    if (recall.length > 0) reply.recall = recall
    if (requests.length > 0) reply.requests = requests
    return reply
  }

  async report(workerId: string, reports: Report[], take: number, more: ReportExtras = {}): Promise<ReportReply> {
    const worker = this.parts.roster.need(workerId)
    this.parts.roster.seen(worker)
    if (more.sessions) await this.parts.sessions.recordReport(worker, more.sessions)
    const stale = new Map<string, Fence>()
    for (const report of reports) {
      let lease = this.leaseOf(worker, report)
      while (lease?.job.busy) {
        await lease.job.busy
        lease = this.leaseOf(worker, report)
      }
      // Begun without asking: it held the task as its next one.
      if (!lease && report.event.type === 'started') lease = await this.parts.next.adopt(worker, report)
      const late = lease ? undefined : await this.lateReport(worker, report)
      // A report repeated after a lost reply was already applied, possibly by the call that came first.
      if (report.seq <= worker.reportSeq) continue
      // The event's changes and its sequence number are committed together.
      worker.reportSeq = report.seq
      this.core.store.saveWorkerReported(worker)
      if (lease) await this.apply(lease, report.event)
      else stale.set(`${report.taskId}/${report.attempt}`, { taskId: report.taskId, attempt: report.attempt })
      late?.()
    }
    const leases = await this.takeNow(worker, take)
    const reserved = more.next === true && this.mayWork(worker) ? await this.parts.next.reserve(worker) : undefined
    const assignments = await this.handOver(leases, undefined)
    const reply: ReportReply = { reportSeq: worker.reportSeq, stale: [...stale.values()], assignments }
    // A person may have changed it while the commit was in progress.
    const isHeld = reserved !== undefined && this.parts.leases.reservations.ofWorker(worker.id) === reserved
    if (isHeld) reply.next = this.parts.assignments.ofReservation(reserved)
    return reply
  }

  /** Applies one event of a running attempt; changes everything before it awaits anything. */
  private async apply(lease: Lease, event: Report['event']): Promise<void> {
    lease.acknowledged = true
    lease.touchedAt = this.core.now()
    const { job, task, attempt } = lease
    switch (event.type) {
      case 'started':
        return
      case 'log': {
        this.parts.logs.append(job, task, attempt, event.at, event.stream, event.text)
        const tooLong = this.parts.attempts.overLogLimit(lease, false)
        return tooLong === undefined ? undefined : this.parts.attempts.endAtLogLimit(lease, tooLong)
      }
      case 'progress':
        return this.parts.attempts.progress(lease, event.stepsCompleted, event.activity)
      case 'output':
        lease.lastSignAt = this.core.now()
        return this.parts.attempts.addFrames(job, task, attempt, [event])
      case 'warning':
        lease.lastSignAt = this.core.now()
        return this.parts.warnings.ofAttempt(job, task, attempt, event)
      case 'inputs':
        return this.core.store.saveInputs(attempt.id, event.inputs)
      case 'result':
        lease.lastSignAt = this.core.now()
        return this.parts.attempts.addResult(lease, event.at, event.data)
      case 'result-files':
        lease.lastSignAt = this.core.now()
        if (job.state.resultsRoot !== null) this.core.store.announceResults(attempt, event.files)
        return undefined
      case 'finished':
        return this.parts.attempts.end(lease, event)
    }
  }

  /**
   * Late log lines are kept, because they explain the end. So is the exit code of an attempt that was stopped manually.
   * Everything else of an attempt that no longer holds its task is dropped.
   */
  private async lateReport(worker: WorkerState, { taskId, attempt: number, event }: Report): Promise<(() => void) | undefined> {
    if (event.type !== 'log' && event.type !== 'finished') return undefined
    const found = await this.parts.book.needTask(taskId).catch(ignoreUnknown)
    const attempt = found && (await this.core.store.loadAttempt(found.task.id, number))
    if (!found || attempt?.workerId !== worker.id) return undefined
    if (event.type === 'finished') return () => this.parts.attempts.recordLateResult(attempt, event)
    // What is over for the length of its log gets no longer.
    if (attempt.outcome === 'log-limit') return undefined
    return () => this.parts.logs.append(found.job, found.task, attempt, event.at, event.stream, event.text)
  }

  private leaseOf(worker: WorkerState, fence: Fence): Lease | undefined {
    const hot = this.parts.book.hotTask(fence.taskId)
    if (!hot) return undefined
    for (const lease of this.parts.leases.ofWorker(worker.id).values()) {
      if (lease.job === hot.job && lease.task.index === hot.index) return lease.attempt.number === fence.attempt ? lease : undefined
    }
    return undefined
  }

  private recordHeartbeat(worker: WorkerState, options: TakeOptions): void {
    this.parts.roster.seen(worker)
    if (options.load) this.parts.machines.noteLoad(worker, options.load)
    for (const fence of options.running) {
      const lease = this.leaseOf(worker, fence) ?? this.parts.next.begin(worker, fence)
      if (!lease) continue
      lease.acknowledged = true
      lease.touchedAt = this.core.now()
    }
  }

  /** An assignment whose reply was lost must not hold the task until the worker dies. */
  private async reclaimUnacknowledged(worker: WorkerState): Promise<void> {
    const before = this.core.now() - UNACKNOWLEDGED_MS
    for (const lease of [...this.parts.leases.ofWorker(worker.id).values()]) {
      if (!lease.acknowledged && lease.touchedAt < before)
        await this.parts.attempts.giveBack(lease, english('worker.never-got-it', { worker: worker.name }))
    }
  }

  private mayWork(worker: WorkerState): boolean {
    return worker.approvedAt !== null && worker.status === 'awake' && worker.statusRequested === null
  }

  private takeNow(worker: WorkerState, wanted: number): Promise<Lease[]> {
    if (!this.mayWork(worker)) return Promise.resolve([])
    // Its own count may be ahead of ours: a report with the end of a task may still be in transit.
    const slots = Math.min(wanted, worker.capacity)
    return slots > 0 ? this.parts.dispatcher.take(worker, slots, 'heartbeat') : Promise.resolve([])
  }

  /** Durable before answered; a client that disconnected in the meantime gets nothing, and the tasks are requeued. */
  private async handOver(leases: Lease[], signal: CancelSignal | undefined): Promise<Assignment[]> {
    await this.core.store.durable()
    // A mass update may have taken some of them away in the meantime.
    if (!signal?.aborted) {
      const kept = leases.filter((lease) => lease.job.active.get(lease.task.id) === lease)
      for (const lease of leases) if (!kept.includes(lease)) await this.parts.attempts.noteNeverBegun(lease)
      return this.describe(kept)
    }
    for (const lease of leases) await this.parts.attempts.giveBack(lease, english('worker.vanished'))
    await this.core.store.durable()
    return []
  }

  private async describe(leases: Lease[]): Promise<Assignment[]> {
    const assignments: Assignment[] = []
    for (const lease of leases) {
      const assignment = await this.describeOne(lease)
      if (assignment && lease.job.active.get(lease.task.id) === lease) assignments.push(assignment)
    }
    return assignments
  }

  /** Undefined when the task cannot be handed out as it is: its attempt has ended then. */
  private async describeOne(lease: Lease): Promise<Assignment | undefined> {
    try {
      return await this.parts.assignments.of(lease)
    } catch (error) {
      if (this.core.handOuts.of(lease.task.kind) === undefined) throw error
      const reason = error instanceof Error ? error.message : String(error)
      this.core.log.warn({ task: lease.task.name, reason }, 'a task could not be handed out')
      await this.parts.attempts.end(lease, { outcome: 'could-not-start', exitCode: null, reason }).catch(ignoreStale)
      await this.core.store.durable()
      return undefined
    }
  }

  private hasNews(worker: WorkerState, { running, requests, holds }: TakeOptions): boolean {
    if (worker.statusRequested !== null || this.parts.requests.newFor(worker.id, requests ?? []).length > 0) return true
    if (this.parts.next.recalls(worker, holds).length > 0) return true
    return this.cancellations(worker, running).length > 0 || this.parts.sessions.toClose(worker.id).length > 0
  }

  private cancellations(worker: WorkerState, running: Fence[]): TakeReply['cancel'] {
    if (running.length === 0) return []
    const held = new Map<string, Lease>()
    for (const lease of this.parts.leases.ofWorker(worker.id).values()) {
      held.set(`${taskPublicId(lease.job.state.publicId, lease.task.index)}/${lease.attempt.number}`, lease)
    }
    const canceled: TakeReply['cancel'] = []
    for (const fence of running) {
      const lease = held.get(`${fence.taskId.toLowerCase()}/${fence.attempt}`)
      // An attempt that is halted keeps its task until it has ended.
      if (lease?.halt && isHaltDue(lease.halt, this.core.now())) canceled.push({ ...fence, reason: lease.halt.reason })
      if (lease || this.parts.next.holds(worker, fence)) continue
      canceled.push({ ...fence, reason: 'the task was taken from this attempt: canceled, requeued or done elsewhere' })
    }
    return canceled
  }
}

/** A reply that was lost is sent again; until then the worker is stopping it. */
function isHaltDue({ sentAt }: NonNullable<Lease['halt']>, now: number): boolean {
  return sentAt === undefined || now - sentAt >= UNACKNOWLEDGED_MS
}
