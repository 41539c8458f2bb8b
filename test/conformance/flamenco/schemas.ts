/**
 * What replies must look like for the strict generated Python client (§1.6, §1.7): written down here once more, on their
 * own, so that a mistake in the server's schemas does not hide itself. Nothing beyond the named properties is allowed.
 */
import { Type, type TProperties, type TSchema } from 'typebox'

const strict = <T extends TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false })
const word = (...words: string[]) => Type.Enum(words)
const map = (values: TSchema) => Type.Record(Type.String(), values)
const opt = Type.Optional

const uuid = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' })
const time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' })
const text = Type.String()
const int = Type.Integer()
const bool = Type.Boolean()
const any = Type.Unknown()

const jobStatus = word(
  'active',
  'canceled',
  'completed',
  'failed',
  'paused',
  'pause-requested',
  'queued',
  'cancel-requested',
  'requeueing',
  'under-construction',
)
const taskStatus = word('active', 'canceled', 'completed', 'failed', 'queued', 'soft-failed', 'paused')
const workerStatus = word('starting', 'awake', 'asleep', 'error', 'testing', 'offline', 'restart')

export const ErrorReply = Type.Object(
  { code: int, message: Type.String({ minLength: 1 }), field: opt(Type.String({ minLength: 1 })) },
  { additionalProperties: false },
)

export const FlamencoVersion = strict({ version: text, shortversion: text, name: text, git: text })
export const FarmStatusReport = strict({ status: word('active', 'idle', 'waiting', 'asleep', 'inoperative', 'unknown', 'starting') })
export const ManagerConfiguration = strict({ storageLocation: text, shamanEnabled: bool, isFirstRun: bool })
export const ManagerVariables = map(strict({ value: text, is_twoway: bool }))
export const SharedStorageLocation = strict({ location: text, audience: word('workers', 'users'), platform: text, shamanEnabled: bool })
export const PathCheckResult = strict({ path: text, is_usable: bool, cause: text })
export const BlenderPathCheckResult = strict({
  input: text,
  path: text,
  source: word('file_association', 'path_envvar', 'system_location', 'input_path', 'default'),
  is_usable: bool,
  cause: text,
})
export const BlenderPathFindResult = Type.Array(BlenderPathCheckResult)
export const ConfigurationFile = map(any)

const setting = strict({
  key: text,
  type: word('string', 'int32', 'float', 'bool'),
  subtype: opt(word('file_path', 'dir_path', 'file_name', 'hashed_file_path')),
  choices: opt(Type.Array(text)),
  propargs: opt(map(any)),
  description: opt(any),
  label: opt(any),
  default: opt(any),
  eval: opt(text),
  evalInfo: opt(strict({ showLinkButton: bool, description: text })),
  visible: opt(word('visible', 'hidden', 'submission', 'web')),
  required: opt(bool),
  editable: opt(bool),
})
export const AvailableJobType = strict({
  name: text,
  label: text,
  settings: Type.Array(setting),
  etag: Type.String({ pattern: '^[0-9a-f]{40}$' }),
  description: opt(text),
})
export const AvailableJobTypes = strict({ job_types: Type.Array(AvailableJobType) })

export const Job = strict({
  id: uuid,
  name: text,
  type: text,
  priority: int,
  submitter_platform: Type.Literal(''),
  settings: map(any),
  metadata: map(text),
  storage: opt(strict({ shaman_checkout_id: text })),
  worker_tag: opt(uuid),
  created: time,
  updated: time,
  status: jobStatus,
  activity: text,
  steps_completed: int,
  steps_total: int,
  delete_requested_at: opt(time),
})
export const Jobs = strict({ jobs: Type.Array(Job) })
export const JobDeletionInfo = strict({ shaman_checkout: bool })
export const JobBlocklist = Type.Array(strict({ worker_id: uuid, task_type: text, worker_name: opt(text) }))
export const JobLastRenderedImageInfo = strict({ base: text, suffixes: Type.Array(text) })

/** All three are empty while no worker has the task. */
const taskWorker = Type.Union([
  strict({ id: uuid, name: text, address: text }),
  strict({ id: Type.Literal(''), name: Type.Literal(''), address: Type.Literal('') }),
])
const taskSummary = {
  id: uuid,
  name: text,
  status: taskStatus,
  index_in_job: int,
  priority: int,
  task_type: text,
  updated: time,
  steps_completed: int,
  steps_total: int,
  worker: opt(taskWorker),
}
const command = strict({ name: text, parameters: map(any), total_step_count: int })
export const JobTasksSummary = strict({ tasks: Type.Array(strict(taskSummary)) })
export const Task = strict({
  ...taskSummary,
  created: time,
  job_id: uuid,
  activity: text,
  commands: Type.Array(command),
  last_touched: opt(time),
  failed_by_workers: Type.Array(taskWorker),
})
export const TaskLogInfo = strict({ task_id: uuid, job_id: uuid, url: Type.String({ pattern: '^/job-files/' }), size: int })

export const RegisteredWorker = strict({
  uuid,
  name: text,
  address: text,
  status: workerStatus,
  platform: text,
  software: text,
  supported_task_types: Type.Array(text),
})
export const WorkerStateChange = strict({ status_requested: workerStatus })
export const AssignedTask = strict({
  uuid,
  job: uuid,
  name: text,
  status: Type.Literal('active'),
  priority: int,
  job_priority: int,
  job_type: text,
  task_type: text,
  commands: Type.Array(command),
  steps_completed: int,
  steps_total: int,
})
export const MayKeepRunning = strict({ mayKeepRunning: bool, reason: text, statusChangeRequested: bool })

const tag = strict({ id: uuid, name: text, description: opt(Type.String({ minLength: 1 })) })
export const WorkerTag = tag
export const WorkerTagList = strict({ tags: Type.Array(tag) })
const workerSummary = {
  id: uuid,
  name: text,
  status: workerStatus,
  version: text,
  can_restart: bool,
  status_change: opt(strict({ status: workerStatus, is_lazy: bool })),
  last_seen: opt(time),
}
export const WorkerList = strict({ workers: Type.Array(strict(workerSummary)) })
export const Worker = strict({
  ...workerSummary,
  ip_address: text,
  platform: text,
  supported_task_types: Type.Array(text),
  task: opt(strict({ ...taskSummary, job_id: uuid })),
  tags: opt(Type.Array(tag, { minItems: 1 })),
})
export const WorkerSleepSchedule = strict({ is_active: bool, days_of_week: text, start_time: text, end_time: text })

export const ShamanRequirements = strict({
  files: Type.Array(strict({ sha: text, size: int, path: text, status: word('unknown', 'uploading', 'stored') })),
})
export const ShamanCheckoutResult = strict({ checkoutPath: text })
export const ShamanSingleFileStatus = strict({ status: word('unknown', 'uploading', 'stored') })

/** Events over SocketIO. */
const assigned = strict({ uuid, name: text })
export const events: Record<string, TSchema> = {
  '/jobs': strict({
    id: uuid,
    updated: time,
    status: Type.Union([jobStatus, Type.Literal('')]),
    type: text,
    priority: int,
    refresh_tasks: bool,
    steps_completed: int,
    steps_total: int,
    name: opt(text),
    previous_status: opt(jobStatus),
    delete_requested_at: opt(time),
    was_deleted: opt(bool),
  }),
  '/task': strict({
    id: uuid,
    job_id: uuid,
    name: text,
    updated: time,
    status: taskStatus,
    activity: text,
    steps_completed: int,
    steps_total: int,
    previous_status: opt(taskStatus),
    worker: opt(assigned),
  }),
  '/tasklog': strict({ task_id: uuid, log: text }),
  '/last-rendered': strict({ job_id: uuid, thumbnail: JobLastRenderedImageInfo }),
  '/workers': strict({
    id: uuid,
    name: text,
    updated: time,
    status: workerStatus,
    version: text,
    can_restart: bool,
    last_seen: opt(time),
    previous_status: opt(workerStatus),
    status_change: opt(strict({ status: workerStatus, is_lazy: bool })),
    deleted_at: opt(time),
  }),
  '/workertags': strict({ tag: strict({ id: uuid, name: text, description: opt(text) }), was_deleted: opt(bool) }),
  '/lifecycle': strict({ type: word('manager-startup', 'manager-shutdown') }),
  '/status': FarmStatusReport,
}
