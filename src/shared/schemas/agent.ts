/**
 * The protocol between our worker and our manager, under `/api/v1/agent`. Authentication after `join`: HTTP Basic,
 * worker id and the secret that the worker generated. All bodies are JSON; times are milliseconds since the epoch.
 *
 *   GET  /agent/farm      before a worker talks to an unknown address: which farm it belongs to
 *   GET  /agent/authority  the farm's certificate authority
 *   POST /agent/join      once: register; the worker keeps id and secret
 *   POST /agent/sign-on   at each start: its capabilities, and what it still runs
 *   GET  /agent/sign-in   what became of the sign-in that the window beside a worker asks for
 *   POST /agent/take      long poll: heartbeat, lease renewal, new work, cancellations and status requests in one call
 *   POST /agent/report    ordered events of attempts, exactly once by `seq`; may request the next task in the same call
 *   PUT  /agent/preview/{taskId}/{attempt}   a preview image of a frame (JPEG body), or its light (packed floats)
 *   POST /agent/preview/{taskId}/{attempt}/missing   there is no preview, and why
 *   POST /agent/requests/{requestId}   the result of a request that a `take` delivered
 *   PUT  /agent/requests/{requestId}/preview   the picture that a request asked for, like those of the worker's own attempts
 *   GET  /agent/checkout   the files of a checkout that the worker cannot see; GET /agent/files/{sha256}/{bytes}   one of them
 *   PUT  /agent/results/{taskId}/{attempt}   a file that an attempt saved, for a job without shared storage; GET: what earlier tasks saved
 *   POST /agent/sign-off  leave: what it runs is requeued
 */
import { Type, type Static } from 'typebox'
import { LogStream, Outcome, WorkerStatus } from '../enums.ts'
import { ActorGrant, MAX_RESULT_BYTES } from './actorRun.ts'
import { Id, nullable } from './common.ts'
import { Existing, FrameCheck, Inputs } from './jobs/existing.ts'
import { CommandSchema } from './jobs/task.ts'
import { WarmAppReports } from './warmApp.ts'
import { ReportedWarning } from './jobs/warning.ts'
import { Load, MachineReport } from './worker.ts'

/**
 * Header of every call of a worker after `join`: a UUID of this run of its program. Two with the same identity are copies of
 * one data folder, and the later one is rejected with 409 `cloned`. Without the header, copies cannot be detected.
 */
export const INSTANCE_HEADER = 'framehouse-instance'

const Kinds = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })

/** Folders of the worker in which the manager may open what it saved, once an admin has allowed them; absolute, in its own notation. */
const Folders = Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), { maxItems: 100 })

/** Identifies the attempt: the fence. A report for an attempt that no longer holds its task is rejected as stale. */
export const Fence = Type.Object({ taskId: Id, attempt: Type.Integer({ minimum: 1 }) })
export type Fence = Static<typeof Fence>

export const JoinRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  secret: Type.String({ minLength: 32, maxLength: 200 }),
  platform: Type.String({ minLength: 1, maxLength: 64 }),
  kinds: Kinds,
  machine: Type.Optional(MachineReport),
  /** Allowed at once when an admin's key or the owner's own machine lets it in. */
  folders: Type.Optional(Folders),
  /** The secret of a join code: lets it in without approval. Counts only over TLS. */
  joinCode: Type.Optional(Type.String({ pattern: '^[0-9a-f]{16}$' })),
  /** Who asks, for the person who approves. */
  person: Type.Optional(Type.String({ maxLength: 100 })),
})
export type JoinRequest = Static<typeof JoinRequest>
/** The farm that a worker is registered with, and the key with which that farm proves its identity at another address. */
export const KnownAt = Type.Object({ farmId: Id, key: Type.String({ minLength: 32, maxLength: 200 }) })
/** GET /agent/farm: identifies the farm. With `worker` and `question`, the reply contains the answer that only that worker's farm can give. */
export const FarmQuery = Type.Object({
  worker: Type.Optional(Id),
  question: Type.Optional(Type.String({ minLength: 16, maxLength: 200 })),
})
export const FarmReply = Type.Object({ farmId: Id, managerName: Type.String(), proof: nullable(Type.String()) })
export type FarmReply = Static<typeof FarmReply>
/** GET /agent/authority: the farm's certificate authority, and certificates from before it had one, which vouch for it. */
export const FarmAuthority = Type.Object({
  /** PEM. */
  certificate: Type.String(),
  /** SHA-256 of its public key, hex with colons. */
  fingerprint: Type.String(),
  endorsements: Type.Array(Type.Object({ certificate: Type.String(), signature: Type.String() }), { maxItems: 20 }),
})
/** POST /agent/gateway-certificate: for the https server through which containers of actors reach the manager. */
export const GatewayCertificateRequest = Type.Object({
  /** The gateway's names are `*.domain`. */
  domain: Type.String({ minLength: 1, maxLength: 200 }),
  /** PEM, ECDSA P-256. */
  publicKey: Type.String({ minLength: 1, maxLength: 2_000 }),
})
export const GatewayCertificateReply = Type.Object({
  /** PEM: its certificate, then the farm's authority. */
  certificate: Type.String(),
})
export const JoinReply = Type.Object({
  workerId: Id,
  approved: Type.Boolean(),
  managerName: Type.String(),
  knownAt: Type.Optional(KnownAt),
})
export type JoinReply = Static<typeof JoinReply>

/** SHA-256, base64url, of a token that a window made and keeps to itself: granting a sign-in makes that token valid. */
export const SignInKey = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$' })
/** GET /agent/sign-in */
export const SignInQuery = Type.Object({ key: SignInKey })
export const SignInState = Type.Object({
  /** `unknown`: no worker asks for it, for now. */
  state: Type.Enum(['waiting', 'granted', 'refused', 'unknown']),
  /** Whether the worker that asks is approved. */
  approved: Type.Boolean(),
})
export type SignInState = Static<typeof SignInState>

export const SignOnRequest = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 64 }),
  software: Type.String({ maxLength: 200 }),
  kinds: Kinds,
  capacity: Type.Integer({ minimum: 1, maximum: 1024 }),
  canRestart: Type.Optional(Type.Boolean()),
  capabilities: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  folders: Type.Optional(Folders),
  machine: Type.Optional(MachineReport),
  /** Attempts that still run in this worker (after a restart of the worker or the manager). */
  running: Type.Array(Fence, { maxItems: 1024 }),
  /** The window of this machine asks for a sign-in, too. Counts only over TLS. */
  signIn: Type.Optional(Type.Object({ key: SignInKey, person: Type.String({ maxLength: 100 }) })),
})
export type SignOnRequest = Static<typeof SignOnRequest>
export const SignOnReply = Type.Object({
  status: WorkerStatus,
  approved: Type.Boolean(),
  /** Of `running`: those it may keep; it must stop and discard the others. */
  keep: Type.Array(Fence),
  /** Attempts that the manager expected it to run and that it did not name: they have been requeued. */
  lost: Type.Array(Fence),
  /** Highest event `seq` already applied: the worker drops these from its report log. */
  reportSeq: Type.Integer(),
  leaseSeconds: Type.Integer(),
  knownAt: Type.Optional(KnownAt),
})
export type SignOnReply = Static<typeof SignOnReply>

/** What the manager adds to a task of kind `container`. */
export const ContainerGrant = Type.Object({
  /** An administrator submitted the job. */
  isAdminJob: Type.Boolean(),
  /** Credentials of the registries that the task's images come from. */
  registries: Type.Array(Type.Object({ registry: Type.String(), username: Type.String(), password: Type.String() })),
  /** Engines (by host or name) that get no new containers. */
  blacklist: Type.Array(Type.String()),
})
export type ContainerGrant = Static<typeof ContainerGrant>

/** Where the results of a job without shared storage go. */
export const ResultsRef = Type.Object({
  /** The folder that results go below, as this worker's commands name it: it writes to a folder of its own instead, and sends what it saved. */
  root: Type.String({ minLength: 1 }),
})
export type ResultsRef = Static<typeof ResultsRef>

/**
 * A checkout of the manager's file store that commands read from. `root` is its folder as this worker's commands name it;
 * a worker that cannot see it downloads the files and replaces `root` with the folder of its own copy.
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
  /** Variables are already resolved for this worker's platform. */
  commands: Type.Array(CommandSchema),
  stepsTotal: Type.Integer(),
  maxRunMs: Type.Integer(),
  maxSilenceMs: Type.Integer(),
  /** The attempt ends when its log reaches so many bytes; missing: no limit. */
  maxLogBytes: Type.Optional(Type.Integer({ minimum: 0 })),
  /** For tasks that run containers; credentials are for this run only and are never stored. */
  container: Type.Optional(ContainerGrant),
  /** For an actor's message; likewise never stored. */
  actor: Type.Optional(ActorGrant),
  /** False: the job requires a new process for each task. */
  sessions: Type.Optional(Type.Boolean()),
  checkout: Type.Optional(CheckoutRef),
  /** For a job whose workers need no shared storage. */
  results: Type.Optional(ResultsRef),
  /** How to treat existing files; missing: replace them. */
  existing: Type.Optional(Existing),
})
export type Assignment = Static<typeof Assignment>

export const TakeRequest = Type.Object({
  /** Free slots; 0: only heartbeat and control. */
  slots: Type.Integer({ minimum: 0, maximum: 1024 }),
  waitMs: Type.Integer({ minimum: 0, maximum: 60_000 }),
  running: Type.Array(Fence, { maxItems: 1024 }),
  /** Ids of the requests that it is working on; missing ones are sent (again). */
  requests: Type.Optional(Type.Array(Id, { maxItems: 1024 })),
  load: Type.Optional(Load),
  /**
   * The worker's current status, sent in every call: `awake`, or `asleep` once it followed a request. When it differs
   * from the stored one, the server records it (engine.workerChangedStatus) before it replies.
   */
  status: Type.Optional(WorkerStatus),
  /** When something changed since the last reply, and in the first call after a sign-on. */
  sessions: Type.Optional(WarmAppReports),
  /** The task that it will run next (ReportReply.next), until it starts it. */
  holds: Type.Optional(Fence),
  /** Tasks that it was asked to return, or cannot run now, and will not start. */
  returned: Type.Optional(Type.Array(Fence, { maxItems: 100 })),
})
export type TakeRequest = Static<typeof TakeRequest>
export const Cancellation = Type.Object({ taskId: Id, attempt: Type.Integer(), reason: Type.String() })

/** The request that proves which storage roots a worker sees. */
export const READ_MARKERS = 'read-markers'
/** Commands that may be used in a request: they only read. */
export const WORKER_REQUEST_COMMANDS = ['check-paths', 'inspect-blend', 'look-for-frames', 'look-for-files', READ_MARKERS] as const
/**
 * A request that is not a command: the preview of a picture saved by another worker, or by this one before it was killed.
 * Parameters: `file`, and `frameId` for the manager. The picture goes to PUT /agent/requests/{requestId}/preview; the result says what was sent.
 */
export const PREVIEW_REQUEST = 'make-preview'
/**
 * A question that a worker answers alongside its work, without a slot: a command whose result is the answer. Any approved
 * worker may get one, even when it is busy or asleep.
 */
export const WorkerRequest = Type.Object({
  id: Id,
  command: CommandSchema,
  maxRunMs: Type.Integer({ minimum: 1 }),
  checkout: Type.Optional(CheckoutRef),
})
export type WorkerRequest = Static<typeof WorkerRequest>
/** POST /agent/requests/{requestId}: the command's result, or why there is none. */
export const WorkerRequestAnswer = Type.Union([
  Type.Object({ result: Type.Unknown() }, { additionalProperties: false }),
  Type.Object({ problem: Type.String({ minLength: 1, maxLength: 4000 }) }, { additionalProperties: false }),
])
export type WorkerRequestAnswer = Static<typeof WorkerRequestAnswer>

/** GET /agent/checkout?id=: its files; paths are relative, with slashes. Those with `frames` are needed for these only. */
export const CheckoutQuery = Type.Object({ id: Type.String({ minLength: 1, maxLength: 4096 }) })
export const CheckoutFiles = Type.Object({
  files: Type.Array(
    Type.Object({
      path: Type.String(),
      sha: Type.String(),
      size: Type.Integer({ minimum: 0 }),
      frames: Type.Optional(Type.Array(Type.Integer())),
    }),
  ),
})
export type CheckoutFiles = Static<typeof CheckoutFiles>

export const TakeReply = Type.Object({
  assignments: Type.Array(Assignment),
  cancel: Type.Array(Cancellation),
  statusRequested: nullable(WorkerStatus),
  /** True: finish what runs first. */
  statusRequestLazy: Type.Boolean(),
  approved: Type.Boolean(),
  /** Jobs that no longer need the applications that are open for them. */
  closeWarmApps: Type.Optional(Type.Array(Id)),
  requests: Type.Optional(Type.Array(WorkerRequest)),
  /** Next tasks that it must not start; it names each in `returned` of the next call, unless it has started it. */
  recall: Type.Optional(Type.Array(Fence)),
})
export type TakeReply = Static<typeof TakeReply>

const at = Type.Integer()
/** Base64 needs four characters for three bytes. */
const MAX_RESULT_CHARS = Math.ceil(MAX_RESULT_BYTES / 3) * 4
/** A path below the job's root, with slashes. */
export const ResultPath = Type.String({ minLength: 1, maxLength: 4096 })
export const ReportEvent = Type.Union([
  Type.Object({ type: Type.Literal('started'), at }),
  /** Program output, in chunks that need not end with a line; a byte that is not UTF-8 is a lone surrogate (system/rawText.ts). */
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
    /** Missing: not checked. */
    check: Type.Optional(FrameCheck),
    checkReason: Type.Optional(Type.String({ maxLength: 1000 })),
    /** It existed before the attempt and was kept. */
    kept: Type.Optional(Type.Boolean()),
    /** Written in addition to the main output (a File Output node); never counted as a promised file. */
    side: Type.Optional(Type.Boolean()),
    /** The view's name, for stereo and multiview. */
    view: Type.Optional(Type.String({ maxLength: 200 })),
    sha256: Type.Optional(Type.String({ maxLength: 64 })),
    modifiedAt: Type.Optional(Type.Integer()),
    /** The result of the pixel check; missing when the check was not possible. */
    facts: Type.Optional(Type.Object({ allBlack: Type.Boolean(), oneColour: Type.Boolean() })),
    /** When the attempt was asked to compare: whether the picture equals the file that it replaced. Missing: unknown. */
    sameAsBefore: Type.Optional(Type.Boolean()),
  }),
  /** A warning about the result; counts even when the attempt succeeds. */
  Type.Object({ type: Type.Literal('warning'), at, ...ReportedWarning.properties }),
  /** The inputs of the attempt's files; once per attempt, before its first file. */
  Type.Object({ type: Type.Literal('inputs'), at, inputs: Inputs }),
  /** Bytes that the program hands over as a result of its own: any number of them, kept in order. */
  Type.Object({ type: Type.Literal('result'), at, data: Type.String({ maxLength: MAX_RESULT_CHARS, pattern: '^[A-Za-z0-9+/]*={0,2}$' }) }),
  /** Files that the worker is about to send, or has sent: all that the attempt saved below the root. Before `finished`. */
  Type.Object({
    type: Type.Literal('result-files'),
    at,
    files: Type.Array(Type.Object({ path: ResultPath, bytes: Type.Integer({ minimum: 0 }) }), { maxItems: 1000 }),
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
  /** Number of tasks wanted in the same round trip, for slots that these reports free. */
  take: Type.Optional(Type.Integer({ minimum: 0, maximum: 1024 })),
  /** As in TakeRequest. */
  sessions: Type.Optional(WarmAppReports),
  /** Every slot is taken, and the worker would hold one more task to run next. */
  next: Type.Optional(Type.Boolean()),
})
export type ReportRequest = Static<typeof ReportRequest>
export const ReportReply = Type.Object({
  /** Highest `seq` applied; everything up to it is on disk. */
  reportSeq: Type.Integer(),
  /** Attempts in the reports that no longer hold their task: stop them. Their late log lines were kept. */
  stale: Type.Array(Fence),
  assignments: Type.Array(Assignment),
  /**
   * A task to hold, and to start without asking as soon as a slot is free. It stays queued until the worker's `started` reports that
   * the attempt has begun.
   */
  next: Type.Optional(Assignment),
})
export type ReportReply = Static<typeof ReportReply>

/** The files of one preview. `thumbnail` and `large` are JPEGs; `light` is not a picture but its scene light, see sceneLight.ts. */
export const PreviewSize = Type.Union([Type.Literal('thumbnail'), Type.Literal('large'), Type.Literal('light')])
export type PreviewSize = Static<typeof PreviewSize>

/** Query of PUT /agent/preview/{taskId}/{attempt}: which file of the attempt, and the type of the body. */
export const PreviewQuery = Type.Object({
  path: Type.String({ minLength: 1, maxLength: 4096 }),
  size: PreviewSize,
})

/** Query of PUT /agent/requests/{requestId}/preview. */
export const WorkerRequestPreviewQuery = Type.Object({ size: PreviewSize })

/** POST /agent/preview/{taskId}/{attempt}/missing: the file has no preview; the reason is shown to people. */
export const PreviewMissing = Type.Object(
  { path: Type.String({ minLength: 1, maxLength: 4096 }), reason: Type.String({ minLength: 1, maxLength: 1000 }) },
  { additionalProperties: false },
)
