/** Jobs as the native API shows them (`/api/v1`). */
import { Type, type Static } from 'typebox'
import { JobStatus, QueueOrder } from '../../enums.ts'
import { Policy, PolicyChanges } from '../../policy.ts'
import { Frame } from './frame.ts'
import { RequeueChoices, Steps, WaitReason } from './task.ts'
import { NotificationRules } from '../notify.ts'
import { SaidAs, SaidWithAdvice } from '../../said/schema.ts'
import { Id, NamedRef, Time, WordList, nullable } from '../common.ts'

export const TaskCounts = Type.Object({
  total: Type.Integer(),
  queued: Type.Integer(),
  active: Type.Integer(),
  completed: Type.Integer(),
  failed: Type.Integer(),
  canceled: Type.Integer(),
  softFailed: Type.Integer(),
  paused: Type.Integer(),
})
export type TaskCounts = Static<typeof TaskCounts>

/** Why tasks of a job wait that no awake worker can take. */
export const JobWait = Type.Object({
  /** `waiting`: for something that people can bring about; `stalled`: no worker is left, and the tasks fail at `until`. Not a job status. */
  state: Type.Enum(['waiting', 'stalled']),
  rule: Type.String(),
  /** The kind of the tasks. */
  kind: Type.String(),
  message: Type.String(),
  advice: Type.String(),
  said: Type.Optional(SaidWithAdvice),
  until: nullable(Time),
})
export type JobWait = Static<typeof JobWait>

export const JobSummary = Type.Object({
  id: Id,
  name: Type.String(),
  type: Type.String(),
  project: Type.String(),
  /** A label of the submitter at that time. */
  owner: Type.String(),
  /** The submitter's id, which no one can choose. */
  ownerId: Type.String(),
  origin: Type.String(),
  priority: Type.Integer(),
  status: JobStatus,
  activity: Type.String(),
  /** Of a completed job that more tasks may join: what it waits for. */
  restsAs: Type.Optional(Type.String()),
  counts: TaskCounts,
  steps: Steps,
  frameCount: Type.Integer(),
  /** Number of distinct warnings of the job and its tasks: GET /jobs/{id}/warnings. */
  warningCount: Type.Integer(),
  activeWorkers: Type.Array(NamedRef),
  tag: nullable(NamedRef),
  /** Estimated seconds until done, from the pace so far; null before the first result, and when nothing is left. */
  etaSeconds: nullable(Type.Number()),
  lastFrame: nullable(Frame),
  createdAt: Time,
  updatedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  startAfter: nullable(Time),
  deletedAt: nullable(Time),
  /** Absent when nothing of the kind applies; the most pressing first. */
  waits: Type.Optional(Type.Array(JobWait)),
})
export type JobSummary = Static<typeof JobSummary>

export const Job = Type.Object({
  ...JobSummary.properties,
  settings: Type.Record(Type.String(), Type.Unknown()),
  metadata: Type.Record(Type.String(), Type.String()),
  policy: Policy,
  queueOrder: QueueOrder,
  /** Maximum number of different workers that run its tasks at the same time. */
  maxWorkers: nullable(Type.Integer()),
  /** Maximum number of its tasks that run at the same time, on any number of workers. */
  maxTasks: nullable(Type.Integer()),
  limits: Type.Array(Type.String()),
  dependsOn: Type.Array(NamedRef),
  outputDir: nullable(Type.String()),
  blocklist: Type.Array(Type.Object({ worker: NamedRef, kind: Type.String() })),
  /** Recipients chosen by the submitter; values of webhook headers are hidden. */
  notify: NotificationRules,
  /** Keep complete existing files, whatever created them, instead of rendering them again. */
  keepWholeFrames: Type.Boolean(),
  /** Its workers send their results to the manager, into `outputDir`. */
  sendFiles: Type.Boolean(),
})
export type Job = Static<typeof Job>

/** POST /api/v1/jobs. Settings are validated against the job type's own typed settings. */
export const NewJob = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200 }),
    type: Type.String({ minLength: 1 }),
    typeEtag: Type.Optional(Type.String()),
    settings: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    metadata: Type.Optional(Type.Record(Type.String(), Type.String())),
    project: Type.Optional(Type.String({ maxLength: 200 })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100, default: 50 })),
    paused: Type.Optional(Type.Boolean()),
    tag: Type.Optional(Id),
    /** Maximum number of different workers that run its tasks at the same time; a worker with several slots may run several of them. */
    maxWorkers: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Maximum number of tasks that run at the same time, on any number of workers. */
    maxTasks: Type.Optional(Type.Integer({ minimum: 1 })),
    startAfter: Type.Optional(Time),
    dependsOn: Type.Optional(Type.Array(Id, { maxItems: 100 })),
    limits: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
    policy: Type.Optional(PolicyChanges),
    /** An unfinished job that renders the same frames to the same folder may overwrite its files, and vice versa. */
    allowSharedOutput: Type.Optional(Type.Boolean()),
    submitterPlatform: Type.Optional(Type.String()),
    /** Who to notify when it ends. */
    notify: Type.Optional(NotificationRules),
    /** Keep complete existing files, whatever created them, instead of rendering them again. */
    keepWholeFrames: Type.Optional(Type.Boolean()),
    /**
     * Its workers need no shared storage: they fetch its inputs from the manager and send their results to it. Output paths may be
     * relative, or left out.
     */
    sendFiles: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
export type NewJob = Static<typeof NewJob>

/** PATCH /api/v1/jobs/{id}: what can change during the job's lifetime. */
export const JobPatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    project: Type.Optional(Type.String({ maxLength: 200 })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    tag: Type.Optional(nullable(Id)),
    maxWorkers: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
    maxTasks: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
    startAfter: Type.Optional(nullable(Time)),
    limits: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
    policy: Type.Optional(PolicyChanges),
    keepWholeFrames: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
)
export type JobPatch = Static<typeof JobPatch>

export const JobAction = Type.Union([
  Type.Literal('pause'),
  Type.Literal('resume'),
  Type.Literal('cancel'),
  /** Everything again. */
  Type.Literal('requeue'),
  /** Only failed and cancelled tasks, and what depends on them. */
  Type.Literal('requeue-failed'),
  Type.Literal('delete'),
  Type.Literal('undelete'),
])
export type JobAction = Static<typeof JobAction>

/** Sort order of a list of jobs: a field, with a leading `-` for descending. */
export const JOB_SORTS = ['createdAt', 'updatedAt', 'finishedAt', 'name', 'priority', 'status', 'type', 'project', 'owner'] as const

/** Filters of GET /jobs and GET /jobs/groups. */
export const JobFilterQuery = Type.Object({
  /** Text in name, type, owner or project. */
  q: Type.Optional(Type.String({ maxLength: 200 })),
  /** Statuses, separated by commas. */
  status: Type.Optional(WordList),
  type: Type.Optional(WordList),
  project: Type.Optional(WordList),
  owner: Type.Optional(WordList),
  /** Id of a worker tag. */
  tag: Type.Optional(Id),
  origin: Type.Optional(WordList),
  /** Only these jobs, ids separated by commas. */
  ids: Type.Optional(WordList),
  /** True: only jobs that have warnings; false: only those without. */
  warnings: Type.Optional(Type.Boolean()),
  /** True: only deleted jobs that can still be restored, instead of all others. */
  deleted: Type.Optional(Type.Boolean()),
})
/** GET /jobs */
export const JobQuery = Type.Object({
  ...JobFilterQuery.properties,
  sort: Type.Optional(Type.String({ maxLength: 50, default: '-createdAt' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 1000 })),
})
/** GET /jobs/groups: how many jobs have which value. */
export const JobGroupQuery = Type.Object({
  ...JobFilterQuery.properties,
  by: Type.Enum(['status', 'type', 'project', 'owner', 'tag']),
})
export const JobGroups = Type.Object({ items: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })) })
export type JobGroups = Static<typeof JobGroups>

/** POST /jobs/{id}/actions and, with ids, POST /jobs/actions. */
export const JobActionInput = Type.Object({ action: JobAction, ...RequeueChoices }, { additionalProperties: false })
export type JobActionInput = Static<typeof JobActionInput>
export const BulkJobAction = Type.Object(
  { ids: Type.Array(Id, { minItems: 1, maxItems: 1000 }), action: JobAction, keepWholeFrames: RequeueChoices.keepWholeFrames },
  { additionalProperties: false },
)

/** Other jobs that wrote, or will write, to the folder of a job: the newest ones. */
export const SharedOutput = Type.Object({
  folder: Type.String(),
  jobs: Type.Array(Type.Object({ ...NamedRef.properties, status: JobStatus })),
  /** One of them is unfinished and has the same frames: the job is accepted only with `allowSharedOutput`. */
  clashes: Type.Boolean(),
})
export type SharedOutput = Static<typeof SharedOutput>

/** POST /jobs/check: a preview of the job. */
export const DryRun = Type.Object({
  settings: Type.Record(Type.String(), Type.Unknown()),
  taskCount: Type.Integer(),
  tasks: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
  /** Absent from managers of an earlier version. */
  sharedOutput: Type.Optional(nullable(SharedOutput)),
})
export type DryRun = Static<typeof DryRun>

/** GET /jobs/{id}/explain: the combined reasons of its waiting tasks. */
export const JobExplanation = Type.Object({
  jobId: Id,
  status: JobStatus,
  summary: Type.String(),
  said: Type.Optional(SaidAs),
  /** Number of waiting tasks, and of those that were examined (one of each kind and situation). */
  waiting: Type.Integer(),
  examined: Type.Integer(),
  openOn: Type.Array(NamedRef),
  reasons: Type.Array(Type.Object({ ...WaitReason.properties, tasks: Type.Integer(), exampleTaskId: Id })),
})
export type JobExplanation = Static<typeof JobExplanation>
