/**
 * Tasks that busy workers hold as their next ones, one per worker. To all others a held task is queued: no attempt, no
 * lease, nothing on disk. It becomes an attempt when its worker reports that it has begun; until then it can be lost
 * without a trace.
 */
import { Signal } from '../../../shared/async.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { TaskState, WorkerState } from '../base/model.ts'

export interface Reservation {
  readonly job: JobRuntime
  readonly task: TaskState
  readonly worker: WorkerState
  /** Number that its attempt will have. */
  readonly attempt: number
  /** When the worker was asked to return it. */
  recalledAt: number | null
}

export class Reservations {
  private readonly byWorker = new Map<number, Reservation>()
  /** A task is no longer held and may be assigned. */
  readonly returned = new Signal<[Reservation]>()

  /** @param takenAway a worker no longer holds its task, or should not */
  constructor(private readonly takenAway: Signal<[workerId: number]>) {}

  get size(): number {
    return this.byWorker.size
  }

  ofWorker(workerId: number): Reservation | undefined {
    return this.byWorker.get(workerId)
  }

  all(): Reservation[] {
    return [...this.byWorker.values()]
  }

  add(reservation: Reservation): void {
    this.byWorker.set(reservation.worker.id, reservation)
    reservation.job.reserved.set(reservation.task.id, reservation)
  }

  /** It has begun, or was dealt with otherwise. */
  remove({ job, task, worker }: Reservation): void {
    this.byWorker.delete(worker.id)
    job.reserved.delete(task.id)
  }

  /** Makes the task available to all workers again. */
  giveBack(reservation: Reservation): void {
    this.remove(reservation)
    this.returned.emit(reservation)
  }

  giveBackOf(workerId: number): void {
    const reservation = this.byWorker.get(workerId)
    if (reservation) this.giveBack(reservation)
  }

  /** Asks the worker to return it, which it does unless it has begun it. */
  recall(reservation: Reservation, now: number): void {
    reservation.recalledAt = now
    this.takenAway.emit(reservation.worker.id)
  }

  /** The task changed and must not be assigned any longer, or not in its old form. */
  withdraw(reservation: Reservation | undefined): void {
    if (!reservation) return
    this.remove(reservation)
    this.takenAway.emit(reservation.worker.id)
  }
}
