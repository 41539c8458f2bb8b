/** What is recorded about the results of tasks beside their reports: lines of the farm, frames, previews, warnings. */
import type { NewWarning, WarningCode } from '../../../shared/schemas/jobs/warning.ts'
import { fitWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { Core } from '../base/core.ts'
import { NotFoundError } from '../base/errors.ts'
import type { FarmResults } from '../base/farmEngine.ts'
import type { NewFrame } from '../base/farmRecords.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { AttemptLog } from './attemptLog.ts'
import type { Attempts } from './attempts.ts'
import type { Warnings } from './warnings.ts'

const NO_PREVIEW = fitWarning({ code: 'preview-failed', text: 'no preview image could be created for a frame' })

export class Results implements FarmResults {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly attempts: Attempts,
    private readonly warnings: Warnings,
    private readonly logs: AttemptLog,
  ) {}

  async appendFarmLog(taskId: string, text: string) {
    const { job, task } = await this.book.needTask(taskId)
    const attempt = job.active.get(task.id)?.attempt ?? (await this.core.store.loadAttempt(task.id, task.attempts))
    if (!attempt) return
    this.logs.farmLine(job, task, attempt, text)
    await this.core.store.durable()
  }
  async addFrames(taskId: string, attemptNumber: number, frames: NewFrame[]) {
    const { job, task } = await this.book.needTask(taskId)
    const lease = job.active.get(task.id)
    const attempt = lease?.attempt.number === attemptNumber ? lease.attempt : await this.core.store.loadAttempt(task.id, attemptNumber)
    if (!attempt) throw new NotFoundError('attempt', `${taskId}:${attemptNumber}`)
    this.attempts.addFrames(job, task, attempt, frames)
    await this.core.store.durable()
  }
  async warn(jobId: string, taskIndex: number | null, warning: NewWarning) {
    await this.warnings.add(jobId, taskIndex, warning)
    await this.core.store.durable()
  }
  async replaceWarnings(jobId: string, code: WarningCode, warnings: readonly Omit<NewWarning, 'code'>[]) {
    await this.warnings.replace(jobId, code, warnings)
    await this.core.store.durable()
  }
  async setFramePreview(
    taskId: string,
    path: string,
    preview: 'ready' | 'failed',
    about?: { width?: number; height?: number; problem?: string },
    light = false,
  ) {
    const { job, task } = await this.book.needTask(taskId)
    this.core.store.setFramePreview(job.state.id, path, preview, about, light)
    // The frame has the reason; one common text makes it one warning of the job.
    if (preview === 'failed') this.warnings.ofAttempt(job, task, { number: task.attempts }, NO_PREVIEW)
    this.core.store.afterCommit(() =>
      this.core.bus.emit({
        type: 'frame',
        at: this.core.now(),
        jobId: job.state.publicId,
        taskId,
        attempt: task.attempts,
        frame: null,
        path,
        preview,
      }),
    )
    await this.core.store.durable()
  }
  async lastRendered(jobId: string) {
    const job = await this.book.need(jobId)
    job.state.lastRenderedAt = this.core.now()
    this.core.store.saveJobCounters(job.state)
    this.core.store.afterCommit(() => this.core.bus.emit({ type: 'last-rendered', at: this.core.now(), jobId: job.state.publicId }))
    await this.core.store.durable()
  }
}
