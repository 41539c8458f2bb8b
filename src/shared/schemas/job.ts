/** Jobs, tasks, attempts and frames as the native API shows them (`/api/v1`). */
import { Type, type Static } from 'typebox'
import { AttemptStatus, JobStatus, Outcome, QueueOrder, TaskStatus } from '../enums.ts'
import { Policy } from '../policy.ts'
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
  /** Addresses of the previews, relative to the server: thumbnail (≤ 320 wide) and large (≤ 1920 wide). Null without preview. */
  thumbnailUrl: nullable(Type.String()),
  largeUrl: nullable(Type.String()),
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
    policy: Type.Optional(Type.Partial(Policy)),
    submitterPlatform: Type.Optional(Type.String()),
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
    policy: Type.Optional(Type.Partial(Policy)),
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

export const TaskAction = Type.Union([Type.Literal('requeue'), Type.Literal('cancel'), Type.Literal('skip')])
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
  reasons: Type.Array(WaitReason),
})
export type WaitReason = Static<typeof WaitReason>
export type Explanation = Static<typeof Explanation>
