/**
 * External executors: programs that pull single tasks whenever they like, hold any number of them, and never call home.
 * The fence is the active (task, worker) pair. A task is theirs until they end it, its deadline passes, or a person
 * removes the executor.
 */
import { english } from '../../../shared/said/said.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { AttemptLog } from '../jobs/attemptLog.ts'
import type { Attempts } from '../jobs/attempts.ts'
import type { Transitions } from '../jobs/transitions.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, StaleAttemptError } from '../base/errors.ts'
import type { ExternalEngine, ExternalEnding, ExternalTask, ExternalTake } from '../base/externalEngine.ts'
import type { WorkerState } from '../base/model.ts'
import type { Dispatcher } from '../queue/dispatcher.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { Lease } from '../queue/jobRuntime.ts'
import type { Leases } from '../queue/leases.ts'
import { externalTerms, isLastRun } from '../rules/externalTerms.ts'
import type { WorkerRoster } from './workerRoster.ts'

/** Timers do not take longer ones. */
const LONGEST_WAIT_MS = 2_147_483_647

interface ExternalParts {
  book: JobCache
  leases: Leases
  roster: WorkerRoster
  attempts: Attempts
  dispatcher: Dispatcher
  transitions: Transitions
  logs: AttemptLog
}

export class ExternalWork implements ExternalEngine {
  constructor(
    private readonly core: Core,
    private readonly parts: ExternalParts,
  ) {}

  serve(workerId: string, kinds: readonly string[]): Promise<void> {
    return this.parts.roster.serve(workerId, kinds)
  }

  nudge(workerId: string): void {
    this.parts.dispatcher.nudgeApart(this.parts.roster.need(workerId).id)
  }

  async take(workerId: string, { kinds, waitMs, signal }: ExternalTake): Promise<ExternalTask | undefined> {
    const worker = this.parts.roster.need(workerId)
    this.parts.roster.seen(worker)
    let [lease] = await this.parts.dispatcher.take(worker, 1, 'unbounded', kinds)
    // What its own completion has just released must not be missed.
    if (!lease && (await this.parts.transitions.released())) [lease] = await this.parts.dispatcher.take(worker, 1, 'unbounded', kinds)
    if (!lease && waitMs > 0) [lease] = await this.parts.dispatcher.waitApart(worker, kinds, Math.min(waitMs, LONGEST_WAIT_MS), signal)
    if (!lease) return undefined
    await this.core.store.durable()
    return this.handOver(lease, signal.aborted)
  }

  /** A caller that disconnected in the meantime gets nothing, and the task is requeued. */
  private async handOver(lease: Lease, vanished: boolean): Promise<ExternalTask | undefined> {
    const { job, task, attempt } = lease
    if (vanished) {
      await this.parts.attempts.giveBack(lease, english('worker.vanished'))
      await this.core.store.durable()
      return undefined
    }
    // A person may have taken it away while it was written.
    if (job.active.get(task.id) !== lease) return undefined
    const { startedAt, leaseUntil, number } = attempt
    const { priority, retries, startBy } = task
    const { publicId: jobId } = job.state
    const taskId = taskPublicId(jobId, task.index)
    return { taskId, jobId, taskKey: task.id, attempt: number, priority, retries, startBy, startedAt, leaseUntil }
  }

  /** The reply with this task could not be sent. */
  async undo(workerId: string, taskId: string): Promise<void> {
    const lease = this.find(this.parts.roster.need(workerId), taskId)
    if (!lease) return
    await this.parts.attempts.giveBack(lease, english('worker.vanished'))
    await this.core.store.durable()
  }

  holds(workerId: string, taskId: string): boolean {
    return this.find(this.parts.roster.need(workerId), taskId) !== undefined
  }

  /** @throws StaleAttemptError */
  async end(workerId: string, taskId: string, ending: ExternalEnding): Promise<void> {
    const lease = await this.held(workerId, taskId)
    const { succeeded, reason, result } = ending
    await this.parts.attempts.end(lease, {
      outcome: succeeded ? 'success' : 'exit-code',
      exitCode: succeeded ? 0 : null,
      reason,
      result: result ?? resultOf(lease),
    })
    await this.core.store.durable()
  }

  /** @throws StaleAttemptError */
  async setResult(workerId: string, taskId: string, result: unknown): Promise<void> {
    const { attempt } = await this.held(workerId, taskId)
    attempt.result = JSON.stringify(result)
    this.core.store.saveAttempt(attempt)
    await this.core.store.durable()
  }

  /** @throws StaleAttemptError */
  async log(workerId: string, taskId: string, text: string): Promise<void> {
    const { job, task, attempt } = await this.held(workerId, taskId)
    this.parts.logs.append(job, task, attempt, this.core.now(), 'stdout', text.endsWith('\n') ? text : `${text}\n`)
    await this.core.store.durable()
  }

  /** Its time is over: it fails, or waits for another executor. */
  async overdue(lease: Lease): Promise<void> {
    const { job, task } = lease
    const terms = externalTerms(job.commandsOf(task))
    if (isLastRun(terms, task.retries)) return this.parts.attempts.failHard(lease, 'timed-out', english('external.too-long'))
    while (job.busy) await job.busy
    if (job.active.get(task.id) !== lease) return
    task.retries++
    if (terms.maxWaitMs > 0) {
      task.startBy = this.core.now() + terms.maxWaitMs
      this.core.store.saveStartBy(task.id, task.startBy)
    }
    await this.parts.attempts.giveBack(lease, english('external.too-long'))
  }

  private async held(workerId: string, taskId: string): Promise<Lease> {
    const worker = this.parts.roster.need(workerId)
    if (worker.adapter !== 'external') throw new ConflictError(`worker "${worker.name}" is no external executor`)
    let lease = this.find(worker, taskId)
    while (lease?.job.busy) {
      await lease.job.busy
      lease = this.find(worker, taskId)
    }
    if (!lease) throw new StaleAttemptError(`task ${taskId} is not assigned to "${worker.name}"`)
    lease.touchedAt = this.core.now()
    lease.lastSignAt = lease.touchedAt
    return lease
  }

  private find(worker: WorkerState, taskId: string): Lease | undefined {
    const hot = this.parts.book.hotTask(taskId)
    if (!hot) return undefined
    const lease = hot.job.leaseOf(hot.index)
    return lease?.worker === worker && this.parts.leases.ofWorker(worker.id).has(lease.task.id) ? lease : undefined
  }
}

function resultOf({ attempt }: Lease): unknown {
  return attempt.result === null ? undefined : JSON.parse(attempt.result)
}
