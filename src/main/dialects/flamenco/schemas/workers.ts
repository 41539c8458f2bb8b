/** The worker protocol and worker management on the wire (Flamenco §1.6). */
import { Type } from 'typebox'
import { WORKER_STATUSES } from '../../../../shared/enums.ts'
import { DateTime, Int, named, Uuid, words } from './common.ts'
import { Command, WireTaskStatus, WorkerTask } from './jobs.ts'

export const WireWorkerStatus = words('WorkerStatus', WORKER_STATUSES)

const TaskTypes = Type.Array(Type.String({ maxLength: 100 }), { maxItems: 100 })
const WorkerName = Type.String({ minLength: 1, maxLength: 255 })

export const WorkerRegistration = named('WorkerRegistration', {
  name: WorkerName,
  secret: Type.String({ minLength: 1, maxLength: 1024 }),
  platform: Type.String({ minLength: 1, maxLength: 64 }),
  supported_task_types: TaskTypes,
})
export const RegisteredWorker = named('RegisteredWorker', {
  uuid: Type.String(),
  name: Type.String(),
  address: Type.String(),
  status: WireWorkerStatus,
  platform: Type.String(),
  software: Type.String(),
  supported_task_types: Type.Array(Type.String()),
})
export const WorkerSignOn = named('WorkerSignOn', {
  name: WorkerName,
  supported_task_types: TaskTypes,
  software_version: Type.String({ maxLength: 255 }),
  can_restart: Type.Optional(Type.Boolean()),
})
export const WorkerStateChange = named('WorkerStateChange', { status_requested: WireWorkerStatus })
export const WorkerStateChanged = named('WorkerStateChanged', { status: WireWorkerStatus })

export const AssignedTask = named('AssignedTask', {
  uuid: Type.String(),
  job: Type.String(),
  name: Type.String(),
  status: WireTaskStatus,
  priority: Int,
  job_priority: Int,
  job_type: Type.String(),
  task_type: Type.String(),
  commands: Type.Array(Command),
  steps_completed: Int,
  steps_total: Int,
})
export const TaskUpdate = named('TaskUpdate', {
  taskStatus: Type.Optional(WireTaskStatus),
  activity: Type.Optional(Type.String()),
  log: Type.Optional(Type.String()),
  steps_completed: Type.Optional(Type.Integer({ minimum: 0 })),
})
export const MayKeepRunning = named('MayKeepRunning', {
  mayKeepRunning: Type.Boolean(),
  reason: Type.String(),
  statusChangeRequested: Type.Boolean(),
})

export const WorkerStatusChangeRequest = named('WorkerStatusChangeRequest', { status: WireWorkerStatus, is_lazy: Type.Boolean() })
export const WorkerTag = named('WorkerTag', {
  name: Type.String({ minLength: 1, maxLength: 255 }),
  id: Type.Optional(Uuid),
  description: Type.Optional(Type.String({ maxLength: 4000 })),
})
export const WorkerTagList = named('WorkerTagList', { tags: Type.Optional(Type.Array(WorkerTag)) })
export const WorkerTagChangeRequest = named('WorkerTagChangeRequest', { tag_ids: Type.Array(Type.String(), { maxItems: 1000 }) })

const workerSummary = {
  id: Type.String(),
  name: Type.String(),
  status: WireWorkerStatus,
  version: Type.String(),
  can_restart: Type.Boolean(),
  status_change: Type.Optional(WorkerStatusChangeRequest),
  last_seen: Type.Optional(DateTime),
}
export const WorkerSummary = named('WorkerSummary', workerSummary)
export const WorkerList = named('WorkerList', { workers: Type.Array(WorkerSummary) })
export const Worker = named('Worker', {
  ...workerSummary,
  ip_address: Type.String(),
  platform: Type.String(),
  supported_task_types: Type.Array(Type.String()),
  task: Type.Optional(WorkerTask),
  tags: Type.Optional(Type.Array(WorkerTag)),
})
export const WorkerSleepSchedule = named('WorkerSleepSchedule', {
  is_active: Type.Boolean(),
  days_of_week: Type.String({ maxLength: 200 }),
  start_time: Type.String({ maxLength: 20 }),
  end_time: Type.String({ maxLength: 20 }),
})
