/**
 * The only place that writes a task's or a job's status. Each change is saved, counted, announced after its commit, and
 * followed by what it means for barriers, for the job and for jobs that depend on it (rules: jobRules.ts).
 */
import { FINISHED_JOB_STATUSES, type JobStatus, type TaskStatus } from '../../shared/enums.ts'
import { taskPublicId } from '../../shared/ids.ts'
import { plural, pluralDo } from '../../shared/plural.ts'
import { isReadFromAttempt, statusLine } from './attemptLines.ts'
import type { Core } from './core.ts'
import type { JobBook } from './jobBook.ts'
import type { JobRuntime } from './jobRuntime.ts'
import { effectOfJobStatus, jobAfterTaskChange, type JobStatusEffect } from './jobRules.ts'
import type { AttemptState, TaskState } from './model.ts'

const RUNNABLE: readonly TaskStatus[] = ['queued', 'soft-failed']
const ENDED: readonly TaskStatus[] = ['completed', 'failed', 'canceled']

export class Transitions {
  /** Writes a line of the farm's into an attempt's log; whoever keeps the logs sets it. */
  writeLine: (job: JobRuntime, task: TaskState, attempt: AttemptState, text: string) => void = () => undefined
  /** Dependents of completed tasks and jobs being loaded. */
  private readonly releases = new Set<Promise<void>>()

  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    /** Told when the farm's status may have changed. */
    private readonly onJobStatus: () => void,
  ) {}

  /**
   * Gives a task that is not completed a new status (completed ones are reopened in bulk, since others may wait for them
   * or have run after them). Resolves at once unless the job's own status brings a mass update with it.
   * @param attempt the one that begins or ends with this, or the last one: its log tells of the change
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
    if (attempt && !isReadFromAttempt(attempt, to)) this.writeLine(job, task, attempt, statusLine(from, to))
    if (job.state.watched.tasks && ENDED.includes(to)) {
      const { origin, publicId: jobId } = job.state
      this.core.store.addOutbox(`${origin}:task-ended`, { jobId, index: task.index, status: to }, now)
    }
    this.announceTask(job, task, from)
    if (RUNNABLE.includes(to)) this.book.enqueue(job, task)

    const change = jobAfterTaskChange(job.state, to, job.state.policy)
    if (change) await this.job(job, change.status, change.reason)
    else this.book.refresh(job)
    if (ENDED.includes(to)) await this.closeIfStuck(job)
  }

  /** Counts a task's steps; clamped to its total. */
  setSteps(job: JobRuntime, task: TaskState, steps: number): void {
    const clamped = Math.max(0, Math.min(steps, task.stepsTotal))
    job.state.stepsCompleted += clamped - task.stepsCompleted
    task.stepsCompleted = clamped
  }

  /** Gives a job a new status, with the mass update and the follow-up that its table names. */
  async job(job: JobRuntime, to: JobStatus, reason: string): Promise<void> {
    const from = job.state.status
    if (from === to) return
    this.writeJobStatus(job, to, reason)
    await this.enforce(job, from, to, reason)
  }

  /** Applies what a job's status asks for, also again: jobs that were caught in between by a crash. */
  async enforce(job: JobRuntime, from: JobStatus, to: JobStatus, reason?: string): Promise<void> {
    const effect = effectOfJobStatus(from, to)
    const tasks = effect.tasks
    if (tasks) {
      const change = (): Promise<number> =>
        this.core.store.bulkTaskStatus(job.state.id, tasks.from, tasks.to, tasks.activity, this.core.now())
      await this.book.bulk(job, change, () => {
        this.announceJob(job, null, true)
        this.goOn(job, to, effect, reason)
      })
    } else {
      this.goOn(job, to, effect, reason)
    }
  }

  /** The status that follows by itself. None of these brings a mass update, so nobody ever sees the job in between. */
  private goOn(job: JobRuntime, at: JobStatus, effect: JobStatusEffect, reason: string | undefined): void {
    const next = effect.next?.(job.state.counts, job.state.taskCount)
    // Somebody may have changed the job while the mass update ran; then theirs is the newer will.
    // Why it was cancelled is what people want to read, not that it was.
    if (next && job.state.status === at) void this.job(job, next.status, at === 'cancel-requested' ? (reason ?? next.reason) : next.reason)
    else this.book.refresh(job)
  }

  /** A job whose rest can never run any more (it waits for what failed or was canceled) is done with. */
  async closeIfStuck(job: JobRuntime): Promise<void> {
    if (!looksStuck(job)) return
    const { bulks } = job
    // What the last completion released is on disk then, though it may not be in a queue yet.
    await this.core.store.durable()
    if (await this.core.store.hasReadyTasks(job.state.id)) return
    if (!looksStuck(job) || job.bulks !== bulks) return
    const { failed, canceled } = job.state.counts
    if (failed > 0) await this.job(job, 'failed', `${plural(failed, 'task')} failed, and what is left depends on that`)
    else await this.job(job, 'cancel-requested', `${pluralDo(canceled, 'task', 'was', 'were')} canceled, and what is left depends on that`)
  }

  private writeJobStatus(job: JobRuntime, to: JobStatus, reason: string): void {
    const now = this.core.now()
    const from = job.state.status
    job.state.status = to
    job.state.activity = `Changed to status "${to}": ${reason}`
    job.state.updatedAt = now
    if (to === 'active') job.state.startedAt ??= now
    job.state.finishedAt = isEnd(to) ? now : null
    this.core.store.saveJob(job.state)
    if (isEnd(to) && (job.state.watched.job || this.core.settings().notifications.length > 0)) {
      this.core.store.addOutbox('job-ended', { jobId: job.state.publicId, status: to }, now)
    }
    this.announceJob(job, from, false)
    if (to === 'completed' || from === 'completed') {
      this.core.store.countWaitingJobs(job.state.id)
      this.core.store.afterCommit(() => this.follow(this.tellDependentJobs(job)))
    }
    this.onJobStatus()
  }

  /** Jobs that depend on this one wait for one job less or more: it stands on disk, memory follows. */
  private async tellDependentJobs(job: JobRuntime): Promise<void> {
    try {
      await this.noteWaits(await this.core.store.loadJobDependents(job.state.id))
    } catch (error) {
      this.core.log.error({ error, job: job.state.publicId }, 'dependent jobs could not be told')
    }
  }

  /** How many unfinished jobs these jobs wait for now. */
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

  /** True after a wait when dependents were still on their way into the queues: whoever found nothing may look again. */
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
      this.book.onReady()
    } catch (error) {
      this.core.log.error({ error, job: job.state.publicId }, 'released tasks could not be loaded')
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

  /** A task's steps moved; its status did not. */
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

/** Nothing runs and nothing in memory could: whether something else can, the database knows. */
function looksStuck(job: JobRuntime): boolean {
  const { status, counts } = job.state
  if ((status !== 'active' && status !== 'queued') || job.busy || job.delayed.size > 0) return false
  if (counts.active > 0 || counts.paused > 0 || counts.failed + counts.canceled === 0) return false
  if (counts.queued + counts['soft-failed'] === 0) return false
  for (const queue of job.queues.values()) if (queue.size > 0) return false
  return true
}
