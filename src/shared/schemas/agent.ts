/**
 * The protocol between our worker and our manager, under `/api/v1/agent`. Authentication after `join`: HTTP Basic,
 * worker id and the secret that the worker made. All bodies are JSON; times are milliseconds since the epoch.
 *
 *   POST /agent/join      once: become known; the worker keeps id and secret
 *   POST /agent/sign-on   at each start: what it can do, what it still runs
 *   POST /agent/take      long poll: heartbeat, lease renewal, new work, cancellations and status requests in one
 *   POST /agent/report    ordered events of attempts, exactly once by `seq`; may ask for the next task in the same call
 *   PUT  /agent/preview/{taskId}/{attempt}   a preview image of a frame (JPEG body), or its light (packed floats)
 *   POST /agent/preview/{taskId}/{attempt}/missing   there will be none, and why
 *   POST /agent/errands/{errandId}   the answer to an errand that a `take` brought
 *   PUT  /agent/errands/{errandId}/preview   the picture that an errand asked for, like those of the worker's own attempts
 *   GET  /agent/checkout   the files of a checkout that the worker does not see; GET /agent/files/{sha256}/{bytes}   one of them
 *   POST /agent/sign-off  leaving: what it runs is requeued
 */
import { Type, type Static } from 'typebox'
import { LogStream, Outcome, WorkerStatus } from '../enums.ts'
import { Id, nullable } from './common.ts'
import { CommandSchema } from './job.ts'
import { SessionReports } from './session.ts'
import { Load, MachineReport } from './worker.ts'

const Kinds = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })

/** Which attempt: the fence. A report for one that no longer holds its task is refused as stale. */
export const Fence = Type.Object({ taskId: Id, attempt: Type.Integer({ minimum: 1 }) })
export type Fence = Static<typeof Fence>

export const JoinRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  secret: Type.String({ minLength: 32, maxLength: 200 }),
  platform: Type.String({ minLength: 1, maxLength: 64 }),
  kinds: Kinds,
  machine: Type.Optional(MachineReport),
})
export type JoinRequest = Static<typeof JoinRequest>
export const JoinReply = Type.Object({ workerId: Id, approved: Type.Boolean(), managerName: Type.String() })
export type JoinReply = Static<typeof JoinReply>

export const SignOnRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  software: Type.String({ maxLength: 200 }),
  kinds: Kinds,
  capacity: Type.Integer({ minimum: 1, maximum: 1024 }),
  canRestart: Type.Optional(Type.Boolean()),
  capabilities: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  machine: Type.Optional(MachineReport),
  /** Attempts that still run in this worker (after its own restart, or the manager's). */
  running: Type.Array(Fence, { maxItems: 1024 }),
})
export type SignOnRequest = Static<typeof SignOnRequest>
export const SignOnReply = Type.Object({
  status: WorkerStatus,
  approved: Type.Boolean(),
  /** Of `running`: those it may keep; the others it must stop and forget. */
  keep: Type.Array(Fence),
  /** Attempts that the manager thinks it runs and that it did not name: they have been requeued. */
  lost: Type.Array(Fence),
  /** Highest event `seq` already applied: the worker drops these from its outbox. */
  reportSeq: Type.Integer(),
  leaseSeconds: Type.Integer(),
})
export type SignOnReply = Static<typeof SignOnReply>

/** What the manager adds to a task of kind `container`. */
export const ContainerGrant = Type.Object({
  /** An administrator submitted the job. */
  isAdminJob: Type.Boolean(),
  /** Credentials of the registries that the task's images come from. */
  registries: Type.Array(Type.Object({ registry: Type.String(), username: Type.String(), password: Type.String() })),
  /** Engines (by host or name) that get nothing new. */
  blacklist: Type.Array(Type.String()),
})
export type ContainerGrant = Static<typeof ContainerGrant>

/**
 * A checkout of the manager's file store that commands read from. `root` is its folder as commands of this worker name it;
 * a worker that does not see it fetches the files and puts its own copy's folder in the place of `root`.
 */
export const CheckoutRef = Type.Object({ id: Type.String({ minLength: 1, maxLength: 4096 }), root: Type.String({ minLength: 1 }) })
export type CheckoutRef = Static<typeof CheckoutRef>

export const Assignment = Type.Object({
  taskId: Id,
  attempt: Type.Integer(),
  jobId: Id,
  jobName: Type.String(),
  jobType: Type.String(),
  taskName: Type.String(),
  kind: Type.String(),
  /** Variables are already replaced for this worker's platform. */
  commands: Type.Array(CommandSchema),
  stepsTotal: Type.Integer(),
  maxRunMs: Type.Integer(),
  maxSilenceMs: Type.Integer(),
  /** For tasks that run containers; credentials are for this run only and are never kept. */
  container: Type.Optional(ContainerGrant),
  /** False: the job wants a fresh process for each task. */
  sessions: Type.Optional(Type.Boolean()),
  checkout: Type.Optional(CheckoutRef),
})
export type Assignment = Static<typeof Assignment>

export const TakeRequest = Type.Object({
  /** How many more tasks it could start now; 0: only heartbeat and control. */
  slots: Type.Integer({ minimum: 0, maximum: 1024 }),
  waitMs: Type.Integer({ minimum: 0, maximum: 60_000 }),
  running: Type.Array(Fence, { maxItems: 1024 }),
  /** Ids of the errands that it is on; those that are missing are told (again). */
  errands: Type.Optional(Type.Array(Id, { maxItems: 1024 })),
  load: Type.Optional(Load),
  /**
   * The status the worker has now, told in every call: `awake`, or `asleep` once it followed a request. When it differs
   * from the stored one the server records it (engine.workerChangedStatus) before it answers.
   */
  status: Type.Optional(WorkerStatus),
  /** When something changed since the last answer, and in the first call after a sign-on. */
  sessions: Type.Optional(SessionReports),
  /** The task that it will run next (ReportReply.next), until it begins it. */
  holds: Type.Optional(Fence),
  /** Tasks that it was asked to give back, or cannot run now, and will not begin. */
  returned: Type.Optional(Type.Array(Fence, { maxItems: 100 })),
})
export type TakeRequest = Static<typeof TakeRequest>
export const Cancellation = Type.Object({ taskId: Id, attempt: Type.Integer(), reason: Type.String() })

/** Commands that may be an errand: they look, and change nothing. */
export const ERRAND_COMMANDS = ['check-paths', 'inspect-blend'] as const
/**
 * An errand that is no command: the preview of a picture that was saved by another worker, or by this one before it was killed.
 * Parameters: `file`, and `frameId` for the manager. What is made goes to PUT /agent/errands/{errandId}/preview; the result tells what was sent.
 */
export const PREVIEW_ERRAND = 'make-preview'
/**
 * A question that a worker answers beside its work, without a slot: a command whose result is the answer. Any worker that is
 * approved may get one, also one that is busy or asleep.
 */
export const Errand = Type.Object({
  id: Id,
  command: CommandSchema,
  maxRunMs: Type.Integer({ minimum: 1 }),
  checkout: Type.Optional(CheckoutRef),
})
export type Errand = Static<typeof Errand>
/** POST /agent/errands/{errandId}: the command's result, or why there is none. */
export const ErrandAnswer = Type.Union([
  Type.Object({ result: Type.Unknown() }, { additionalProperties: false }),
  Type.Object({ problem: Type.String({ minLength: 1, maxLength: 4000 }) }, { additionalProperties: false }),
])
export type ErrandAnswer = Static<typeof ErrandAnswer>

/** GET /agent/checkout?id=: its files; paths are relative, with slashes. */
export const CheckoutQuery = Type.Object({ id: Type.String({ minLength: 1, maxLength: 4096 }) })
export const CheckoutFiles = Type.Object({
  files: Type.Array(Type.Object({ path: Type.String(), sha: Type.String(), size: Type.Integer({ minimum: 0 }) })),
})
export type CheckoutFiles = Static<typeof CheckoutFiles>

export const TakeReply = Type.Object({
  assignments: Type.Array(Assignment),
  cancel: Type.Array(Cancellation),
  statusRequested: nullable(WorkerStatus),
  /** True: finish what runs first. */
  statusRequestLazy: Type.Boolean(),
  approved: Type.Boolean(),
  /** Jobs that have nothing left for the applications that are open for them. */
  closeSessions: Type.Optional(Type.Array(Id)),
  errands: Type.Optional(Type.Array(Errand)),
  /** Next tasks that it must not begin; each is named in `returned` of the next call, unless it has begun. */
  recall: Type.Optional(Type.Array(Fence)),
})
export type TakeReply = Static<typeof TakeReply>

const at = Type.Integer()
export const ReportEvent = Type.Union([
  Type.Object({ type: Type.Literal('started'), at }),
  /** Whole lines, each ending in a newline. */
  Type.Object({ type: Type.Literal('log'), at, stream: LogStream, text: Type.String({ maxLength: 4_000_000 }) }),
  Type.Object({
    type: Type.Literal('progress'),
    at,
    stepsCompleted: Type.Integer({ minimum: 0 }),
    activity: Type.Optional(Type.String({ maxLength: 1000 })),
  }),
  /** A file that the renderer saved. */
  Type.Object({
    type: Type.Literal('output'),
    at,
    path: Type.String({ minLength: 1, maxLength: 4096 }),
    frame: nullable(Type.Integer()),
    bytes: nullable(Type.Integer()),
    width: nullable(Type.Integer()),
    height: nullable(Type.Integer()),
    renderedMs: nullable(Type.Integer()),
  }),
  Type.Object({
    type: Type.Literal('finished'),
    at,
    outcome: Outcome,
    exitCode: nullable(Type.Integer()),
    reason: Type.String({ maxLength: 4000 }),
    result: Type.Optional(Type.Unknown()),
    metrics: Type.Optional(Type.Unknown()),
  }),
])
export type ReportEvent = Static<typeof ReportEvent>

export const Report = Type.Object({
  seq: Type.Integer({ minimum: 1 }),
  taskId: Id,
  attempt: Type.Integer({ minimum: 1 }),
  event: ReportEvent,
})
export type Report = Static<typeof Report>

export const ReportRequest = Type.Object({
  reports: Type.Array(Report, { maxItems: 1000 }),
  /** Tasks wanted in the same round trip, for slots that these reports free. */
  take: Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 })),
  /** As in TakeRequest. */
  sessions: Type.Optional(SessionReports),
  /** Every slot is taken, and it would hold one more task: what it runs next. */
  next: Type.Optional(Type.Boolean()),
})
export type ReportRequest = Static<typeof ReportRequest>
export const ReportReply = Type.Object({
  /** Highest `seq` applied; everything up to it is on disk. */
  reportSeq: Type.Integer(),
  /** Attempts among the reports that no longer hold their task: stop them. Their late log lines were kept. */
  stale: Type.Array(Fence),
  assignments: Type.Array(Assignment),
  /**
   * A task to hold and to begin, without asking, as soon as a slot is free. It is queued until the worker's `started` says that
   * its attempt has begun.
   */
  next: Type.Optional(Assignment),
})
export type ReportReply = Static<typeof ReportReply>

/** The files of one preview. `thumbnail` and `large` are JPEGs; `light` is no picture but its light, see sceneLight.ts. */
export const PreviewSize = Type.Union([Type.Literal('thumbnail'), Type.Literal('large'), Type.Literal('light')])
export type PreviewSize = Static<typeof PreviewSize>

/** Query of PUT /agent/preview/{taskId}/{attempt}: which file of the attempt, and what the body is. */
export const PreviewQuery = Type.Object({
  path: Type.String({ minLength: 1, maxLength: 4096 }),
  size: PreviewSize,
})

/** Query of PUT /agent/errands/{errandId}/preview. */
export const ErrandPreviewQuery = Type.Object({ size: PreviewSize })

/** POST /agent/preview/{taskId}/{attempt}/missing: the file has no preview; people are told why. */
export const PreviewMissing = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 4096 }), reason: Type.String({ minLength: 1, maxLength: 1000 }) },
  { additionalProperties: false },
)
