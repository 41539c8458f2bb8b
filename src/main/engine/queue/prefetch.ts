/**
 * The next tasks of busy workers: chosen while they run another one, begun without asking, and returned when another
 * worker could begin them sooner (reservations.ts; rules: reservationRules.ts).
 */
import { RUNNABLE_TASK_STATUSES } from '../../../shared/enums.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import type { Fence } from '../../../shared/schemas/agent.ts'
import { needsKnownFiles } from '../jobs/assignments.ts'
import type { Core } from '../base/core.ts'
import type { Dispatcher } from './dispatcher.ts'
import { jobHolds } from '../rules/eligibility.ts'
import { ignoreUnknown } from '../base/errors.ts'
import type { JobCache } from './jobCache.ts'
import type { JobRuntime, Lease } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { TaskState, WorkerState } from '../base/model.ts'
import { compareRanks, jobRank } from '../rules/orderKey.ts'
import { mayBeHeld, recallIsOverdue, toRecall } from '../rules/reservationRules.ts'
import type { Reservation } from './reservations.ts'

export class Prefetch {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly leases: Leases,
    private readonly dispatcher: Dispatcher,
  ) {
    dispatcher.roundDone.on(() => this.review())
  }

  /** The task that the worker holds as its next one, chosen now if it holds none; undefined when there is none for it. */
  async reserve(worker: WorkerState): Promise<Reservation | undefined> {
    for (;;) {
      const held = this.leases.reservations.ofWorker(worker.id)
      if (held) return held.recalledAt === null ? held : undefined
      const pick = this.dispatcher.pick(worker)
      if (!pick) return undefined
      if ('loading' in pick) {
        await pick.loading
        continue
      }
      const { job, task } = pick
      const busy = this.leases.ofWorker(worker.id).size >= worker.capacity
      const isRetry = needsKnownFiles(job, task, task.attempts + 1)
      const isDecidedLate = this.core.handOuts.of(task.kind) !== undefined
      if (isRetry || isDecidedLate || !mayBeHeld({ counted: isCounted(job, task), wanted: this.isWanted(job, task), busy }))
        return undefined
      job.queues.get(task.kind)?.remove(task)
      const reservation: Reservation = { job, task, worker, attempt: task.attempts + 1, recalledAt: null }
      this.leases.reservations.add(reservation)
      this.book.refresh(job)
      return reservation
    }
  }

  /** The worker reports an attempt that is not on record: it began its held task. Undefined: it may not. */
  begin(worker: WorkerState, fence: Fence): Lease | undefined {
    const reservation = this.heldAs(worker, fence)
    if (!reservation || reservation.job.busy) return undefined
    const { job, task } = reservation
    if (!this.mayBegin(job, task, worker)) {
      this.leases.reservations.giveBack(reservation)
      return undefined
    }
    this.leases.reservations.remove(reservation)
    return this.begun(job, task, worker)
  }

  /**
   * As `begin`, also for a task held before the manager restarted or before a mass update of the job: the reservation
   * is lost then, but the task still waits, and its number shows that no worker has run it since.
   */
  async adopt(worker: WorkerState, fence: Fence): Promise<Lease | undefined> {
    while (worker.approvedAt !== null) {
      const found = await this.book.needTask(fence.taskId).catch(ignoreUnknown)
      if (!found) return undefined
      const { job, task } = found
      if (job.busy) {
        await job.busy
        continue
      }
      const begun = this.begin(worker, fence)
      if (begun) return begun
      if (job.active.has(task.id) || job.reserved.has(task.id) || job.delayed.has(task.id)) return undefined
      if (!RUNNABLE_TASK_STATUSES.includes(task.status) || task.unmet > 0 || task.attempts + 1 !== fence.attempt) return undefined
      if (isCounted(job, task) || !this.mayBegin(job, task, worker)) return undefined
      if (this.core.handOuts.of(task.kind) !== undefined) return undefined
      return this.begun(job, task, worker)
    }
    return undefined
  }

  /** The worker commits not to begin these. */
  returned(worker: WorkerState, fences: readonly Fence[]): void {
    for (const fence of fences) {
      const reservation = this.heldAs(worker, fence)
      if (reservation) this.leases.reservations.giveBack(reservation)
    }
  }

  /** Tasks that the worker must not begin: recalled, or no longer its own. */
  recalls(worker: WorkerState, holds: Fence | undefined): Fence[] {
    const reservation = this.leases.reservations.ofWorker(worker.id)
    if (reservation?.recalledAt != null) return [fenceOf(reservation)]
    return holds && !this.heldAs(worker, holds) ? [holds] : []
  }

  holds(worker: WorkerState, fence: Fence): boolean {
    return this.heldAs(worker, fence) !== undefined
  }

  /** Recalls tasks that another worker could begin now, and those that are outranked. */
  review(): void {
    const now = this.core.now()
    const idle = this.dispatcher.idle()
    const held = this.leases.reservations
      .all()
      .map((reservation) => ({
        reservation,
        rank: rankOf(reservation),
        recalled: reservation.recalledAt !== null,
        wanted: idle.some(({ worker }) => this.dispatcher.suits(reservation.job, reservation.task, worker)),
        outranked: this.isOutranked(reservation),
        jobHeld: jobHolds(this.book.facts(reservation.job), now).length > 0,
      }))
      .toSorted((a, b) => compareRanks(a.rank, b.rank) || a.reservation.task.orderKey - b.reservation.task.orderKey)
    const freeSlots = idle.reduce((sum, { slots }) => sum + slots, 0)
    for (const { reservation } of toRecall(held, freeSlots)) this.leases.reservations.recall(reservation, now)
  }

  /** A worker found nothing and does not wait: recalls a held task that suits it, so that it is available at the next request. */
  recallFor(worker: WorkerState): void {
    const found = this.leases.reservations
      .all()
      .filter(({ recalledAt, job, task }) => recalledAt === null && this.dispatcher.suits(job, task, worker))
      .toSorted((a, b) => compareRanks(rankOf(a), rankOf(b)))
    if (found[0]) this.leases.reservations.recall(found[0], this.core.now())
  }

  /** Workers that do not answer a recall must not keep others waiting. */
  reclaimOverdue(): void {
    const now = this.core.now()
    for (const reservation of this.leases.reservations.all()) {
      if (recallIsOverdue(reservation.recalledAt, now)) this.leases.reservations.giveBack(reservation)
    }
  }

  private begun(job: JobRuntime, task: TaskState, worker: WorkerState): Lease {
    const lease = this.dispatcher.lease(job, task, worker, 'heartbeat')
    lease.acknowledged = true
    return lease
  }

  private mayBegin(job: JobRuntime, task: TaskState, worker: WorkerState): boolean {
    return jobHolds(this.book.facts(job), this.core.now()).length === 0 && this.dispatcher.mayHave(job, task, worker)
  }

  private isWanted(job: JobRuntime, task: TaskState): boolean {
    return this.dispatcher.idle().some(({ worker }) => this.dispatcher.suits(job, task, worker))
  }

  /** Checks the head of the index first: in most rounds nothing of higher rank is there. */
  private isOutranked(reservation: Reservation): boolean {
    const { worker, job } = reservation
    const rank = rankOf(reservation)
    const [first] = this.book.index.candidates(worker.namespaceId, worker.kinds, worker.tagIds)
    if (!first || first.job === job || compareRanks(first.rank, rank) >= 0) return false
    const pick = this.dispatcher.pick(worker)
    if (!pick || 'loading' in pick || pick.job === job) return false
    return compareRanks(jobRank(pick.job.state.queueOrder, pick.job.state, pick.task.orderKey), rank) < 0
  }

  private heldAs(worker: WorkerState, { taskId, attempt }: Fence): Reservation | undefined {
    const reservation = this.leases.reservations.ofWorker(worker.id)
    if (reservation?.attempt !== attempt) return undefined
    const { job, task } = reservation
    return taskPublicId(job.state.publicId, task.index) === taskId.toLowerCase() ? reservation : undefined
  }
}

/** Its start uses up a unit, which cannot be promised in advance. */
function isCounted({ state }: JobRuntime, task: TaskState): boolean {
  return state.limitIds.length > 0 || state.laneId !== null || task.laneId !== null || state.maxWorkers !== null || state.maxTasks !== null
}

function rankOf({ job, task }: Reservation) {
  return jobRank(job.state.queueOrder, job.state, task.orderKey)
}

function fenceOf({ job, task, attempt }: Reservation): Fence {
  return { taskId: taskPublicId(job.state.publicId, task.index), attempt }
}
