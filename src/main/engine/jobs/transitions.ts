/**
 * The only place that writes a task's or a job's status. Each change is saved, counted, announced after its commit, and
 * applied to barriers, to the job and to jobs that depend on it (rules: jobRules.ts).
 */
import { FINISHED_JOB_STATUSES, type JobStatus, type TaskStatus } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import { isReadFromAttempt, statusLine } from '../rules/attemptLines.ts'
import type { AttemptLog } from './attemptLog.ts'
import type { Core } from '../base/core.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import { effectOfJobStatus, jobAfterTaskChange, type JobStatusEffect } from '../rules/jobRules.ts'
import type { AttemptState, TaskState } from '../base/model.ts'

const RUNNABLE: readonly TaskStatus[] = ['queued', 'soft-failed']
const ENDED: readonly TaskStatus[] = ['completed', 'failed', 'canceled']

/** What other parts of the engine do when a job's status changes. */
interface TransitionHooks {
  /** A job has a new status, so the farm's status may have changed too. */
  jobChanged(): void
  /** Whether a job with all tasks done is not completed yet (finalLooks.ts). */
  looksFirst(job: JobRuntime, reason: string): boolean
}

export class Transitions {
  /** Dependents of completed tasks and jobs that are being loaded. */
  private readonly releases = new Set<Promise<void>>()

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly logs: AttemptLog,
    private readonly hooks: TransitionHooks,
  ) {}

  /**
   * Gives a task that is not completed a new status (completed ones are reopened in bulk, because others may wait for
   * them or have run after them). Resolves immediately unless the job's own new status involves a mass update.
   * @param attempt the one that begins or ends with this, or the last one: its log records the change
   */
  async task(job: JobRuntime, task: TaskState, to: TaskStatus, activity?: string, attempt?: AttemptState): Promise<void> {
    const now = this.core.now()
    const from = task.status
    if (activity !== undefined) task.activity = activity
    task.updatedAt = now
    if (from === to) {
      this.book.saveTask(job, task)
      return
    }
    task.status = to
    job.state.counts[from]--
    job.state.counts[to]++
    if (to === 'completed') this.setSteps(job, task, task.stepsTotal)
    if (to === 'queued') this.setSteps(job, task, 0)
    if (to === 'active') task.startedAt = now
    task.finishedAt = ENDED.includes(to) ? now : null
    if (RUNNABLE.includes(from) && to !== 'active') this.book.withdraw(job, task)
    if (to === 'completed') this.memberCompleted(job, task)
    job.state.updatedAt = now
    this.book.saveTask(job, task)
    this.core.store.saveJobCounters(job.state)
    if (attempt && !isReadFromAttempt(attempt, to)) this.logs.farmLine(job, task, attempt, statusLine(from, to))
    if (job.state.watched.tasks && ENDED.includes(to)) {
      const { origin, publicId: jobId } = job.state
      this.core.store.addOutbox(`${origin}:task-ended`, { jobId, index: task.index, status: to }, now)
    }
    this.announceTask(job, task, from)
    if (RUNNABLE.includes(to)) this.book.enqueue(job, task)

    const change = jobAfterTaskChange(job.state, to, job.state.policy)
    if (change) await this.job(job, change.status, change.reason)
    else this.book.refresh(job)
    if (ENDED.includes(to) || to === 'paused') await this.closeIfStuck(job)
  }

  /** Counts a task's steps; clamped to its total. */
  setSteps(job: JobRuntime, task: TaskState, steps: number): void {
    const clamped = Math.max(0, Math.min(steps, task.stepsTotal))
    job.state.stepsCompleted += clamped - task.stepsCompleted
    task.stepsCompleted = clamped
  }

  /** Gives a job a new status, with the mass update and the follow-up from its table. */
  async job(job: JobRuntime, to: JobStatus, reason: string): Promise<void> {
    const from = job.state.status
    if (from === to) return
    // Its files are checked first; the result comes back here.
    if (to === 'completed' && this.hooks.looksFirst(job, reason)) return this.book.refresh(job)
    this.writeJobStatus(job, to, reason)
    await this.enforce(job, from, to, reason)
  }

  /** Applies what a job's status requires, also again: for jobs that a crash interrupted. */
  async enforce(job: JobRuntime, from: JobStatus, to: JobStatus, reason?: string): Promise<void> {
    const effect = effectOfJobStatus(from, to)
    const tasks = effect.tasks
    if (tasks) {
      const change = (): Promise<number> =>
        // Requeued by a person: earlier results are history.
        this.core.store.bulkTaskStatus(
          job.state.id,
          tasks.from,
          tasks.to,
          tasks.activity,
          this.core.now(),
          undefined,
          tasks.to === 'queued' ? {} : undefined,
        )
      await this.book.bulk(job, change, () => {
        this.announceJob(job, null, true)
        this.goOn(job, to, effect, reason)
      })
    } else {
      this.goOn(job, to, effect, reason)
    }
  }

  /**
   * Applies the status that follows automatically. None of these involves a mass update, so no client sees the job in
   * between.
   */
  private goOn(job: JobRuntime, at: JobStatus, effect: JobStatusEffect, reason: string | undefined): void {
    const next = effect.next?.(job.state.counts, job.state.taskCount, job.state.policy)
    // A person may have changed the job during the mass update; then that change wins. People want to read why it was
    // canceled, not that it was.
    if (next && job.state.status === at) void this.job(job, next.status, at === 'cancel-requested' ? (reason ?? next.reason) : next.reason)
    else this.book.refresh(job)
  }

  /**
   * A job whose remaining tasks can never run (they wait for failed or canceled ones) ends, or stays paused with the
   * paused task that they wait for. `because`: the reason, if known.
   */
  async closeIfStuck(job: JobRuntime, because?: string): Promise<void> {
    if (!looksStuck(job)) return
    const { bulks } = job
    // Tasks that the last completion released are on disk then, though perhaps not in a queue yet.
    await this.core.store.durable()
    if (await this.core.store.hasReadyTasks(job.state.id)) return
    if (!looksStuck(job) || job.bulks !== bulks) return
    const { failed, canceled, paused } = job.state.counts
    if (paused > 0) await this.job(job, 'paused', english('job.stuck-paused'))
    else if (failed > 0) await this.job(job, 'failed', because ?? english('job.stuck-failed', { n: failed }))
    else await this.job(job, 'cancel-requested', english('job.stuck-canceled', { n: canceled }))
  }

  private writeJobStatus(job: JobRuntime, to: JobStatus, reason: string): void {
    const now = this.core.now()
    const from = job.state.status
    job.state.status = to
    const why = to === 'failed' && job.state.firstFailure !== null ? `${reason}. First failure: ${job.state.firstFailure}` : reason
    job.state.activity = `Changed to status "${to}": ${why}`
    job.state.updatedAt = now
    if (to === 'active') job.state.startedAt ??= now
    job.state.finishedAt = isEnd(to) ? now : null
    this.core.store.saveJob(job.state)
    this.logJob(job, to, why)
    if (isEnd(to) && (job.state.watched.job || this.core.settings().notifications.length > 0)) {
      this.core.store.addOutbox('job-ended', { jobId: job.state.publicId, status: to }, now)
    }
    this.announceJob(job, from, false)
    if (to === 'completed' || from === 'completed') {
      this.core.store.countWaitingJobs(job.state.id)
      this.core.store.afterCommit(() => this.follow(this.notifyDependentJobs(job)))
    }
    this.hooks.jobChanged()
  }

  /** The status changes that an operator looks for in the manager's log; an intermediate status is followed by its final one. */
  private logJob({ state }: JobRuntime, to: JobStatus, reason: string): void {
    if (to === 'pause-requested' || to === 'cancel-requested' || to === 'requeueing') return
    this.core.log.info({ job: state.publicId, name: state.name, reason }, `job ${to}`)
  }

  /** Jobs that depend on this one wait for one job less or more: recorded on disk, memory follows. */
  private async notifyDependentJobs(job: JobRuntime): Promise<void> {
    try {
      await this.noteWaits(await this.core.store.loadJobDependents(job.state.id))
    } catch (error) {
      this.core.log.error({ error, job: job.state.publicId }, 'cannot update dependent jobs')
    }
  }

  /** Updates how many unfinished jobs these jobs wait for. */
  async noteWaits(waits: { jobId: number; unmet: number }[]): Promise<void> {
    for (const { jobId, unmet } of waits) {
      const dependent = await this.book.findById(jobId)
      if (!dependent || dependent.state.unmetJobs === unmet) continue
      dependent.state.unmetJobs = unmet
      this.book.refresh(dependent)
      this.announceJob(dependent, null, false)
    }
  }

  private memberCompleted(job: JobRuntime, task: TaskState): void {
    const remaining = task.groupId === null ? undefined : job.groups.get(task.groupId)
    if (task.groupId !== null && remaining !== undefined) {
      job.groups.set(task.groupId, remaining - 1)
      this.core.store.saveGroup(task.groupId, remaining - 1)
      if (remaining === 1) {
        const groupId = task.groupId
        this.core.store.releaseDependents(groupId)
        this.core.store.afterCommit(() => this.follow(this.release(job, { groupId })))
      }
    }
    if (job.hasEdges) {
      this.core.store.releaseEdgeDependents(task.id)
      this.core.store.afterCommit(() => this.follow(this.release(job, { taskId: task.id })))
    }
  }

  /** True after a wait when dependents were still on their way into the queues: a caller that found nothing may try again. */
  async released(): Promise<boolean> {
    if (this.releases.size === 0) return false
    await Promise.all(this.releases)
    return true
  }

  private follow(work: Promise<void>): void {
    const release = work.finally(() => this.releases.delete(release))
    this.releases.add(release)
  }

  private async release(job: JobRuntime, by: { groupId: number } | { taskId: number }): Promise<void> {
    try {
      await this.book.release(job, () => this.core.store.loadReleased(by))
      this.book.ready.emit()
    } catch (error) {
      this.core.log.error({ error, job: job.state.publicId }, 'cannot load released tasks')
    }
  }

  private announceTask(job: JobRuntime, task: TaskState, previous: TaskStatus | null): void {
    if (!this.core.bus.wants('task')) return
    const event = {
      type: 'task' as const,
      at: this.core.now(),
      jobId: job.state.publicId,
      taskId: taskPublicId(job.state.publicId, task.index),
      status: task.status,
      previousStatus: previous,
      workerId: job.active.get(task.id)?.worker.publicId ?? null,
    }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }

  /** A task's steps changed; its status did not. */
  announceSteps(job: JobRuntime, task: TaskState): void {
    this.announceTask(job, task, null)
    this.announceJob(job, null, false)
  }

  /** `previous` null: something of the job changed, but not its status. */
  announceJob(job: JobRuntime, previous: JobStatus | null, bulk: boolean): void {
    if (!this.core.bus.wants('job')) return
    const event = {
      type: 'job' as const,
      at: this.core.now(),
      jobId: job.state.publicId,
      status: job.state.status,
      previousStatus: previous,
      bulk,
      deleted: job.state.deletedAt !== null,
    }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }
}

const isEnd = (status: JobStatus): boolean => FINISHED_JOB_STATUSES.includes(status)

/**
 * Nothing runs and nothing in memory could: only the database knows whether anything else can. Tasks of a job that rests
 * depend on none, so they only look like it: while they are on their way to the disk.
 */
function looksStuck(job: JobRuntime): boolean {
  const { status, counts, policy } = job.state
  if (policy.restsAs !== undefined) return false
  if ((status !== 'active' && status !== 'queued') || job.busy || job.delayed.size > 0) return false
  if (counts.active > 0 || counts.failed + counts.canceled + counts.paused === 0) return false
  if (counts.queued + counts['soft-failed'] === 0) return false
  for (const queue of job.queues.values()) if (queue.size > 0) return false
  return true
}
