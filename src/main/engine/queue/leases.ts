/** All running attempts, by task and by worker, and their use of limits and lanes. */
import { Signal } from '../../../shared/async.ts'
import type { LimitUse } from '../rules/eligibility.ts'
import type { JobRuntime, Lease } from './jobRuntime.ts'
import type { LimitState } from '../base/model.ts'
import type { LaneState } from '../base/ports.ts'
import { Reservations } from './reservations.ts'

export class Leases {
  private readonly byWorker = new Map<number, Map<number, Lease>>()
  private readonly limitUnits = new Map<number, number>()
  /** `limit/machine` → running attempts there. */
  private readonly machineUnits = new Map<string, number>()
  private readonly laneUnits = new Map<number, number>()

  /** A lease was taken from this worker without its knowledge: notify it rather than let it find out at its next call. */
  readonly takenAway = new Signal<[workerId: number]>()

  /** What busy workers will run next. */
  readonly reservations = new Reservations(this.takenAway)

  /** Leases of a worker by task id. */
  ofWorker(workerId: number): ReadonlyMap<number, Lease> {
    return this.byWorker.get(workerId) ?? NONE
  }

  *all(): Iterable<Lease> {
    for (const leases of this.byWorker.values()) yield* leases.values()
  }

  add(lease: Lease): void {
    lease.job.active.set(lease.task.id, lease)
    lease.job.activeByIndex.set(lease.task.index, lease)
    let mine = this.byWorker.get(lease.worker.id)
    if (!mine) this.byWorker.set(lease.worker.id, (mine = new Map()))
    mine.set(lease.task.id, lease)
    this.count(lease, 1)
  }

  /** False when it was already gone. */
  remove(lease: Lease): boolean {
    if (lease.job.active.get(lease.task.id) !== lease) return false
    lease.job.active.delete(lease.task.id)
    lease.job.activeByIndex.delete(lease.task.index)
    const mine = this.byWorker.get(lease.worker.id)
    mine?.delete(lease.task.id)
    if (mine?.size === 0) this.byWorker.delete(lease.worker.id)
    this.count(lease, -1)
    return true
  }

  /** As `remove`, for reasons that the worker does not know. */
  takeAway(lease: Lease): boolean {
    if (!this.remove(lease)) return false
    this.takenAway.emit(lease.worker.id)
    return true
  }

  limitUse(limit: LimitState): LimitUse {
    const inUse =
      limit.scope === 'attempt'
        ? (this.limitUnits.get(limit.id) ?? 0)
        : [...this.machineUnits].filter(([key, units]) => key.startsWith(`${limit.id}/`) && units > 0).length
    return { name: limit.name, max: limit.max, scope: limit.scope, inUse }
  }

  /** The leases of jobs that name the limit, the oldest first. */
  holding(limitId: number): Lease[] {
    const holding = [...this.all()].filter((lease) => lease.job.state.limitIds.includes(limitId))
    return holding.sort((a, b) => a.attempt.id - b.attempt.id)
  }

  laneUse(lane: LaneState): { concurrency: number; inUse: number } {
    return { concurrency: lane.concurrency, inUse: this.laneUnits.get(lane.id) ?? 0 }
  }

  /** Whether this machine (or worker without one) already holds a unit of the limit. */
  machineHolds(limitId: number, machine: string): boolean {
    return (this.machineUnits.get(`${limitId}/${machine}`) ?? 0) > 0
  }

  private count(lease: Lease, delta: 1 | -1): void {
    const machine = machineKey(lease.worker)
    for (const limitId of lease.job.state.limitIds) {
      add(this.limitUnits, limitId, delta)
      add(this.machineUnits, `${limitId}/${machine}`, delta)
    }
    if (lease.job.state.laneId !== null) add(this.laneUnits, lease.job.state.laneId, delta)
    if (lease.task.laneId !== null && lease.task.laneId !== lease.job.state.laneId) add(this.laneUnits, lease.task.laneId, delta)
  }

  /** A running job's limits change: moves the counts of its leases. */
  changeLimits(job: JobRuntime, limitIds: number[]): void {
    const leases = [...job.active.values()]
    for (const lease of leases) this.count(lease, -1)
    job.state.limitIds = limitIds
    for (const lease of leases) this.count(lease, 1)
  }
}

/** Workers of an unknown machine count as a machine of their own. */
export function machineKey(worker: { id: number; machineId: number | null }): string {
  return worker.machineId === null ? `worker-${worker.id}` : String(worker.machineId)
}

const NONE: ReadonlyMap<number, Lease> = new Map()

function add<K>(map: Map<K, number>, key: K, delta: number): void {
  const value = (map.get(key) ?? 0) + delta
  if (value === 0) map.delete(key)
  else map.set(key, value)
}
