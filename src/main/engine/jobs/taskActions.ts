/** What people and clients do to single tasks: requeue, cancel, skip, set a status. */
import { FINISHED_JOB_STATUSES, type TaskStatus } from '../../../shared/enums.ts'
import type { Explanation, TaskAction } from '../../../shared/schemas/jobs/task.ts'
import type { Core } from '../base/core.ts'
import { ConflictError } from '../base/errors.ts'
import type { FarmTasks } from '../base/farmEngine.ts'
import type { RequeueOptions } from '../base/farmRecords.ts'
import type { HandOut } from '../base/handOut.ts'
import type { TaskState } from '../base/model.ts'
import type { TaskRerun } from '../base/ports.ts'
import type { Explainer } from '../queue/explainer.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import type { Leases } from '../queue/leases.ts'
import type { Others } from '../queue/otherWorkers.ts'
import { statusLine } from '../rules/attemptLines.ts'
import { taskOrderKey } from '../rules/orderKey.ts'
import type { AttemptLog } from './attemptLog.ts'
import type { Attempts } from './attempts.ts'
import type { JobEdits } from './jobEdits.ts'
import { taskForFrames } from './requeueFrames.ts'
import { checkOptions, choiceOf, named } from './requeueOptions.ts'
import type { Transitions } from './transitions.ts'

interface TaskActionsParts {
  book: JobCache
  leases: Leases
  transitions: Transitions
  attempts: Attempts
  others: Others
  logs: AttemptLog
  edits: JobEdits
  explainer: Explainer
}

export class TaskActions implements FarmTasks {
  constructor(
    private readonly core: Core,
    private readonly parts: TaskActionsParts,
  ) {}

  explain(taskId: string): Promise<Explanation> {
    return this.parts.explainer.explain(taskId)
  }

  onHandOut(kind: string, handOut: HandOut): void {
    this.core.handOuts.register(kind, handOut)
  }

  async act(taskId: string, action: TaskAction, actor: string, options: RequeueOptions = {}): Promise<void> {
    checkOptions(action, options)
    await this.parts.book.changeTask(taskId, async (job, task) => {
      if (job.state.deletedAt !== null) throw new ConflictError('the job is deleted')
      if (action === 'requeue' || action === 'requeue-elsewhere') {
        const excludedWorker = action === 'requeue-elsewhere' ? this.lastRunner(job, task) : undefined
        const activity = `Requeued by ${actor}${excludedWorker === undefined ? '' : ', to run elsewhere'}${named(options.frames)}`
        const { frames } = options
        const rerun = {
          ...(frames ? await taskForFrames(this.core.store, job, task, frames) : { taskId: task.id }),
          ...choiceOf(options),
          // Rendering elsewhere is for finding out whether the result is the same.
          ...(excludedWorker !== undefined && { compare: true }),
        }
        return this.requeueTask(job, task, activity, `task "${task.name}" was requeued by ${actor}`, { excludedWorker, rerun })
      }
      if (task.status === 'completed') throw new ConflictError(`task "${task.name}" is already completed; requeue it instead`)
      return this.override(
        job,
        task,
        action === 'skip' ? 'completed' : 'canceled',
        `${action === 'skip' ? 'Skipped' : 'Canceled'} by ${actor}`,
      )
    })
    await this.core.store.durable()
  }

  /** Whether this attempt holds its task now. */
  holds(taskId: string, attempt: number): boolean {
    const hot = this.parts.book.hotTask(taskId)
    return hot?.job.leaseOf(hot.index)?.attempt.number === attempt
  }

  /** Has the running attempt stopped; its end completes the task. @throws NotFoundError, ConflictError when nothing runs */
  async halt(taskId: string, reason: string): Promise<void> {
    await this.parts.book.changeTask(taskId, (job, task) => {
      const lease = job.active.get(task.id)
      if (!lease) throw new ConflictError(`task "${task.name}" is not running`)
      this.parts.attempts.halt(lease, reason)
      return Promise.resolve()
    })
    await this.core.store.durable()
  }

  /** See FarmTasks.drop. */
  async drop(jobId: string, tasks: readonly number[], what: 'tasks' | 'logs'): Promise<void> {
    const job = await this.parts.book.find(jobId)
    if (!job) return
    if (what === 'tasks') await this.parts.book.drop(job, tasks)
    else await this.core.store.dropLogs(job.state.id, tasks)
    await this.core.store.durable()
  }

  /** Flamenco's setTaskStatus: no status is refused. */
  async setStatus(taskId: string, wanted: TaskStatus, reason: string): Promise<void> {
    await this.parts.book.changeTask(taskId, async (job, task) => {
      if (job.state.deletedAt !== null) throw new ConflictError('the job is deleted')
      // In a job that ended, both requeue it.
      const status = wanted === 'soft-failed' && FINISHED_JOB_STATUSES.includes(job.state.status) ? 'queued' : wanted
      // In a job that ended, it would stay queued forever.
      if (status === 'queued' && ['failed', 'canceled', 'cancel-requested'].includes(job.state.status)) {
        const from = task.status
        await this.requeueTask(job, task, reason, `task "${task.name}" was queued`)
        await this.parts.logs.appendToLast(job, task, statusLine(from, status))
        return
      }
      if (status === 'queued') {
        this.parts.edits.unblockIfAllBlocked(job, task.kind)
        job.forgetFailures(task)
        this.core.store.clearTaskFailures(task.id)
        task.retries = 0
        task.notBefore = null
        if (job.state.queueOrder !== 'task-ages') {
          task.orderKey = taskOrderKey(task.priority, task.index)
          this.core.store.saveOrderKey(task.id, task.orderKey)
        }
        task.rerun = JSON.stringify({ from: task.attempts })
        this.core.store.saveRerun(task)
      }
      await this.override(job, task, status, reason)
      // A waiting worker may have been excluded by its own failure.
      if (status === 'queued') this.parts.book.ready.emit()
    })
    await this.core.store.durable()
  }

  /** The worker to exclude from a task that must run elsewhere. @throws ConflictError when no worker ran it, or no other could */
  private lastRunner(job: JobRuntime, task: TaskState): number {
    if (task.workerId === null) throw new ConflictError(`task "${task.name}" has not run yet; requeue it without excluding a worker`)
    if (!this.parts.others.couldRunElsewhere(job, task, task.workerId)) {
      throw new ConflictError(`no other worker could run task "${task.name}"; see why on its page, or add a worker`)
    }
    return task.workerId
  }

  /** A status set from outside: ends running attempts, and reopens what was completed. Nothing is awaited before the change. */
  private async override(job: JobRuntime, task: TaskState, status: TaskStatus, activity: string): Promise<void> {
    const lease = job.active.get(task.id)
    if (lease && status !== 'active' && this.parts.attempts.close(lease, 'canceled', { outcome: 'stopped', reason: activity })) {
      this.parts.leases.takenAway.emit(lease.worker.id)
    }
    if (task.status === 'completed' && status !== 'completed') {
      const change = (): Promise<void> => this.core.store.overrideTaskStatus(task.id, status, activity, this.core.now())
      return this.parts.edits.bulk(job, change, () => {
        if (status !== 'queued' || job.state.status !== 'completed') return
        // Of a job that only rests, the others have ended for good.
        const to = job.state.policy.restsAs === undefined ? 'requeueing' : 'queued'
        return this.parts.transitions.job(job, to, 'task was queued')
      })
    }
    const from = task.status
    await this.parts.transitions.task(job, task, status, activity, lease?.attempt)
    if (lease) this.parts.book.refreshSharers(job)
    else if (from !== status) await this.parts.logs.appendToLast(job, task, statusLine(from, status))
  }

  /** Requeues the task and everything that depends on it, and reopens their job. Everything else of the job stays. */
  private requeueTask(
    job: JobRuntime,
    task: TaskState,
    activity: string,
    reason: string,
    { excludedWorker, rerun = { taskId: task.id } }: { excludedWorker?: number | undefined; rerun?: TaskRerun } = {},
  ): Promise<void> {
    this.parts.edits.unblockIfAllBlocked(job, task.kind)
    const change = (): Promise<number> => this.core.store.resetWithDependents([rerun], activity, this.core.now(), excludedWorker)
    return this.parts.edits.bulk(job, change, () => this.parts.edits.reopen(job, reason))
  }
}
