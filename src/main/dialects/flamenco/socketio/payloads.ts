/** Payloads of the events for clients (§1.6, §8). Pure; absent parts are omitted. */
import type { EventOf } from '../../../../shared/events.ts'
import type { JobState, WorkerState } from '../../../engine/base/model.ts'
import type { TaskEventFacts } from '../store/queries.ts'
import { workerSummary } from '../convertWorker.ts'
import { wireTime } from '../schemas/common.ts'

export function jobUpdate(event: EventOf<'job'>, job: JobState): object {
  return {
    id: job.publicId,
    name: job.name,
    updated: wireTime(job.updatedAt),
    status: event.status,
    type: job.type,
    priority: job.priority,
    refresh_tasks: event.bulk,
    steps_completed: job.stepsCompleted,
    steps_total: job.stepsTotal,
    ...(event.previousStatus === null ? {} : { previous_status: event.previousStatus }),
    ...(job.deleteRequestedAt === null ? {} : { delete_requested_at: wireTime(job.deleteRequestedAt) }),
  }
}

/** A deleted job: everything else has its zero value. */
export function jobDeleted(jobId: string): object {
  return {
    id: jobId,
    updated: wireTime(null),
    status: '',
    type: '',
    priority: 0,
    refresh_tasks: false,
    steps_completed: 0,
    steps_total: 0,
    was_deleted: true,
  }
}

export function taskUpdate(event: EventOf<'task'>, task: TaskEventFacts): object {
  return {
    id: event.taskId,
    job_id: event.jobId,
    name: task.name,
    updated: wireTime(task.updatedAt),
    status: event.status,
    activity: task.activity,
    steps_completed: task.stepsCompleted,
    steps_total: task.stepsTotal,
    ...(event.previousStatus === null ? {} : { previous_status: event.previousStatus }),
    ...(task.workerId === null ? {} : { worker: { uuid: task.workerId, name: task.workerName ?? '' } }),
  }
}

export function workerUpdate(event: EventOf<'worker'>, worker: WorkerState): object {
  return {
    ...workerSummary(worker),
    updated: wireTime(worker.updatedAt),
    status: event.status,
    ...(event.previousStatus === null ? {} : { previous_status: event.previousStatus }),
  }
}

export function workerDeleted(event: EventOf<'worker'>, name: string): object {
  const at = wireTime(event.at)
  return { id: event.workerId, name, updated: at, status: event.status, version: '', can_restart: false, deleted_at: at }
}
