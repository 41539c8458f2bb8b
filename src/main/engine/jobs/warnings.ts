/** Warnings about results that count. None are in memory: the store sums, clears and counts them (migration 0012). */
import { taskPublicId } from '../../../shared/ids.ts'
import { fitWarning, type NewWarning, type ReportedWarning, type WarningCode } from '../../../shared/schemas/jobs/warning.ts'
import type { Core } from '../base/core.ts'
import { NotFoundError } from '../base/errors.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import type { AttemptState, TaskState } from '../base/model.ts'

export class Warnings {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
  ) {}

  /** A warning of a running attempt, or of one that ends with it: committed with the other changes of the same turn. */
  ofAttempt(job: JobRuntime, task: TaskState, attempt: Pick<AttemptState, 'number'>, warning: ReportedWarning): void {
    this.say(job, task, attempt.number, warning)
  }

  /** A finding of the manager about a job or a task's last attempt. @throws NotFoundError */
  async add(jobId: string, taskIndex: number | null, warning: NewWarning): Promise<void> {
    const job = await this.book.need(jobId)
    const task = taskIndex === null ? null : await this.book.taskOf(job, taskIndex)
    if (task === undefined) throw new NotFoundError('task', `${jobId}/${taskIndex}`)
    this.say(job, task, task?.attempts ?? 0, fitWarning(warning))
  }

  /** Replaces the job's own warnings with this code. @throws NotFoundError, UnavailableError */
  async replace(jobId: string, code: WarningCode, warnings: readonly Omit<NewWarning, 'code'>[]): Promise<void> {
    const job = await this.book.need(jobId)
    this.core.store.clearJobWarnings(job.state.id, [code])
    // Added rows precede statements of the same commit.
    await this.core.store.durable()
    for (const warning of warnings) this.say(job, null, 0, fitWarning({ ...warning, code }))
  }

  private say(job: JobRuntime, task: TaskState | null, attempt: number, warning: ReportedWarning): void {
    const at = this.core.now()
    const { code, text, count } = warning
    this.core.store.addWarning(job.state.id, task && { taskId: task.id, attempt }, warning, at)
    if (!this.core.bus.wants('warning')) return
    const jobId = job.state.publicId
    const taskId = task && taskPublicId(jobId, task.index)
    this.core.store.afterCommit(() => this.core.bus.emit({ type: 'warning', at, jobId, taskId, code, text, count }))
  }
}
