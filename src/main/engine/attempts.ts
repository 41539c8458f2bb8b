/** How attempts end, and what they say meanwhile: log lines, progress, frames. The failure policy decides, this file acts. */
import { FINISHED_JOB_STATUSES, type AttemptStatus, type LogStream, type Outcome } from '../../shared/enums.ts'
import { taskPublicId } from '../../shared/ids.ts'
import { farmLine, statusLine } from './attemptLines.ts'
import type { Core } from './core.ts'
import { StaleAttemptError } from './errors.ts'
import { decideFailure } from './failurePolicy.ts'
import type { NewFrame } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import { workerKind, type JobRuntime, type Lease } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { AttemptState, TaskState, WorkerState } from './model.ts'
import type { Transitions } from './transitions.ts'

/** A foreign worker gets a task that was taken from it back only after this long: it may still be at it. */
const AVOID_MS = 60_000
/** Longest text that a log event carries; listeners read the rest. */
const EVENT_TEXT_BYTES = 65_536

export interface Ending {
  outcome: Outcome
  exitCode: number | null
  reason: string
  result?: unknown
  metrics?: unknown
}

export class Attempts {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly transitions: Transitions,
    private readonly workers: () => Iterable<WorkerState>,
  ) {
    transitions.writeLine = (job, task, attempt, text) => this.farmLine(job, task, attempt, text)
  }

  /** The attempt is over. @throws StaleAttemptError when it no longer holds its task */
  async end(lease: Lease, ending: Ending): Promise<void> {
    const { job, task, attempt } = lease
    while (job.busy) await job.busy
    const status =
      ending.outcome === 'success' ? 'completed' : ending.outcome === 'lost' ? 'lost' : ending.outcome === 'stopped' ? 'canceled' : 'failed'
    if (!this.close(lease, status, ending)) throw new StaleAttemptError('the attempt no longer holds its task')
    attempt.result = ending.result === undefined ? null : JSON.stringify(ending.result)
    attempt.metrics = ending.metrics === undefined ? null : JSON.stringify(ending.metrics)
    task.touchedAt = attempt.endedAt
    if (ending.outcome === 'success') await this.transitions.task(job, task, 'completed', 'Completed', attempt)
    else await this.afterFailure(lease, ending)
    this.book.refreshSharers(job)
  }

  /**
   * Writes down how an attempt ended and takes its lease away; what becomes of the task is the caller's to say, before it
   * waits for anything. False: the lease was gone already, and nothing was changed.
   */
  close(lease: Lease, status: AttemptStatus, ending: Pick<Ending, 'outcome' | 'reason'> & { exitCode?: number | null }): boolean {
    if (!this.leases.remove(lease)) return false
    const { attempt } = lease
    attempt.status = status
    attempt.outcome = ending.outcome
    attempt.exitCode = ending.exitCode ?? null
    attempt.reason = ending.reason
    attempt.endedAt = this.core.now()
    this.core.store.saveAttempt(attempt)
    return true
  }

  /** What was stopped has ended by now: its exit code and numbers are kept, its status stays. */
  noteLateEnd(attempt: AttemptState, ending: Ending): void {
    if (attempt.status !== 'canceled' || attempt.exitCode !== null) return
    attempt.exitCode = ending.exitCode
    if (ending.result !== undefined) attempt.result = JSON.stringify(ending.result)
    if (ending.metrics !== undefined) attempt.metrics = JSON.stringify(ending.metrics)
    this.core.store.saveAttempt(attempt)
  }

  /** The worker lost the task or gave it back: it is queued again and nobody is blamed. */
  async giveBack(lease: Lease, reason: string): Promise<void> {
    const { job, task, attempt, worker } = lease
    while (job.busy) await job.busy
    if (!this.close(lease, 'lost', { outcome: 'lost', reason })) return
    this.leases.onTakenAway(worker.id)
    if (worker.adapter !== 'native') job.avoid.set(task.id, { workerId: worker.id, until: this.core.now() + AVOID_MS })
    const pausing = isPausing(job)
    const activity = `Task was ${pausing ? 'paused' : 'queued'} by Manager because ${reason}`
    this.farmLine(job, task, attempt, activity)
    await this.transitions.task(job, task, pausing ? 'paused' : 'queued', activity, attempt)
    this.book.refreshSharers(job)
  }

  /** Gives back everything that a worker runs, and what it would run next. */
  async giveBackAll(worker: WorkerState, reason: string): Promise<void> {
    this.leases.reservations.giveBackOf(worker.id)
    for (const lease of [...this.leases.ofWorker(worker.id).values()]) await this.giveBack(lease, reason)
  }

  /** Fails a running attempt without asking the policy (Flamenco's task timeout). */
  async failHard(lease: Lease, outcome: Outcome, reason: string): Promise<void> {
    const { job, task, attempt } = lease
    while (job.busy) await job.busy
    if (!this.close(lease, 'failed', { outcome, reason })) return
    this.leases.onTakenAway(lease.worker.id)
    this.farmLine(job, task, attempt, reason)
    await this.transitions.task(job, task, 'failed', reason, attempt)
    this.book.refreshSharers(job)
  }

  /** Log text of a running or late attempt. */
  log(job: JobRuntime, task: TaskState, attempt: AttemptState, at: number, stream: LogStream, text: string): void {
    if (text === '') return
    const lease = job.active.get(task.id)
    if (lease?.attempt === attempt) {
      lease.lastSignAt = this.core.now()
      if (job.licencePattern && !lease.licenceLine && job.licencePattern.isIn(text)) lease.licenceLine = true
    }
    const place = this.core.store.appendLog(attempt, at, stream, text)
    if (!this.core.bus.wants('log')) return
    const event = {
      type: 'log' as const,
      at,
      jobId: job.state.publicId,
      taskId: taskPublicId(job.state.publicId, task.index),
      attempt: attempt.number,
      position: place.position,
      bytes: place.bytes,
      text: place.bytes <= EVENT_TEXT_BYTES ? text : '',
    }
    this.core.store.afterCommit(() => this.core.bus.emit(event))
  }

  /** A line of the farm's own in an attempt's log. */
  farmLine(job: JobRuntime, task: TaskState, attempt: AttemptState, text: string): void {
    const now = this.core.now()
    this.log(job, task, attempt, now, 'farm', farmLine(now, text))
  }

  /** The same in the log of the task's last attempt, which may be over; a task that nobody ever ran has no log. */
  async tellLastLog(job: JobRuntime, task: TaskState, text: string): Promise<void> {
    const attempt = await this.core.store.loadAttempt(task.id, task.attempts)
    if (attempt) this.farmLine(job, task, attempt, text)
  }

  /** Steps done so far and what the worker is doing; counts as a sign of life. */
  progress(lease: Lease, steps: number | undefined, activity: string | undefined): void {
    const { job, task } = lease
    const now = this.core.now()
    lease.lastSignAt = now
    const before = task.stepsCompleted
    if (steps !== undefined) this.transitions.setSteps(job, task, steps)
    if (activity !== undefined) task.activity = activity
    task.updatedAt = now
    this.book.saveTask(job, task)
    if (task.stepsCompleted === before) return
    job.state.updatedAt = now
    this.core.store.saveJobCounters(job.state)
    this.transitions.announceSteps(job, task)
  }

  addFrames(job: JobRuntime, task: TaskState, attempt: AttemptState, frames: NewFrame[]): void {
    const at = this.core.now()
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

  private async afterFailure(lease: Lease, ending: Ending): Promise<void> {
    const { job, task, attempt, worker } = lease
    const policy = job.state.policy
    const now = this.core.now()
    const failedBy = job.failures.get(task.id) ?? new Set<number>()
    const key = workerKind(worker.id, task.kind)
    const facts = {
      outcome: ending.outcome,
      exitCode: ending.exitCode,
      licenceLine: lease.licenceLine,
      workersFailed: new Set([...failedBy, worker.id]).size,
      retries: task.retries + 1,
      workerFailures: (job.failuresOfWorker.get(key) ?? 0) + (failedBy.has(worker.id) ? 0 : 1),
      othersLeft: this.othersFor(job, task, worker),
    }
    const decision = decideFailure(policy, facts)
    if (decision.task === 'completed') {
      attempt.status = 'completed'
      attempt.outcome = 'success'
      await this.transitions.task(job, task, 'completed', 'Completed', attempt)
      return
    }
    if (decision.counted) {
      task.retries++
      if (job.noteFailure(task.id, worker.id, task.kind)) this.core.store.addFailure(task.id, worker.id, job.state.id, task.kind, now)
    }
    const blocked = decision.blockWorker && this.block(job, task.kind, worker)
    task.notBefore = decision.delayMs > 0 ? now + decision.delayMs : null
    if (decision.failJob) {
      const reason = `no more workers left to run tasks of type "${task.kind}"`
      this.farmLine(
        job,
        task,
        attempt,
        `Task failed by worker ${worker.name} (${worker.publicId}), Manager will fail the entire job as there are no more workers left for tasks of type "${task.kind}".`,
      )
      await this.transitions.task(job, task, 'failed', ending.reason, attempt)
      await this.transitions.job(job, 'failed', reason)
      return
    }
    if (decision.counted) this.farmLine(job, task, attempt, failureLine(decision.task, facts.workersFailed, policy.failAfterWorkers))
    const to = isPausing(job) && decision.task !== 'failed' ? 'paused' : decision.task
    await this.transitions.task(job, task, to, ending.reason, attempt)
    if (blocked && this.hasOthers(job, task.kind)) await this.requeueFailedOf(job, task, worker)
  }

  /** No more tasks of this kind of this job for this worker. False: it was blocked already. */
  private block(job: JobRuntime, kind: string, worker: WorkerState): boolean {
    const key = workerKind(worker.id, kind)
    if (job.blocks.has(key)) return false
    job.blocks.add(key)
    this.core.store.addBlock(job.state.id, worker.id, kind, this.core.now())
    this.core.log.warn({ job: job.state.publicId, worker: worker.name, kind }, 'worker blocked for the job')
    return true
  }

  /** What a worker failed for good before the task for which it was blocked gets another chance elsewhere. */
  private async requeueFailedOf(job: JobRuntime, last: TaskState, worker: WorkerState): Promise<void> {
    const activity = `Task was queued by Manager because worker ${worker.name} was blocked from tasks of type "${last.kind}"`
    for (const { index } of await this.core.store.loadFailedTasks(job.state.id, worker.id)) {
      if (index === last.index) continue
      await this.book.changeTask(taskPublicId(job.state.publicId, index), async (_, task) => {
        if (task.status !== 'failed' || FINISHED_JOB_STATUSES.includes(job.state.status)) return
        await this.transitions.task(job, task, 'queued', activity)
        await this.tellLastLog(job, task, statusLine('failed', 'queued'))
      })
    }
  }

  private othersFor(job: JobRuntime, task: TaskState, except: WorkerState): number {
    let others = 0
    for (const worker of this.workers()) {
      if (worker.id === except.id || !this.capable(job, task.kind, worker)) continue
      if (!job.state.policy.retryOnSameWorker && job.failures.get(task.id)?.has(worker.id)) continue
      if (job.keptOff.get(task.id)?.has(worker.id)) continue
      others++
    }
    return others
  }

  /** Whether some worker but this one could run the task once its failures are forgotten. */
  couldRunElsewhere(job: JobRuntime, task: TaskState, exceptId: number): boolean {
    const keptOff = job.keptOff.get(task.id)
    return [...this.workers()].some((worker) => worker.id !== exceptId && !keptOff?.has(worker.id) && this.capable(job, task.kind, worker))
  }

  private hasOthers(job: JobRuntime, kind: string): boolean {
    for (const worker of this.workers()) if (this.capable(job, kind, worker)) return true
    return false
  }

  private capable(job: JobRuntime, kind: string, worker: WorkerState): boolean {
    if (worker.approvedAt === null || !worker.kinds.includes(kind)) return false
    if (job.state.tagId !== null && !worker.tagIds.has(job.state.tagId)) return false
    return !job.blocks.has(workerKind(worker.id, kind))
  }
}

function isPausing(job: JobRuntime): boolean {
  return job.state.status === 'pause-requested' || job.state.status === 'paused'
}

function failureLine(status: string, workersFailed: number, failAfterWorkers: number): string {
  if (status === 'failed') return `Task failed by ${workersFailed} worker(s), Manager will mark it as hard failure`
  const left = failAfterWorkers - workersFailed
  return `Task failed by ${workersFailed} worker(s), Manager will mark it as soft failure. ${left} more failure(s) will cause hard failure.`
}
