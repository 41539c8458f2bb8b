/**
 * The engine's public interface: everything that dialects may do to a farm. Methods change memory synchronously, and
 * their promise resolves when the change is on disk (DESIGN §4.1, "durable before answered"). Public ids in, states
 * out. Reading lists and pages is not part of it: see store/queries.
 */
import type { FarmStatus, JobStatus, QueueOrder, TaskStatus, WorkerStatus } from '../../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../../shared/events.ts'
import type { Policy } from '../../../shared/policy.ts'
import type {
  WorkerRequest,
  WorkerRequestAnswer,
  Fence,
  Report,
  ReportReply,
  SignOnReply,
  TakeReply,
} from '../../../shared/schemas/agent.ts'
import type { FrameCheck } from '../../../shared/schemas/jobs/existing.ts'
import type { Command, Explanation, TaskAction } from '../../../shared/schemas/jobs/task.ts'
import type { JobAction } from '../../../shared/schemas/jobs/job.ts'
import type { NewWarning, WarningCode } from '../../../shared/schemas/jobs/warning.ts'
import type { WarmAppReport } from '../../../shared/schemas/warmApp.ts'
import type { Load, MachineReport, SleepSchedule } from '../../../shared/schemas/worker.ts'
import type { CancelSignal } from './cancelSignal.ts'
import type { ForeignTask, ForeignUpdate, MayKeepRunning } from './foreignTask.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { ExternalEngine } from './externalEngine.ts'
import type { HandOut } from './handOut.ts'
import type { FiringCommit, ScheduleEngine } from './scheduleEngine.ts'
import type { JobState, JobWait, LimitHolder, LimitState, WarmAppRow, TagState, WorkerState } from './model.ts'

/** The owner of a job or schedule. */
export interface JobOwnership {
  /** A label for people. */
  owner: string
  /** Identity, an id that callers cannot choose. */
  ownerId: string
  /** Whether its containers get what only administrators may grant. */
  adminRights: boolean
  /** Public id of the token that submitted it; empty if none. */
  submittedWith: string
}

/** Everything about a new job except its tasks. Ids are public. */
export interface NewJobRecord extends JobOwnership {
  publicId: string
  /** The name of the dialect that created it. */
  origin: string
  name: string
  type: string
  project: string
  priority: number
  policy: Policy
  queueOrder: QueueOrder
  initialStatus: JobStatus
  tag: string | null
  maxWorkers: number | null
  /** Tasks that may run at once; absent: no limit. */
  maxTasks?: number | null
  startAfter: number | null
  dependsOn: string[]
  /** Names of limits. */
  limits: string[]
  checkoutId: string | null
  outputDir: string | null
  /** The ordered queue that it shares with others: a mailbox, a host pool, "no overlap" of a schedule. */
  lane?: { kind: string; name: string; concurrency: number; ordered: boolean }
  clientId: string | null
  /** The activity shown until something happens; empty when missing. */
  activity?: string
  /**
   * Whether the commit that ends the job (`job-ended`) or one of its tasks (`<origin>:task-ended`) also writes an
   * outbox entry.
   */
  watched?: { job?: boolean; tasks?: boolean }
  /** Existing complete files are kept, whichever worker created them. */
  keepWholeFrames?: boolean
  /** The folder that workers send its results to (JobState.resultsRoot). */
  resultsRoot?: string | null
  /** Names of the storage roots that its workers must see (JobState.storageRoots); missing: none. */
  storageRoots?: readonly string[]
  createdAt: number
}

/** Values of a dialect's row beside an appended task; the dialect says how rows of the kind are written (http/dialect.ts). */
export interface AppendedRow {
  readonly kind: string
  readonly values: readonly (string | number | null)[]
}

/** A task that a job gets while it runs: a message for an actor, a process for an executor. */
export interface AppendedTask {
  name: string
  kind: string
  priority: number
  /** What only this task needs, as JSON; its worker reads it when the attempt begins. Null: nothing. */
  input: string | null
  /** A blob of the file store that it needs: kept until it has ended. */
  file?: { sha: string; size: number }
  /** What fills the holes of the job's command template, as JSON; missing: it has none. */
  params?: string
  /** A row of a dialect that is stored in the same commit. */
  row?: AppendedRow
  /** When it was submitted, milliseconds since the epoch; missing: now. Decides its place in a job of the order `task-ages`. */
  submittedAt?: number
  /** Milliseconds since the epoch; missing: at once, and without a time limit for its start. */
  notBefore?: number
  startBy?: number
}

export interface JobChanges {
  name?: string
  project?: string
  priority?: number
  tag?: string | null
  maxWorkers?: number | null
  maxTasks?: number | null
  startAfter?: number | null
  limits?: string[]
  policy?: Partial<Policy>
  keepWholeFrames?: boolean
  /** Null: none. Attempts that run keep the place that they have. */
  lane?: NonNullable<NewJobRecord['lane']> | null
}

/** Options of requeue. */
export interface RequeueOptions {
  /** Complete files are kept, whichever worker created them; missing: according to the job. */
  keepWholeFrames?: boolean
  /** Only these frames; the others of their tasks stay as they are. */
  frames?: number[]
}

export interface NewWorker {
  adapter: 'native' | 'flamenco' | 'external'
  name: string
  secretHash: string
  platform: string
  address: string
  kinds: string[]
  machine: MachineReport | null
  /** Who asks, as the machine tells it; missing: unknown. */
  person?: string
  /** True when the caller needs no approval (same machine with local trust, or a join key). */
  approved: boolean
  /** Folders that the approving caller allows immediately. */
  allowedFolders?: string[]
}

export interface WorkerSignOn {
  name: string
  software: string
  address: string
  kinds: string[]
  canRestart: boolean
  /** Only the native adapter knows these; a foreign worker has capacity 1. */
  capacity?: number
  capabilities?: Record<string, unknown>
  folders?: string[]
  machine?: MachineReport
  running?: Fence[]
}

export interface TakeOptions {
  slots: number
  /** Its current status. */
  status?: WorkerStatus
  /** Long poll: 0 answers at once. */
  waitMs: number
  running: Fence[]
  /** Worker requests that it is working on. */
  requests?: string[]
  load?: Load
  /** The worker's open applications, when they changed. */
  sessions?: WarmAppReport[]
  /** The task that it will run next. */
  holds?: Fence
  /** Tasks that it held, or was to hold, and will not begin. */
  returned?: Fence[]
}

/** What a report may carry and request beside its events. */
export interface ReportExtras {
  /** The worker's open applications, when they changed. */
  sessions?: WarmAppReport[]
  /** Requests a task to hold as its next one. */
  next?: boolean
}

/** A rendered image that a worker (or the manager, from a foreign worker's log) found. */
export interface NewFrame {
  path: string
  frame: number | null
  bytes: number | null
  width: number | null
  height: number | null
  renderedMs: number | null
  check?: FrameCheck
  checkReason?: string
  kept?: boolean
  side?: boolean
  view?: string
  sha256?: string
  modifiedAt?: number
  /** Result of the pixel check; missing where it was not possible. */
  facts?: { allBlack: boolean; oneColour: boolean }
  /** Whether it shows the same as the file that it replaced; missing if they were not compared. */
  sameAsBefore?: boolean
}

/** A command whose result is the answer; it runs beside the worker's tasks. Variables in it are replaced for the worker. */
export interface WorkerQuestion {
  command: Command
  maxRunMs: number
  /** The checkout that the command reads from. */
  checkoutId?: string
}

export interface FarmEngine {
  // Jobs --------------------------------------------------------------------------------------------------------

  /**
   * Stores a job and its tasks; it becomes visible when all of it is stored. @throws InvalidInputError for an unknown
   * tag, limit or dependency
   * @param firing the firing of a schedule that submits it: on disk in the same transaction
   */
  submitJob(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /**
   * Adds tasks to an existing job; they may depend on its older ones (CompiledJob.taskDependencySlices). @throws
   * NotFoundError, ConflictError
   */
  /** Its containers lose what only administrators may grant, because a caller without these rights changes its commands. */
  dropAdminRights(jobId: string): Promise<void>
  growJob(jobId: string, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /**
   * Adds one task with the commands of the job's first template. It costs the same however many tasks the job has, and
   * calls of one moment share a commit. Resolves to its index when it is on disk. @throws NotFoundError, ConflictError
   */
  appendTask(jobId: string, task: AppendedTask): Promise<number>
  /** The job from memory or the database; undefined when unknown or purged. Deleted ones within the undo period have deletedAt set. */
  findJob(jobId: string): Promise<JobState | undefined>
  /** Pause, resume, cancel, requeue, delete, undelete. @throws NotFoundError, ConflictError when its status does not allow it */
  actOnJob(jobId: string, action: JobAction, actor: string, options?: RequeueOptions): Promise<JobState>
  /** Sets a status with Flamenco's rules (§3.2); every status is accepted, mass updates follow. @throws NotFoundError */
  setJobStatus(jobId: string, status: JobStatus, reason: string): Promise<JobState>
  changeJob(jobId: string, changes: JobChanges): Promise<JobState>
  /** Removes (job, worker, kind) from the blocklist. */
  unblockWorker(jobId: string, workerId: string, kind: string): Promise<void>

  /** Submits jobs later or repeatedly. */
  readonly schedules: ScheduleEngine

  // Tasks -------------------------------------------------------------------------------------------------------

  /** Requeue (with what depends on it; reopens the job), cancel, or skip (counts as completed). @throws NotFoundError, ConflictError */
  actOnTask(taskId: string, action: TaskAction, actor: string, options?: RequeueOptions): Promise<void>
  /** Sets a task's status with Flamenco's rules (§3.1). @throws NotFoundError */
  setTaskStatus(taskId: string, status: TaskStatus, reason: string): Promise<void>
  /**
   * Has the worker stop the running attempt as gently as its command can. The attempt keeps its task and its place in the lane until it has
   * ended; then the task is completed, with the outcome `stopped` at the attempt. A task whose worker is lost before is canceled. Not stored: ask
   * again after a restart of the manager. @throws NotFoundError, ConflictError when nothing runs
   */
  haltTask(taskId: string, reason: string): Promise<void>
  /** Deletes those of these tasks (internal keys) that have ended, or only their logs, for good. */
  dropTasks(jobId: string, tasks: readonly number[], what: 'tasks' | 'logs'): Promise<void>
  /** Completes tasks of this kind as they are handed out. Call it before workers connect. */
  onHandOut(kind: string, handOut: HandOut): void
  /** Whether this attempt holds its task now. From memory. */
  holdsTask(taskId: string, attempt: number): boolean
  /** Why a task waits: every rule, and the workers it excludes. @throws NotFoundError */
  explain(taskId: string): Promise<Explanation>
  /**
   * What the tasks of a job wait for when no awake worker may run them, the most urgent first; empty for jobs that are
   * not in memory.
   */
  waitsOf(jobId: string): JobWait[]
  /** Jobs that wait like this, those that fail soonest first. */
  waitingJobs(limit: number): { job: JobState; wait: JobWait }[]
  /** Workers that have an application of this job (internal id) open. */
  openOn(jobKey: number): { id: string; name: string }[]
  /** Applications that a worker keeps open, or that are open for a job (internal ids). */
  openSessions(of: { worker: number } | { job: number }): WarmAppRow[]

  // Workers -----------------------------------------------------------------------------------------------------

  /** All workers that are not deleted, from memory. */
  workers(): WorkerState[]
  findWorker(workerId: string): WorkerState | undefined
  /**
   * Has an approved native worker that is online run one of WORKER_REQUEST_COMMANDS, and resolves with its result.
   * @throws NotFoundError, UnavailableError when it cannot be reached or does not answer in time,
   * WorkerRequestFailedError with its own message
   */
  askWorker(workerId: string, question: WorkerQuestion): Promise<unknown>
  /** The worker's open request. @throws NotFoundError when nothing waits for the answer */
  openWorkerRequest(workerId: string, requestId: string): WorkerRequest
  /** Delivers the worker's answer. @throws NotFoundError when nothing waits for it */
  answerWorkerRequest(workerId: string, requestId: string, answer: WorkerRequestAnswer): Promise<void>
  /** @throws TooManyError when too many wait for approval */
  registerWorker(worker: NewWorker): Promise<WorkerState>
  /** Marks it starting, adopts or requeues its running tasks. @throws NotFoundError */
  signOn(workerId: string, signOn: WorkerSignOn): Promise<SignOnReply & { statusRequested: WorkerStatus }>
  signOff(workerId: string): Promise<void>
  /**
   * A run of a worker's program starts; call it before its `signOn`. @throws ClonedError when another run with its
   * identity is alive
   */
  instanceBegins(workerId: string, instance: string): Promise<void>
  /** A call of a run that signed on. @throws ClonedError, ConflictError */
  instanceCalls(workerId: string, instance: string): void
  /** When it last signed on, in this run of the manager; undefined when it has not. */
  signedOnAt(workerId: string): number | undefined
  /** The worker reports its current status. */
  workerChangedStatus(workerId: string, status: WorkerStatus): Promise<void>
  /** Records a heartbeat: renews leases of kind heartbeat. In memory; written periodically. */
  workerSeen(workerId: string): void
  /** @throws PreconditionError for a restart of a worker that cannot restart */
  requestWorkerStatus(workerId: string, status: WorkerStatus, lazy: boolean): Promise<void>
  approveWorker(workerId: string): Promise<void>
  /** From now on the worker has this name, whatever it calls itself. */
  renameWorker(workerId: string, name: string): Promise<void>
  /** Unknown tags are ignored. */
  setWorkerTags(workerId: string, tagIds: string[]): Promise<void>
  setSleepSchedule(workerId: string, schedule: SleepSchedule): Promise<void>
  /** Requeues what it runs, then hides it. */
  deleteWorker(workerId: string): Promise<void>
  changeMachine(machineId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<void>

  tags(): TagState[]
  createTag(tag: { id?: string; name: string; description?: string }): Promise<TagState>
  changeTag(tagId: string, changes: { name?: string; description?: string }): Promise<TagState>
  deleteTag(tagId: string): Promise<void>

  limits(): (LimitState & { inUse: number })[]
  /** The running holders of units of the limit (by its internal id), the oldest first. */
  limitHolders(limitId: number): LimitHolder[]
  createLimit(limit: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }): Promise<LimitState>
  changeLimit(
    limitId: string,
    changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' },
  ): Promise<LimitState>
  /** @throws ConflictError while an unfinished job uses it */
  deleteLimit(limitId: string): Promise<void>

  // Attempts: native adapter ------------------------------------------------------------------------------------

  /** Long poll of a native worker: heartbeat, work, cancellations, status requests. */
  take(workerId: string, options: TakeOptions, signal?: CancelSignal): Promise<TakeReply>
  /** Applies events in order, exactly once by seq; then assigns up to `take` tasks, and one to hold if requested. */
  report(workerId: string, reports: Report[], take: number, more?: ReportExtras): Promise<ReportReply>

  // Attempts: foreign adapter (no attempt id on the wire; the fence is the active (task, worker) pair) -------------

  /** Flamenco scheduleTask. Undefined: nothing to do. @throws StatusChangeRequestedError, WorkerNotAwakeError */
  scheduleForeign(workerId: string): Promise<ForeignTask | undefined>
  /** Flamenco taskUpdate. @throws NotFoundError, StaleAttemptError, InvalidInputError for soft-failed */
  updateForeign(workerId: string, taskId: string, update: ForeignUpdate): Promise<void>
  /** Whether a worker is running a task now. */
  runsForeign(workerId: string, taskId: string): boolean
  /** Flamenco may-i-run. */
  mayKeepRunning(workerId: string, taskId: string): Promise<MayKeepRunning>

  /** Work of external executors: they pull when they like, hold any number of tasks, and never call home. */
  readonly external: ExternalEngine

  // Logs and frames ---------------------------------------------------------------------------------------------

  /** Appends a line of the farm itself to the newest attempt's log of a task. */
  appendFarmLog(taskId: string, text: string): Promise<void>
  /** Records frames of an attempt (upsert by path). @throws NotFoundError */
  addFrames(taskId: string, attempt: number, frames: NewFrame[]): Promise<void>
  /**
   * A warning about a result that counts all the same: of a task (by index, as of its newest attempt) or of the job.
   * Identical ones (code and text) are merged. @throws NotFoundError
   */
  warn(jobId: string, taskIndex: number | null, warning: NewWarning): Promise<void>
  /** Replaces the job's own warnings with this code. @throws NotFoundError */
  replaceWarnings(jobId: string, code: WarningCode, warnings: readonly Omit<NewWarning, 'code'>[]): Promise<void>
  /** @param light whether the picture's light is stored, too (shared/pictures/sceneLight.ts) */
  setFramePreview(
    taskId: string,
    path: string,
    preview: 'ready' | 'failed',
    about?: { width?: number; height?: number; problem?: string },
    light?: boolean,
  ): Promise<void>
  /** The job's last-rendered image was replaced. */
  lastRendered(jobId: string): Promise<void>

  // The farm ----------------------------------------------------------------------------------------------------

  farmStatus(): FarmStatus
  /** Calls `listener` after the commit of its event; its errors are logged only. Returns the unsubscribe function. */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void
  onAny(listener: (event: FramehouseEvent) => void): () => void
}
