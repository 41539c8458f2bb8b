/** The course and end of attempts: progress, frames, results. The failure policy decides, this file acts. */
import { FINISHED_JOB_STATUSES, type AttemptStatus, type Outcome } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import { fitWarning } from '../../../shared/schemas/jobs/warning.ts'
import { statusLine } from '../rules/attemptLines.ts'
import type { AttemptLog } from './attemptLog.ts'
import type { Core } from '../base/core.ts'
import { StaleAttemptError } from '../base/errors.ts'
import { decideFailure, isToBlame } from '../rules/failurePolicy.ts'
import type { NewFrame } from '../base/farmRecords.ts'
import type { JobCache } from '../queue/jobCache.ts'
import { workerKind, type JobRuntime, type Lease } from '../queue/jobRuntime.ts'
import type { Leases } from '../queue/leases.ts'
import type { AttemptState, TaskState, WorkerState } from '../base/model.ts'
import { retryOrderKey } from '../rules/orderKey.ts'
import type { Others } from '../queue/otherWorkers.ts'
import { errorLine } from '../rules/errorLine.ts'
import { logLimitReached } from '../rules/timeouts.ts'
import type { Transitions } from './transitions.ts'
import type { Warnings } from './warnings.ts'

/** A foreign worker gets a task that was taken from it back only after this time: it may still be running it. */
const AVOID_MS = 60_000

export interface Ending {
  outcome: Outcome
  exitCode: number | null
  reason: string
  result?: unknown
  metrics?: unknown
}

interface AttemptsParts {
  book: JobCache
  leases: Leases
  transitions: Transitions
  others: Others
  workerById: (id: number) => WorkerState | undefined
  warnings: Warnings
  logs: AttemptLog
}

export class Attempts {
  constructor(
    private readonly core: Core,
    private readonly parts: AttemptsParts,
  ) {}

  /** Ends the attempt. @throws StaleAttemptError when it no longer holds its task */
  async end(lease: Lease, ending: Ending): Promise<void> {
    const { job, task, attempt } = lease
    while (job.busy) await job.busy
    const status =
      ending.outcome === 'success' ? 'completed' : ending.outcome === 'lost' ? 'lost' : ending.outcome === 'stopped' ? 'canceled' : 'failed'
    if (!this.close(lease, status, ending)) throw new StaleAttemptError('the attempt no longer holds its task')
    attempt.result = ending.result === undefined ? null : JSON.stringify(ending.result)
    attempt.metrics = ending.metrics === undefined ? null : JSON.stringify(ending.metrics)
    task.touchedAt = attempt.endedAt
    if (ending.outcome === 'success') await this.complete(lease)
    else if (lease.halt && ending.outcome !== 'could-not-start') await this.afterHalt(lease, 'completed')
    else await this.afterFailure(lease, ending)
    this.parts.book.refreshSharers(job)
  }

  /**
   * Records how an attempt ended and removes its lease; the caller must set the task's new status before it awaits
   * anything. False: the lease was already gone, and nothing was changed.
   */
  close(lease: Lease, status: AttemptStatus, ending: Pick<Ending, 'outcome' | 'reason'> & { exitCode?: number | null }): boolean {
    if (!this.parts.leases.remove(lease)) return false
    const { attempt } = lease
    attempt.status = status
    attempt.outcome = ending.outcome
    attempt.exitCode = ending.exitCode ?? null
    attempt.reason = ending.reason
    attempt.endedAt = this.core.now()
    this.core.store.saveAttempt(attempt)
    return true
  }

  /** A stopped attempt has ended by now: records its exit code and result, its status stays. */
  recordLateResult(attempt: AttemptState, ending: Ending): void {
    if (attempt.status !== 'canceled' || attempt.exitCode !== null) return
    attempt.exitCode = ending.exitCode
    // An empty result also marks the end: a caller that waits for the exit code knows that there is none.
    if (ending.result !== undefined || attempt.exitCode === null) attempt.result = JSON.stringify(ending.result ?? null)
    if (ending.metrics !== undefined) attempt.metrics = JSON.stringify(ending.metrics)
    this.core.store.saveAttempt(attempt)
  }

  /** It was stopped before its worker received it. */
  async noteNeverBegun(lease: Lease): Promise<void> {
    const attempt = await this.core.store.loadAttempt(lease.task.id, lease.attempt.number)
    if (attempt) this.recordLateResult(attempt, { outcome: 'stopped', exitCode: null, reason: attempt.reason })
  }

  /** The worker lost the task or returned it: requeues it without counting a failure. */
  async giveBack(lease: Lease, reason: string): Promise<void> {
    const { job, task, attempt, worker } = lease
    while (job.busy) await job.busy
    if (!this.close(lease, 'lost', { outcome: 'lost', reason })) return
    this.parts.leases.takenAway.emit(worker.id)
    if (lease.halt) return this.afterHalt(lease, 'canceled')
    if (worker.adapter === 'flamenco') job.avoid.set(task.id, { workerId: worker.id, until: this.core.now() + AVOID_MS })
    const pausing = isPausing(job)
    const activity = english(pausing ? 'task.paused-by-farm' : 'task.queued-by-farm', { why: reason })
    this.parts.logs.farmLine(job, task, attempt, activity)
    await this.parts.transitions.task(job, task, pausing ? 'paused' : 'queued', activity, attempt)
    this.parts.book.refreshSharers(job)
  }

  /** Returns everything that a worker runs, and the task it holds as its next one; `keeps`: but for these. */
  async giveBackAll(worker: WorkerState, reason: string, keeps: (lease: Lease) => boolean = () => false): Promise<void> {
    this.parts.leases.reservations.giveBackOf(worker.id)
    for (const lease of [...this.parts.leases.ofWorker(worker.id).values()])
      if (!lease.reportedDone && !keeps(lease)) await this.giveBack(lease, reason)
  }

  /**
   * Asks the worker to stop the attempt. It keeps its task until the worker reports its end, which completes the task: what follows
   * it in its lane begins only then.
   */
  halt(lease: Lease, reason: string): void {
    if (lease.halt) return
    lease.halt = { reason }
    this.parts.logs.farmLine(lease.job, lease.task, lease.attempt, reason)
    this.parts.leases.takenAway.emit(lease.worker.id)
  }

  /** A result that the attempt's program handed over: bytes in base64. */
  addResult({ job, task, attempt }: Lease, at: number, data: string): void {
    const bytes = Buffer.byteLength(data, 'base64')
    this.core.store.addResult(job.state.id, task.id, attempt.id, { at, bytes, body: data })
    if (!this.core.bus.wants('result')) return
    const taskId = taskPublicId(job.state.publicId, task.index)
    const event = { type: 'result' as const, at, jobId: job.state.publicId, taskId, attempt: attempt.number, bytes }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }

  /** Fails a running attempt without asking the policy (Flamenco's task timeout). */
  async failHard(lease: Lease, outcome: Outcome, reason: string): Promise<void> {
    const { job, task, attempt } = lease
    while (job.busy) await job.busy
    if (!this.close(lease, 'failed', { outcome, reason })) return
    this.parts.leases.takenAway.emit(lease.worker.id)
    this.parts.logs.farmLine(job, task, attempt, reason)
    await this.failed(job, task, attempt, reason)
    this.parts.book.refreshSharers(job)
  }

  /** Why an attempt with a log of this size must end, or undefined. @param counts only the manager counts (foreign workers) @param more bytes that arrive now */
  overLogLimit({ job, attempt, reportedDone }: Lease, counts: boolean, more = 0): string | undefined {
    return reportedDone === true ? undefined : logLimitReached(attempt.logBytes + more, job.state.policy, counts)
  }

  async endAtLogLimit(lease: Lease, reason: string): Promise<void> {
    await this.end(lease, { outcome: 'log-limit', exitCode: null, reason })
    this.parts.leases.takenAway.emit(lease.worker.id)
  }

  /** Steps done so far and the worker's activity; counts as a sign of life. */
  progress(lease: Lease, steps: number | undefined, activity: string | undefined): void {
    const { job, task } = lease
    const now = this.core.now()
    lease.lastSignAt = now
    const before = task.stepsCompleted
    if (steps !== undefined) this.parts.transitions.setSteps(job, task, steps)
    if (activity !== undefined) task.activity = activity
    task.updatedAt = now
    this.parts.book.saveTask(job, task)
    if (task.stepsCompleted === before) return
    job.state.updatedAt = now
    this.core.store.saveJobCounters(job.state)
    this.parts.transitions.announceSteps(job, task)
  }

  addFrames(job: JobRuntime, task: TaskState, attempt: AttemptState, frames: NewFrame[]): void {
    const at = this.core.now()
    job.framesFrom?.add(attempt.workerId)
    const lease = job.active.get(task.id)
    if (lease?.attempt === attempt) lease.unnamed = false
    for (const frame of frames) {
      this.core.store.addFrame(job.state.id, task.id, attempt.id, frame, at)
      this.core.store.afterCommit(() =>
        this.core.bus.emit({
          type: 'frame',
          at,
          jobId: job.state.publicId,
          taskId: taskPublicId(job.state.publicId, task.index),
          attempt: attempt.number,
          frame: frame.frame,
          path: frame.path,
          preview: 'none',
        }),
      )
    }
  }

  /** The end of an attempt that was halted: nothing is tried again. `canceled`: its end is unknown. */
  private async afterHalt({ job, task, attempt, halt }: Lease, to: 'completed' | 'canceled'): Promise<void> {
    await this.parts.transitions.task(job, task, to, halt?.reason ?? '', attempt)
    this.parts.book.refreshSharers(job)
  }

  /** The worker completed it; this may show that workers which failed it before are at fault. */
  private async complete({ job, task, attempt, worker }: Lease): Promise<void> {
    this.dropRemoved(job, task)
    const failers = job.noteCompletion(task, worker.id)
    this.core.store.addCompletion(job.state.id, worker.id, task.kind)
    const blamed = failers.flatMap((id) => this.parts.workerById(id) ?? []).filter((failer) => this.blame(job, task.kind, failer))
    await this.parts.transitions.task(job, task, 'completed', 'Completed', attempt)
    for (const failer of blamed) await this.retryFailedOf(job, task, failer)
  }

  /** A task that merges parts removes them: they are no longer listed. */
  private dropRemoved(job: JobRuntime, task: TaskState): void {
    for (const { parameters } of job.commandsOf(task)) {
      const folder = parameters['removes']
      const name = typeof folder === 'string' ? /[^\\/]+$/.exec(folder)?.[0] : undefined
      if (name !== undefined) this.core.store.removeFramesIn(job.state.id, name)
    }
  }

  private async afterFailure(lease: Lease, ending: Ending): Promise<void> {
    const { job, task, attempt, worker } = lease
    const policy = job.state.policy
    const now = this.core.now()
    const failedBy = job.failures.get(task.id)
    const others = this.parts.others.of(job, task, worker.id)
    const facts = {
      outcome: ending.outcome,
      exitCode: ending.exitCode,
      licenceLine: lease.licenceLine,
      workersFailed: (failedBy?.size ?? 0) + (failedBy?.has(worker.id) ? 0 : 1),
      retries: task.retries + 1,
      othersHere: others.here,
      othersAway: others.away,
    }
    const decision = decideFailure(policy, facts)
    if (decision.task === 'completed') {
      attempt.status = 'completed'
      attempt.outcome = 'success'
      await this.complete(lease)
      return
    }
    let blamed = false
    if (decision.counted) {
      task.retries++
      if (job.noteFailure(task.id, worker.id, task.kind)) this.core.store.addFailure(task.id, worker.id, job.state.id, task.kind, now)
      this.noteFirstFailure(lease, ending)
      blamed = this.blame(job, task.kind, worker)
      this.parts.logs.farmLine(job, task, attempt, failureLine(decision.task, facts.workersFailed, decision.left))
    }
    task.notBefore = decision.delayMs > 0 ? now + decision.delayMs : null
    const keepsPlace = job.state.queueOrder === 'task-ages' || this.parts.book.laneOrder.inOrder(job)
    if (decision.task === 'soft-failed' && !keepsPlace) {
      task.orderKey = retryOrderKey(task.priority, task.index, task.retries)
      this.core.store.saveOrderKey(task.id, task.orderKey)
    }
    const to = isPausing(job) && decision.task !== 'failed' ? 'paused' : decision.task
    const { reason, outcome } = ending
    this.core.log.info({ job: job.state.publicId, task: task.name, worker: worker.name, outcome, reason }, `task ${to}`)
    if (to === 'failed') await this.failed(job, task, attempt, ending.reason)
    else await this.parts.transitions.task(job, task, to, ending.reason, attempt)
    if (blamed) await this.retryFailedOf(job, task, worker)
  }

  /**
   * The task failed for good. No task waits for the result of an optional one: its failure is a warning, and the job
   * continues.
   */
  async failed(job: JobRuntime, task: TaskState, attempt: AttemptState | undefined, reason: string): Promise<void> {
    if (!task.optional) return this.parts.transitions.task(job, task, 'failed', reason, attempt)
    const text = english('warning.optional-task-failed', { task: task.name, why: reason || 'no reason known' })
    this.parts.warnings.ofAttempt(job, task, { number: task.attempts }, fitWarning({ code: 'optional-task-failed', text }))
    if (attempt)
      this.parts.logs.farmLine(job, task, attempt, `The task is optional: its failure is a warning, and the job goes on. Reason: ${reason}`)
    await this.parts.transitions.task(job, task, 'completed', english('task.optional', { why: reason }), attempt)
  }

  /** The explanation when the job fails: which task failed first, where, and the error of its program. */
  private noteFirstFailure({ job, task, worker, tail }: Lease, { reason, exitCode, outcome }: Ending): void {
    if (job.state.firstFailure !== null || task.optional) return
    const how = reason || (exitCode === null ? outcome : `exit code ${exitCode}`)
    const line = errorLine(tail)
    job.state.firstFailure = `task "${task.name}" on ${worker.name}: ${how}${line === undefined || how.includes(line) ? '' : `: ${line}`}`
    this.core.store.saveJob(job.state)
  }

  /** Blocks the worker for this kind of the job when it is at fault rather than the tasks. True: it was blocked now. */
  private blame(job: JobRuntime, kind: string, worker: WorkerState): boolean {
    const key = workerKind(worker.id, kind)
    if (job.blocks.has(key)) return false
    const facts = { ...job.tallies(worker.id, kind), othersLeft: this.parts.others.ofKind(job, kind, worker.id) }
    if (!isToBlame(job.state.policy, facts)) return false
    job.blocks.add(key)
    this.core.store.addBlock(job.state.id, worker.id, kind, this.core.now())
    this.core.log.warn({ job: job.state.publicId, worker: worker.name, kind }, 'worker blocked for the job')
    // A worker that failed a task may get it again when all others are blocked.
    this.parts.book.ready.emit()
    return true
  }

  /** Final failures of a blocked worker are retried elsewhere; its failures stay in counts and history. */
  private async retryFailedOf(job: JobRuntime, last: TaskState, worker: WorkerState): Promise<void> {
    const activity = english('task.retrying', { worker: worker.name, kind: last.kind })
    // The last one's end may not be on disk yet.
    const indices = new Set((await this.core.store.loadFailedTasks(job.state.id, worker.id)).map(({ index }) => index)).add(last.index)
    for (const index of indices) {
      await this.parts.book.changeTask(taskPublicId(job.state.publicId, index), async (_, task) => {
        if (task.status !== 'failed' || task.kind !== last.kind || FINISHED_JOB_STATUSES.includes(job.state.status)) return
        if (this.parts.others.of(job, task, worker.id).here === 0) return
        await this.parts.transitions.task(job, task, isPausing(job) ? 'paused' : 'soft-failed', activity)
        await this.parts.logs.appendToLast(job, task, statusLine('failed', task.status))
      })
    }
  }
}

function isPausing(job: JobRuntime): boolean {
  return job.state.status === 'pause-requested' || job.state.status === 'paused'
}

function failureLine(status: string, workersFailed: number, left: number): string {
  if (status === 'failed') return `Task failed by ${workersFailed} worker(s), Manager will mark it as hard failure`
  return `Task failed by ${workersFailed} worker(s), Manager will mark it as soft failure. ${left} more failure(s) will cause hard failure.`
}
