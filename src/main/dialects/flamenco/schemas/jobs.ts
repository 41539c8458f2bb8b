/** Jobs, tasks and job types on the wire (Flamenco §1.6). */
import { Type, type Static } from 'typebox'
import { JOB_STATUSES, TASK_STATUSES } from '../../../../shared/enums.ts'
import { AnyObject, Anything, DateTime, Int, mapOf, named, Uuid, words } from './common.ts'

export const WireJobStatus = words('JobStatus', JOB_STATUSES)
export const WireTaskStatus = words('TaskStatus', TASK_STATUSES)

export const AvailableJobSetting = named('AvailableJobSetting', {
  key: Type.String(),
  type: words('AvailableJobSettingType', ['string', 'int32', 'float', 'bool']),
  subtype: Type.Optional(words('AvailableJobSettingSubtype', ['file_path', 'dir_path', 'file_name', 'hashed_file_path'])),
  choices: Type.Optional(Type.Array(Type.String())),
  propargs: Type.Optional(AnyObject),
  description: Type.Optional(Anything),
  label: Type.Optional(Anything),
  default: Type.Optional(Anything),
  eval: Type.Optional(Type.String()),
  evalInfo: Type.Optional(Type.Object({ showLinkButton: Type.Boolean(), description: Type.String() })),
  visible: Type.Optional(words('AvailableJobSettingVisibility', ['visible', 'hidden', 'submission', 'web'])),
  required: Type.Optional(Type.Boolean()),
  editable: Type.Optional(Type.Boolean()),
})
export const AvailableJobType = named('AvailableJobType', {
  name: Type.String(),
  label: Type.String(),
  settings: Type.Array(AvailableJobSetting),
  etag: Type.String(),
  description: Type.Optional(Type.String()),
})
export const AvailableJobTypes = named('AvailableJobTypes', { job_types: Type.Array(AvailableJobType) })

const JobStorage = named('JobStorageInfo', { shaman_checkout_id: Type.Optional(Type.String({ maxLength: 1024 })) })

export const SubmittedJob = named('SubmittedJob', {
  /** May be empty, as in the original. */
  name: Type.String({ maxLength: 1024 }),
  type: Type.String({ minLength: 1, maxLength: 255 }),
  priority: Type.Integer({ default: 50, minimum: 0, maximum: 100 }),
  submitter_platform: Type.String({ maxLength: 50 }),
  type_etag: Type.Optional(Type.String()),
  settings: Type.Optional(AnyObject),
  metadata: Type.Optional(mapOf(Type.String())),
  storage: Type.Optional(JobStorage),
  worker_tag: Type.Optional(Type.String()),
  initial_status: Type.Optional(WireJobStatus),
})
export type SubmittedJob = Static<typeof SubmittedJob>

export const Job = named('Job', {
  id: Type.String(),
  name: Type.String(),
  type: Type.String(),
  priority: Int,
  submitter_platform: Type.String(),
  settings: AnyObject,
  metadata: mapOf(Type.String()),
  storage: Type.Optional(JobStorage),
  worker_tag: Type.Optional(Type.String()),
  created: DateTime,
  updated: DateTime,
  status: WireJobStatus,
  activity: Type.String(),
  steps_completed: Int,
  steps_total: Int,
  delete_requested_at: Type.Optional(DateTime),
})
export const JobsQueryResult = named('JobsQueryResult', { jobs: Type.Array(Job) })
export const JobsQuery = named('JobsQuery', {
  offset: Type.Optional(Type.Integer({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  order_by: Type.Optional(Type.Array(Type.String())),
  status_in: Type.Optional(Type.Array(WireJobStatus)),
  metadata: Type.Optional(mapOf(Type.String())),
  settings: Type.Optional(AnyObject),
})
export type JobsQuery = Static<typeof JobsQuery>

export const JobStatusChange = named('JobStatusChange', { status: WireJobStatus, reason: Type.String({ maxLength: 4000 }) })
export const JobPriorityChange = named('JobPriorityChange', { priority: Type.Integer({ minimum: 0, maximum: 100 }) })
export const JobTagChange = named('JobTagChange', { id: Type.Optional(Type.String()), name: Type.Optional(Type.String()) })
export const JobMassDeletionSelection = named('JobMassDeletionSelection', { last_updated_max: Type.Optional(DateTime) })
export const JobDeletionInfo = named('JobDeletionInfo', { shaman_checkout: Type.Boolean() })
export const JobBlocklistEntry = named('JobBlocklistEntry', {
  worker_id: Uuid,
  task_type: Type.String(),
  worker_name: Type.Optional(Type.String()),
})
export const JobBlocklist = Type.Array(JobBlocklistEntry, { title: 'JobBlocklist' })
export const JobLastRenderedImageInfo = named('JobLastRenderedImageInfo', {
  base: Type.String(),
  suffixes: Type.Array(Type.String()),
})

export const Command = named('Command', { name: Type.String(), parameters: AnyObject, total_step_count: Int })
export const TaskWorker = named('TaskWorker', { id: Type.String(), name: Type.String(), address: Type.String() })
const taskSummary = {
  id: Type.String(),
  name: Type.String(),
  status: WireTaskStatus,
  index_in_job: Int,
  priority: Int,
  task_type: Type.String(),
  updated: DateTime,
  steps_completed: Int,
  steps_total: Int,
  worker: Type.Optional(TaskWorker),
}
export const TaskSummary = named('TaskSummary', taskSummary)
/** A worker's current or last task. */
export const WorkerTask = named('WorkerTask', { ...taskSummary, job_id: Type.String() })
export const JobTasksSummary = named('JobTasksSummary', { tasks: Type.Array(TaskSummary) })
export const Task = named('Task', {
  ...taskSummary,
  created: DateTime,
  job_id: Type.String(),
  activity: Type.String(),
  commands: Type.Array(Command),
  last_touched: Type.Optional(DateTime),
  failed_by_workers: Type.Optional(Type.Array(TaskWorker)),
})
export const TaskStatusChange = named('TaskStatusChange', { status: WireTaskStatus, reason: Type.String({ maxLength: 4000 }) })
export const TaskLogInfo = named('TaskLogInfo', { task_id: Type.String(), job_id: Type.String(), url: Type.String(), size: Int })
