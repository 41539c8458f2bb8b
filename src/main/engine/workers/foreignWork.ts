/**
 * Foreign workers (Flamenco §2.1): one task at a time, no attempt id on the wire. The fence is the active (task,
 * worker) pair: an update for a task that this worker is not running is refused, its log lines are kept.
 */
import type { ForeignEngine } from '../base/farmEngine.ts'
import type { Outcome } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import type { Assignments } from '../jobs/assignments.ts'
import type { AttemptLog } from '../jobs/attemptLog.ts'
import type { Attempts } from '../jobs/attempts.ts'
import type { ForeignCompletion } from '../jobs/foreignCompletion.ts'
import type { Core } from '../base/core.ts'
import type { Dispatcher } from '../queue/dispatcher.ts'
import {
  ignoreUnknown,
  InvalidInputError,
  NotFoundError,
  StaleAttemptError,
  StatusChangeRequestedError,
  WorkerNotAwakeError,
} from '../base/errors.ts'
import type { ForeignTask, ForeignUpdate, MayKeepRunning } from '../base/foreignTask.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { Lease } from '../queue/jobRuntime.ts'
import type { Leases } from '../queue/leases.ts'
import type { WorkerState } from '../base/model.ts'
import type { Prefetch } from '../queue/prefetch.ts'
import type { WorkerRoster } from './workerRoster.ts'
import type { Transitions } from '../jobs/transitions.ts'
import { RUNNABLE_JOB_STATUSES } from '../../../shared/enums.ts'

interface ForeignWorkParts {
  book: JobCache
  leases: Leases
  roster: WorkerRoster
  attempts: Attempts
  dispatcher: Dispatcher
  transitions: Transitions
  assignments: Assignments
  next: Prefetch
  completion: ForeignCompletion
  logs: AttemptLog
}

export class ForeignWork implements ForeignEngine {
  constructor(
    private readonly core: Core,
    private readonly parts: ForeignWorkParts,
  ) {}

  async schedule(workerId: string): Promise<ForeignTask | undefined> {
    const worker = this.parts.roster.need(workerId)
    this.parts.roster.seen(worker)
    if (worker.statusRequested !== null) throw new StatusChangeRequestedError(worker.statusRequested)
    if (worker.status !== 'awake' || worker.approvedAt === null) throw new WorkerNotAwakeError(worker.status)
    const held = this.resumable(worker)
    let lease = held ?? (await this.parts.dispatcher.take(worker, 1, 'heartbeat'))[0]
    // A foreign worker that gets nothing comes back after 20 s: what its own completion has just released must not be missed.
    if (!lease && ((await this.parts.completion.settleSoon(worker.id)) || (await this.parts.transitions.released()))) {
      await this.parts.transitions.released()
      lease = (await this.parts.dispatcher.take(worker, 1, 'heartbeat'))[0]
    }
    if (!lease) {
      this.parts.next.recallFor(worker)
      return undefined
    }
    lease.touchedAt = this.core.now()
    this.parts.roster.announce(worker, null)
    await this.core.store.durable()
    return {
      assignment: await this.parts.assignments.of(lease),
      priority: lease.task.priority,
      jobPriority: lease.job.state.priority,
      stepsCompleted: lease.task.stepsCompleted,
      again: lease === held,
    }
  }

  async update(workerId: string, taskId: string, update: ForeignUpdate): Promise<void> {
    const worker = this.parts.roster.need(workerId)
    this.parts.roster.seen(worker)
    if (update.status === 'soft-failed')
      throw new InvalidInputError('taskStatus', 'a worker reports "failed"; whether that is soft is up to the Manager')
    let lease = this.leaseOf(worker, taskId)
    while (lease?.job.busy) {
      await lease.job.busy
      lease = this.leaseOf(worker, taskId)
    }
    if (!lease) return this.late(worker, taskId, update)
    lease.touchedAt = this.core.now()
    const held = lease
    const say = (): void => this.recordUpdate(held, update)
    const tooLong = update.log ? this.parts.attempts.overLogLimit(held, true, Buffer.byteLength(wholeLines(update.log))) : undefined
    if (tooLong !== undefined) {
      say()
      await this.parts.attempts.endAtLogLimit(held, tooLong)
      return this.core.store.durable()
    }
    if (update.status === 'completed' && !held.reportedDone) {
      const isDone = await this.parts.completion.begin(held, say).catch((error: unknown) => {
        if (error instanceof StaleAttemptError) return this.late(worker, taskId, update)
        throw error
      })
      if (isDone !== false) return this.core.store.durable()
    }
    say()
    if (update.status !== undefined && update.status !== 'active') await this.endAs(held, update.status, update.activity ?? '')
    await this.core.store.durable()
  }

  private recordUpdate(lease: Lease, { log, activity, stepsCompleted }: ForeignUpdate): void {
    if (log) this.parts.logs.append(lease.job, lease.task, lease.attempt, this.core.now(), 'stdout', wholeLines(log))
    if (activity !== undefined || stepsCompleted !== undefined) this.parts.attempts.progress(lease, stepsCompleted, activity)
  }

  /** Whether the worker is running the task now. */
  runs(workerId: string, taskId: string): boolean {
    return this.leaseOf(this.parts.roster.need(workerId), taskId) !== undefined
  }

  async mayKeepRunning(workerId: string, taskId: string): Promise<MayKeepRunning> {
    const worker = this.parts.roster.need(workerId)
    const lease = this.leaseOf(worker, taskId)
    const found = lease ?? (await this.parts.book.needTask(taskId).catch(ignoreUnknown))
    const no = (reason: string, statusChangeRequested = false): MayKeepRunning => ({ mayKeepRunning: false, reason, statusChangeRequested })
    if (!found) return no('Task not found')
    this.parts.roster.seen(worker)
    if (worker.statusRequested !== null && !worker.statusRequestLazy) return no('worker status change requested', true)
    if (lease) {
      lease.touchedAt = this.core.now()
      return YES
    }
    if (found.task.workerId !== worker.id) return no('task not assigned to this worker')
    return no(`task is in non-runnable status "${found.task.status}"`)
  }

  /** A task that is already this worker's is handed out again before anything else. */
  private resumable(worker: WorkerState): Lease | undefined {
    for (const lease of this.parts.leases.ofWorker(worker.id).values()) {
      if (RUNNABLE_JOB_STATUSES.includes(lease.job.state.status) && !lease.job.busy && !lease.reportedDone) return lease
    }
    return undefined
  }

  private async endAs(lease: Lease, status: NonNullable<ForeignUpdate['status']>, activity: string): Promise<void> {
    // It reported completion before, and its files are being checked.
    if (lease.reportedDone) return this.parts.completion.decided(lease)
    const ending = (outcome: Outcome, exitCode: number | null = null) => ({ outcome, exitCode, reason: activity })
    if (status === 'completed') return this.parts.attempts.end(lease, ending('success', 0))
    if (status === 'failed') return this.parts.attempts.end(lease, ending('exit-code', exitCodeIn(activity)))
    if (status === 'queued') return this.parts.attempts.giveBack(lease, english('worker.gave-back', { worker: lease.worker.name }))
    // canceled or paused by the worker itself: as it says.
    if (!this.parts.attempts.close(lease, 'canceled', { outcome: 'stopped', reason: activity })) return
    await this.parts.transitions.task(lease.job, lease.task, status, activity, lease.attempt)
    this.parts.book.refreshSharers(lease.job)
  }

  /** Changes nothing but the log of the attempt that the worker had. @throws NotFoundError, StaleAttemptError */
  private async late(worker: WorkerState, taskId: string, update: ForeignUpdate): Promise<void> {
    const { job, task } = await this.parts.book.needTask(taskId)
    if (job.state.deletedAt !== null) throw new NotFoundError('task', taskId)
    if (update.log && task.attempts > 0) {
      const attempt = job.active.get(task.id)?.attempt ?? (await this.core.store.loadAttempt(task.id, task.attempts))
      // What is over for the length of its log gets no longer.
      if (attempt?.workerId === worker.id && attempt.outcome !== 'log-limit')
        this.parts.logs.append(job, task, attempt, this.core.now(), 'stdout', wholeLines(update.log))
    }
    await this.core.store.durable()
    const holder = job.active.get(task.id)
    if (holder) throw new StaleAttemptError(`task ${taskId} is assigned to worker ${holder.worker.publicId}, not to you`)
    throw new StaleAttemptError(`task ${taskId} is in status "${task.status}" and not assigned to you`)
  }

  private leaseOf(worker: WorkerState, taskId: string): Lease | undefined {
    const hot = this.parts.book.hotTask(taskId)
    if (!hot) return undefined
    for (const lease of this.parts.leases.ofWorker(worker.id).values()) {
      if (lease.job === hot.job && lease.task.index === hot.index) return lease
    }
    return undefined
  }
}

const YES: MayKeepRunning = { mayKeepRunning: true, reason: '', statusChangeRequested: false }

/** Each update of a Flamenco Worker ends a line, as in the original's log files. */
function wholeLines(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

/** The exit code in a Flamenco Worker's message, null when it contains none. */
function exitCodeIn(activity: string): number | null {
  const match = /exited abnormally with code (-?\d+)/.exec(activity)
  return match ? Number(match[1]) : null
}
