/** Jobs, tasks, attempts and frames as the native API shows them (`/api/v1`). */
import { Type, type Static } from 'typebox'
import { AttemptStatus, JobStatus, Outcome, QueueOrder, TaskStatus } from '../enums.ts'
import { Policy, PolicyChanges } from '../policy.ts'
import { NotificationRules } from './notify.ts'
import { Id, NamedRef, Time, nullable } from './common.ts'

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

export const Steps = Type.Object({ completed: Type.Integer(), total: Type.Integer() })

export const Frame = Type.Object({
  id: Type.Integer(),
  jobId: Id,
  taskId: Id,
  attempt: Type.Integer(),
  /** Frame number, null for a single image. */
  frame: nullable(Type.Integer()),
  path: Type.String(),
  bytes: nullable(Type.Integer()),
  width: nullable(Type.Integer()),
  height: nullable(Type.Integer()),
  preview: Type.Union([Type.Literal('none'), Type.Literal('ready'), Type.Literal('failed')]),
  /** Why there is none, when making it failed; else empty. */
  previewProblem: Type.String(),
  /** Addresses of the previews, relative to the server: thumbnail (≤ 320 wide) and large (≤ 1920 wide). Null without preview. */
  thumbnailUrl: nullable(Type.String()),
  largeUrl: nullable(Type.String()),
  /** Where the picture's light is (sceneLight.ts), when its format holds more than a screen shows: EXR, HDR. */
  lightUrl: nullable(Type.String()),
  renderedMs: nullable(Type.Integer()),
  createdAt: Time,
})
export type Frame = Static<typeof Frame>

export const JobSummary = Type.Object({
  id: Id,
  name: Type.String(),
  type: Type.String(),
  project: Type.String(),
  owner: Type.String(),
  origin: Type.String(),
  priority: Type.Integer(),
  status: JobStatus,
  activity: Type.String(),
  counts: TaskCounts,
  steps: Steps,
  frameCount: Type.Integer(),
  activeWorkers: Type.Array(NamedRef),
  tag: nullable(NamedRef),
  /** Estimated seconds until done, from the pace so far; null when nothing has finished yet or nothing is left. */
  etaSeconds: nullable(Type.Number()),
  lastFrame: nullable(Frame),
  createdAt: Time,
  updatedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
  startAfter: nullable(Time),
  deletedAt: nullable(Time),
})
export type JobSummary = Static<typeof JobSummary>

export const Job = Type.Object({
  ...JobSummary.properties,
  settings: Type.Record(Type.String(), Type.Unknown()),
  metadata: Type.Record(Type.String(), Type.String()),
  policy: Policy,
  queueOrder: QueueOrder,
  maxWorkers: nullable(Type.Integer()),
  limits: Type.Array(Type.String()),
  dependsOn: Type.Array(NamedRef),
  outputDir: nullable(Type.String()),
  blocklist: Type.Array(Type.Object({ worker: NamedRef, kind: Type.String() })),
  /** Whom its submitter wants told; values of webhook headers are not shown. */
  notify: NotificationRules,
})
export type Job = Static<typeof Job>

/** POST /api/v1/jobs. Settings are checked against the job type's own typed settings. */
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
    maxWorkers: Type.Optional(Type.Integer({ minimum: 1 })),
    startAfter: Type.Optional(Time),
    dependsOn: Type.Optional(Type.Array(Id, { maxItems: 100 })),
    limits: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
    policy: Type.Optional(PolicyChanges),
    submitterPlatform: Type.Optional(Type.String()),
    /** Whom to tell when it ends. */
    notify: Type.Optional(NotificationRules),
  },
  { additionalProperties: false },
)
export type NewJob = Static<typeof NewJob>

/** PATCH /api/v1/jobs/{id}: what may change while the job lives. */
export const JobPatch = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    project: Type.Optional(Type.String({ maxLength: 200 })),
    priority: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
    tag: Type.Optional(nullable(Id)),
    maxWorkers: Type.Optional(nullable(Type.Integer({ minimum: 1 }))),
    startAfter: Type.Optional(nullable(Time)),
    limits: Type.Optional(Type.Array(Type.String(), { maxItems: 20 })),
    policy: Type.Optional(PolicyChanges),
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
  /** Only what failed or was cancelled, and what depends on it. */
  Type.Literal('requeue-failed'),
  Type.Literal('delete'),
  Type.Literal('undelete'),
])
export type JobAction = Static<typeof JobAction>

export const TaskAction = Type.Union([
  Type.Literal('requeue'),
  /** As requeue, and the worker that ran it last does not get it again; a plain requeue lets everybody have it. */
  Type.Literal('requeue-elsewhere'),
  Type.Literal('cancel'),
  Type.Literal('skip'),
])
export type TaskAction = Static<typeof TaskAction>

export const TaskSummary = Type.Object({
  id: Id,
  jobId: Id,
  index: Type.Integer(),
  name: Type.String(),
  kind: Type.String(),
  status: TaskStatus,
  priority: Type.Integer(),
  activity: Type.String(),
  steps: Steps,
  worker: nullable(NamedRef),
  attempts: Type.Integer(),
  /** How many groups or tasks it still waits for. */
  unmet: Type.Integer(),
  updatedAt: Time,
  startedAt: nullable(Time),
  finishedAt: nullable(Time),
})
export type TaskSummary = Static<typeof TaskSummary>

export const CommandSchema = Type.Object({
  name: Type.String(),
  parameters: Type.Record(Type.String(), Type.Unknown()),
  totalStepCount: Type.Integer({ minimum: 0, default: 0 }),
})
/** One step of a task, in the shape that job-type scripts author (Flamenco §5.3). */
export type Command = Static<typeof CommandSchema>

export const Attempt = Type.Object({
  taskId: Id,
  number: Type.Integer(),
  worker: NamedRef,
  status: AttemptStatus,
  outcome: nullable(Outcome),
  reason: Type.String(),
  exitCode: nullable(Type.Integer()),
  startedAt: Time,
  endedAt: nullable(Time),
  logBytes: Type.Integer(),
  logLines: Type.Integer(),
  result: Type.Unknown(),
  metrics: Type.Unknown(),
})
export type Attempt = Static<typeof Attempt>

export const Task = Type.Object({
  ...TaskSummary.properties,
  commands: Type.Array(CommandSchema),
  failedBy: Type.Array(NamedRef),
  attemptList: Type.Array(Attempt),
})
export type Task = Static<typeof Task>

/** One rule of the scheduler that keeps a task waiting, and whom it excludes. */
export const WaitReason = Type.Object({
  rule: Type.String(),
  message: Type.String(),
  /** What somebody could do about it. */
  advice: Type.String(),
  workersExcluded: Type.Integer(),
  workers: Type.Array(NamedRef),
})
export const Explanation = Type.Object({
  taskId: Id,
  status: TaskStatus,
  summary: Type.String(),
  workersTotal: Type.Integer(),
  workersEligible: Type.Integer(),
  /** Workers that have the job's application open; they are preferred where that keeps nobody waiting. */
  openOn: Type.Array(NamedRef),
  reasons: Type.Array(WaitReason),
})
export type WaitReason = Static<typeof WaitReason>
export type Explanation = Static<typeof Explanation>

/** Several words in one query parameter: `status=queued,active`. */
const Words = Type.String({ maxLength: 8000 })

/** The order of a list of jobs: a field, with `-` before it for "largest first". */
export const JOB_SORTS = ['createdAt', 'updatedAt', 'finishedAt', 'name', 'priority', 'status', 'type', 'project', 'owner'] as const

/** Filters of GET /jobs and GET /jobs/groups. */
export const JobFilterQuery = Type.Object({
  /** Text in name, type, owner or project. */
  q: Type.Optional(Type.String({ maxLength: 200 })),
  /** Statuses, separated by commas. */
  status: Type.Optional(Words),
  type: Type.Optional(Words),
  project: Type.Optional(Words),
  owner: Type.Optional(Words),
  /** Id of a worker tag. */
  tag: Type.Optional(Id),
  origin: Type.Optional(Words),
  /** Only these jobs, ids separated by commas. */
  ids: Type.Optional(Words),
  /** True: the deleted jobs that can still be brought back, instead of the others. */
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
export const JobActionInput = Type.Object({ action: JobAction }, { additionalProperties: false })
export const BulkJobAction = Type.Object(
  { ids: Type.Array(Id, { minItems: 1, maxItems: 1000 }), action: JobAction },
  { additionalProperties: false },
)
/** POST /tasks/{id}/actions and, with ids, POST /tasks/actions. */
export const TaskActionInput = Type.Object({ action: TaskAction }, { additionalProperties: false })
export const BulkTaskAction = Type.Object(
  { ids: Type.Array(Id, { minItems: 1, maxItems: 10_000 }), action: TaskAction },
  { additionalProperties: false },
)

/** POST /jobs/check: what the job would become. */
export const DryRun = Type.Object({
  settings: Type.Record(Type.String(), Type.Unknown()),
  taskCount: Type.Integer(),
  tasks: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
})
export type DryRun = Static<typeof DryRun>

/** GET /jobs/{id}/tasks */
export const TaskQuery = Type.Object({
  status: Type.Optional(Words),
  kind: Type.Optional(Words),
  /** Text in the task's name. */
  q: Type.Optional(Type.String({ maxLength: 200 })),
  /** Id of the worker that runs it, or ran it last. */
  worker: Type.Optional(Id),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 200 })),
})

/**
 * GET /jobs/{id}/grid: all tasks of a job, small enough for 100,000 of them. `statuses` has one letter a task, in order
 * of index: q queued, a active, c completed, f failed, x canceled, s soft-failed, p paused. `kindOf` indexes `kinds`.
 * `frames`: [task index from 1, frame number, frame id] of each frame with a preview.
 */
export const Grid = Type.Object({
  statuses: Type.String(),
  names: Type.Array(Type.String()),
  kinds: Type.Array(Type.String()),
  kindOf: Type.Array(Type.Integer()),
  frames: Type.Array(Type.Tuple([Type.Integer(), nullable(Type.Integer()), Type.Integer()])),
})
export type Grid = Static<typeof Grid>

/** GET /jobs/{id}/timeline: who ran what when. */
export const TimelineItem = Type.Object({
  taskId: Id,
  taskName: Type.String(),
  attempt: Type.Integer(),
  worker: NamedRef,
  status: AttemptStatus,
  outcome: nullable(Outcome),
  startedAt: Time,
  endedAt: nullable(Time),
})
export type TimelineItem = Static<typeof TimelineItem>
export const Timeline = Type.Object({ items: Type.Array(TimelineItem), next: nullable(Type.String()) })

/** GET /jobs/{id}/graph: tasks with the same kind and the same dependencies are one node, so that it stays readable. */
export const GraphNode = Type.Object({
  id: Type.String(),
  label: Type.String(),
  kind: Type.String(),
  /** First task of the node. */
  taskId: nullable(Id),
  /** How many of its tasks are in which status. */
  counts: Type.Record(Type.String(), Type.Integer()),
})
export type GraphNode = Static<typeof GraphNode>
export const JobGraph = Type.Object({
  nodes: Type.Array(GraphNode),
  /** `to` waits for `from`. */
  edges: Type.Array(Type.Object({ from: Type.String(), to: Type.String() })),
})
export type JobGraph = Static<typeof JobGraph>

/** GET /jobs/{id}/explain: the reasons of its waiting tasks, put together. */
export const JobExplanation = Type.Object({
  jobId: Id,
  status: JobStatus,
  summary: Type.String(),
  /** Tasks that wait, and how many of them were looked at (one of each kind and situation). */
  waiting: Type.Integer(),
  examined: Type.Integer(),
  openOn: Type.Array(NamedRef),
  reasons: Type.Array(Type.Object({ ...WaitReason.properties, tasks: Type.Integer(), exampleTaskId: Id })),
})
export type JobExplanation = Static<typeof JobExplanation>
