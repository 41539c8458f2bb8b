/** The order of ordered lanes: which job's turn it is, and which of its tasks. */
import { RUNNABLE_JOB_STATUSES } from '../../../../shared/enums.ts'
import type { TaskState } from '../../base/model.ts'
import type { LaneState } from '../../base/ports.ts'
import type { JobRuntime } from '../jobRuntime.ts'
import type { ReadyQueue } from './readyQueue.ts'

export class LaneOrder {
  constructor(
    private readonly lanes: ReadonlyMap<number, LaneState>,
    /** The jobs in memory. */
    private readonly jobs: () => Iterable<JobRuntime>,
  ) {}

  /** An older job of an ordered lane has unfinished tasks. */
  isBehindOthers(job: JobRuntime, laneId: number): boolean {
    const { createdAt, id } = job.state
    for (const { state } of this.jobs()) {
      const older = state.createdAt < createdAt || (state.createdAt === createdAt && state.id < id)
      if (state.laneId === laneId && older && state.deletedAt === null && RUNNABLE_JOB_STATUSES.includes(state.status)) return true
    }
    return false
  }

  /** Its tasks are assigned one after the other, and none overtakes. */
  inOrder(job: JobRuntime): boolean {
    return job.state.laneId !== null && this.lanes.get(job.state.laneId)?.ordered === true
  }

  /** Its turn in an ordered lane has not come: a task of its own job is before it. */
  isBehindOwn(job: JobRuntime, task: TaskState): boolean {
    if (!this.inOrder(job)) return false
    for (const queue of job.queues.values()) if (queue.headKey !== undefined && queue.headKey < task.orderKey) return true
    for (const delayed of job.delayed.values()) if (delayed.orderKey < task.orderKey) return true
    return false
  }

  /** Of a job in an ordered lane only the first task is offered, whatever its kind. */
  offersOnly(job: JobRuntime): ReadyQueue | undefined {
    if (!this.inOrder(job)) return undefined
    let first: ReadyQueue | undefined
    for (const queue of job.queues.values()) {
      if (queue.headKey !== undefined && (first?.headKey === undefined || queue.headKey < first.headKey)) first = queue
    }
    return first
  }
}
