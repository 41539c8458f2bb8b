/**
 * Foreign workers (Flamenco §2.1): one task at a time, no attempt id on the wire. The fence is the active (task, worker)
 * pair: an update for a task that this worker does not run now is refused, its log lines are kept.
 */
import type { Outcome } from '../../shared/enums.ts'
import type { Assignments } from './assignments.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from './core.ts'
import type { Dispatcher } from './dispatcher.ts'
import {
  ignoreUnknown,
  InvalidInputError,
  NotFoundError,
  StaleAttemptError,
  StatusChangeRequestedError,
  WorkerNotAwakeError,
} from './errors.ts'
import type { ForeignTask, ForeignUpdate, MayKeepRunning } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import type { Lease } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { WorkerState } from './model.ts'
import type { NextTasks } from './nextTasks.ts'
import type { Staff } from './staff.ts'
import type { Transitions } from './transitions.ts'
import { RUNNABLE_JOB_STATUSES } from '../../shared/enums.ts'

export class ForeignWork {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly staff: Staff,
    private readonly attempts: Attempts,
    private readonly dispatcher: Dispatcher,
    private readonly transitions: Transitions,
    private readonly assignments: Assignments,
    private readonly next: NextTasks,
  ) {}

  async schedule(workerId: string): Promise<ForeignTask | undefined> {
    const worker = this.staff.need(workerId)
    this.staff.seen(worker)
    if (worker.statusRequested !== null) throw new StatusChangeRequestedError(worker.statusRequested)
    if (worker.status !== 'awake' || worker.approvedAt === null) throw new WorkerNotAwakeError(worker.status)
    let lease = this.resumable(worker) ?? (await this.dispatcher.take(worker, 1, 'heartbeat'))[0]
    // A foreign worker that gets nothing comes back after 20 s: what its own completion has just released must not be missed.
    if (!lease && (await this.transitions.released())) lease = (await this.dispatcher.take(worker, 1, 'heartbeat'))[0]
    if (!lease) {
      this.next.recallFor(worker)
      return undefined
    }
    lease.touchedAt = this.core.now()
    this.staff.announce(worker, null)
    await this.core.store.durable()
    return {
      assignment: this.assignments.of(lease),
      priority: lease.task.priority,
      jobPriority: lease.job.state.priority,
      stepsCompleted: lease.task.stepsCompleted,
    }
  }

  async update(workerId: string, taskId: string, update: ForeignUpdate): Promise<void> {
    const worker = this.staff.need(workerId)
    this.staff.seen(worker)
    if (update.status === 'soft-failed')
      throw new InvalidInputError('taskStatus', 'a worker reports "failed"; whether that is soft is up to the Manager')
    let lease = this.leaseOf(worker, taskId)
    while (lease?.job.busy) {
      await lease.job.busy
      lease = this.leaseOf(worker, taskId)
    }
    if (!lease) return this.late(worker, taskId, update)
    const { job, task, attempt } = lease
    lease.touchedAt = this.core.now()
    if (update.log) this.attempts.log(job, task, attempt, this.core.now(), 'stdout', update.log)
    if (update.activity !== undefined || update.stepsCompleted !== undefined) {
      this.attempts.progress(lease, update.stepsCompleted, update.activity)
    }
    if (update.status !== undefined && update.status !== 'active') await this.endAs(lease, update.status, update.activity ?? '')
    await this.core.store.durable()
  }

  async mayKeepRunning(workerId: string, taskId: string): Promise<MayKeepRunning> {
    const worker = this.staff.need(workerId)
    const lease = this.leaseOf(worker, taskId)
    const found = lease ?? (await this.book.needTask(taskId).catch(ignoreUnknown))
    const no = (reason: string, statusChangeRequested = false): MayKeepRunning => ({ mayKeepRunning: false, reason, statusChangeRequested })
    if (!found) return no('Task not found')
    this.staff.seen(worker)
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
    for (const lease of this.leases.ofWorker(worker.id).values()) {
      if (RUNNABLE_JOB_STATUSES.includes(lease.job.state.status) && !lease.job.busy) return lease
    }
    return undefined
  }

  private async endAs(lease: Lease, status: NonNullable<ForeignUpdate['status']>, activity: string): Promise<void> {
    const ending = (outcome: Outcome, exitCode: number | null = null) => ({ outcome, exitCode, reason: activity })
    if (status === 'completed') return this.attempts.end(lease, ending('success', 0))
    if (status === 'failed') return this.attempts.end(lease, ending('exit-code', exitCodeIn(activity)))
    if (status === 'queued') return this.attempts.giveBack(lease, `worker ${lease.worker.name} gave it back`)
    // canceled or paused by the worker itself: as it says.
    if (!this.attempts.close(lease, 'canceled', { outcome: 'stopped', reason: activity })) return
    await this.transitions.task(lease.job, lease.task, status, activity, lease.attempt)
    this.book.refreshSharers(lease.job)
  }

  /** Nothing changes but the log of the attempt that the worker had. @throws NotFoundError, StaleAttemptError */
  private async late(worker: WorkerState, taskId: string, update: ForeignUpdate): Promise<void> {
    const { job, task } = await this.book.needTask(taskId)
    if (job.state.deletedAt !== null) throw new NotFoundError('task', taskId)
    if (update.log && task.attempts > 0) {
      const attempt = job.active.get(task.id)?.attempt ?? (await this.core.store.loadAttempt(task.id, task.attempts))
      if (attempt?.workerId === worker.id) this.attempts.log(job, task, attempt, this.core.now(), 'stdout', update.log)
    }
    await this.core.store.durable()
    const holder = job.active.get(task.id)
    if (holder) throw new StaleAttemptError(`task ${taskId} is assigned to worker ${holder.worker.publicId}, not to you`)
    throw new StaleAttemptError(`task ${taskId} is in status "${task.status}" and not assigned to you`)
  }

  private leaseOf(worker: WorkerState, taskId: string): Lease | undefined {
    const hot = this.book.hotTask(taskId)
    if (!hot) return undefined
    for (const lease of this.leases.ofWorker(worker.id).values()) {
      if (lease.job === hot.job && lease.task.index === hot.index) return lease
    }
    return undefined
  }
}

const YES: MayKeepRunning = { mayKeepRunning: true, reason: '', statusChangeRequested: false }

/** The exit code in a Flamenco Worker's words, null when it names none. */
function exitCodeIn(activity: string): number | null {
  const match = /exited abnormally with code (-?\d+)/.exec(activity)
  return match ? Number(match[1]) : null
}
