/**
 * Tasks that busy workers hold as their next ones, one a worker. A held task is queued for everybody: no attempt, no lease,
 * nothing on disk. It becomes an attempt when its worker says that it has begun it; until then it can be lost without a trace.
 */
import type { JobRuntime } from './jobRuntime.ts'
import type { TaskState, WorkerState } from './model.ts'

export interface Reservation {
  readonly job: JobRuntime
  readonly task: TaskState
  readonly worker: WorkerState
  /** Number that its attempt will have. */
  readonly attempt: number
  /** When the worker was asked to give it back. */
  recalledAt: number | null
}

export class Reservations {
  private readonly byWorker = new Map<number, Reservation>()
  /** A task is nobody's any more and may be handed out. */
  onReturned: (reservation: Reservation) => void = () => undefined

  /** @param tell the worker has to hear that it does not hold its task any more, or should not */
  constructor(private readonly tell: (workerId: number) => void) {}

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

  /** It is begun, or dealt with otherwise. */
  remove({ job, task, worker }: Reservation): void {
    this.byWorker.delete(worker.id)
    job.reserved.delete(task.id)
  }

  /** The task may be had by anybody again. */
  giveBack(reservation: Reservation): void {
    this.remove(reservation)
    this.onReturned(reservation)
  }

  giveBackOf(workerId: number): void {
    const reservation = this.byWorker.get(workerId)
    if (reservation) this.giveBack(reservation)
  }

  /** The worker is asked to give it back, and does unless it has begun it. */
  recall(reservation: Reservation, now: number): void {
    reservation.recalledAt = now
    this.tell(reservation.worker.id)
  }

  /** The task is not to be handed out any more, or not as it was: somebody changed it. */
  withdraw(reservation: Reservation | undefined): void {
    if (!reservation) return
    this.remove(reservation)
    this.tell(reservation.worker.id)
  }
}
