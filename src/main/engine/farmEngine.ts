/**
 * The face of the engine: everything that dialects may do to a farm. Methods change memory at once, and their promise
 * resolves when the change is on disk (DESIGN §4.1, "durable before answered"). Public ids in, states out.
 * Reading lists and pages is not here: that is store/queries.
 */
import type { FarmStatus, JobStatus, LogStream, Outcome, QueueOrder, TaskStatus, WorkerStatus } from '../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../shared/events.ts'
import type { Policy } from '../../shared/policy.ts'
import type { Assignment, Errand, ErrandAnswer, Fence, Report, ReportReply, SignOnReply, TakeReply } from '../../shared/schemas/agent.ts'
import type { Command, Explanation, JobAction, TaskAction } from '../../shared/schemas/job.ts'
import type { SessionReport } from '../../shared/schemas/session.ts'
import type { Load, MachineReport, SleepSchedule } from '../../shared/schemas/worker.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { FiringCommit, ScheduleEngine } from './schedules/scheduleEngine.ts'
import type { JobState, LimitHolder, LimitState, SessionRow, TagState, WorkerState } from './model.ts'

/** Everything about a new job that is not its tasks. Ids are public. */
export interface NewJobRecord {
  publicId: string
  origin: 'native' | 'flamenco' | 'fastlane' | 'actors' | 'colonies'
  owner: string
  name: string
  type: string
  project: string
  priority: number
  policy: Policy
  queueOrder: QueueOrder
  initialStatus: JobStatus
  tag: string | null
  maxWorkers: number | null
  startAfter: number | null
  dependsOn: string[]
  /** Names of limits. */
  limits: string[]
  checkoutId: string | null
  outputDir: string | null
  /** The ordered queue that it shares with others: a mailbox, a host pool, "no overlap" of a schedule. */
  lane?: { kind: string; name: string; concurrency: number; ordered: boolean }
  clientId: string | null
  /** Whether the outbox gets an entry, in the same commit, when the job ends (`job-ended`) and when a task does (`<origin>:task-ended`). */
  watched?: { job?: boolean; tasks?: boolean }
  createdAt: number
}

export interface JobChanges {
  name?: string
  project?: string
  priority?: number
  tag?: string | null
  maxWorkers?: number | null
  startAfter?: number | null
  limits?: string[]
  policy?: Partial<Policy>
}

export interface NewWorker {
  adapter: 'native' | 'flamenco'
  name: string
  secretHash: string
  platform: string
  address: string
  kinds: string[]
  machine: MachineReport | null
  /** True when the caller needs no approval (same machine with local trust, or a join key). */
  approved: boolean
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
  machine?: MachineReport
  running?: Fence[]
}

export interface TakeOptions {
  slots: number
  /** Long poll: 0 answers at once. */
  waitMs: number
  running: Fence[]
  /** Errands that it is on. */
  errands?: string[]
  load?: Load
  /** What the worker has open, when that changed. */
  sessions?: SessionReport[]
  /** The task that it will run next. */
  holds?: Fence
  /** Tasks that it held, or was to hold, and will not begin. */
  returned?: Fence[]
}

/** What a report may carry and ask for beside its events. */
export interface ReportExtras {
  /** What the worker has open, when that changed. */
  sessions?: SessionReport[]
  /** It would hold a task as its next one. */
  next?: boolean
}

/** What is used of an AbortSignal. A real one costs microseconds, so whoever makes one for every call may do with less. */
export interface CancelSignal {
  readonly aborted: boolean
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** What a foreign worker says of its task in one update (Flamenco §2.1 taskUpdate). */
export interface ForeignUpdate {
  status?: TaskStatus
  activity?: string
  log?: string
  stepsCompleted?: number
}

export interface MayKeepRunning {
  mayKeepRunning: boolean
  reason: string
  statusChangeRequested: boolean
}

/** A rendered image that a worker (or the manager, from a foreign worker's log) found. */
export interface NewFrame {
  path: string
  frame: number | null
  bytes: number | null
  width: number | null
  height: number | null
  renderedMs: number | null
}

/** A command whose result is the answer; it runs beside the worker's tasks. Variables in it are filled in for the worker. */
export interface WorkerQuestion {
  command: Command
  maxRunMs: number
  /** The checkout that the command reads from. */
  checkoutId?: string
}

export interface FarmEngine {
  // Jobs --------------------------------------------------------------------------------------------------------

  /**
   * Stores a job and its tasks; it becomes visible when all of it is there. @throws InvalidInputError for an unknown tag, limit or dependency
   * @param firing the firing of a schedule that submits it: on disk in the same transaction
   */
  submitJob(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /** Adds tasks to a living job; they may depend on its older ones (CompiledJob.taskDependencySlices). @throws NotFoundError, ConflictError */
  growJob(jobId: string, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /** The job from memory or the database; undefined when unknown or purged. Deleted ones within the undo period have deletedAt set. */
  findJob(jobId: string): Promise<JobState | undefined>
  /** Pause, resume, cancel, requeue, delete, undelete. @throws NotFoundError, ConflictError when it makes no sense in its status */
  actOnJob(jobId: string, action: JobAction, actor: string): Promise<JobState>
  /** Sets a status with Flamenco's rules (§3.2); every status is accepted, mass updates follow. @throws NotFoundError */
  setJobStatus(jobId: string, status: JobStatus, reason: string): Promise<JobState>
  changeJob(jobId: string, changes: JobChanges): Promise<JobState>
  /** Removes (job, worker, kind) from the blocklist. */
  unblockWorker(jobId: string, workerId: string, kind: string): Promise<void>

  /** What submits jobs later or again. */
  readonly schedules: ScheduleEngine

  // Tasks -------------------------------------------------------------------------------------------------------

  /** Requeue (with what depends on it; reopens the job), cancel, or skip (counts as completed). @throws NotFoundError, ConflictError */
  actOnTask(taskId: string, action: TaskAction, actor: string): Promise<void>
  /** Sets a task's status with Flamenco's rules (§3.1). @throws NotFoundError */
  setTaskStatus(taskId: string, status: TaskStatus, reason: string): Promise<void>
  /** Why a task waits: every rule, and whom it excludes. @throws NotFoundError */
  explain(taskId: string): Promise<Explanation>
  /** Workers that have an application of this job (internal id) open. */
  openOn(jobKey: number): { id: string; name: string }[]
  /** Applications that a worker keeps open, or that are open for a job (internal ids). */
  openSessions(of: { worker: number } | { job: number }): SessionRow[]

  // Workers -----------------------------------------------------------------------------------------------------

  /** All workers that are not deleted, from memory. */
  workers(): WorkerState[]
  findWorker(workerId: string): WorkerState | undefined
  /**
   * Has an approved native worker that is online run one of ERRAND_COMMANDS, and resolves with its result.
   * @throws NotFoundError, UnavailableError when it cannot be asked or does not answer in time, ErrandFailedError with its own words
   */
  askWorker(workerId: string, question: WorkerQuestion): Promise<unknown>
  /** What the worker was asked. @throws NotFoundError when nobody waits for the answer */
  openErrand(workerId: string, errandId: string): Errand
  /** The worker's answer. @throws NotFoundError when nobody waits for it */
  answerErrand(workerId: string, errandId: string, answer: ErrandAnswer): Promise<void>
  /** @throws TooManyError when too many wait for approval */
  registerWorker(worker: NewWorker): Promise<WorkerState>
  /** Marks it starting, adopts or requeues what it ran. @throws NotFoundError */
  signOn(workerId: string, signOn: WorkerSignOn): Promise<SignOnReply & { statusRequested: WorkerStatus }>
  signOff(workerId: string): Promise<void>
  /** When it last signed on, in this run of the manager; undefined when it has not. */
  signedOnAt(workerId: string): number | undefined
  /** The worker says which status it has now. */
  workerChangedStatus(workerId: string, status: WorkerStatus): Promise<void>
  /** Heard of: renews leases of kind heartbeat. In memory; written from time to time. */
  workerSeen(workerId: string): void
  /** @throws PreconditionError when restart is asked of one that cannot */
  requestWorkerStatus(workerId: string, status: WorkerStatus, lazy: boolean): Promise<void>
  approveWorker(workerId: string): Promise<void>
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
  /** What runs on units of the limit (by its internal id), the oldest first. */
  limitHolders(limitId: number): LimitHolder[]
  createLimit(limit: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }): Promise<LimitState>
  changeLimit(
    limitId: string,
    changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' },
  ): Promise<LimitState>
  /** @throws ConflictError while a job that is not finished uses it */
  deleteLimit(limitId: string): Promise<void>

  // Attempts: native adapter ------------------------------------------------------------------------------------

  /** Long poll of a native worker: heartbeat, work, cancellations, status requests. */
  take(workerId: string, options: TakeOptions, signal?: CancelSignal): Promise<TakeReply>
  /** Applies events in order, exactly once by seq; then hands out up to `take` tasks, and one to hold when it is asked for. */
  report(workerId: string, reports: Report[], take: number, more?: ReportExtras): Promise<ReportReply>

  // Attempts: foreign adapter (no attempt id on the wire; the fence is the active (task, worker) pair) -------------

  /** Flamenco scheduleTask. Undefined: nothing to do. @throws StatusChangeRequestedError, WorkerNotAwakeError */
  scheduleForeign(workerId: string): Promise<ForeignTask | undefined>
  /** Flamenco taskUpdate. @throws NotFoundError, StaleAttemptError, InvalidInputError for soft-failed */
  updateForeign(workerId: string, taskId: string, update: ForeignUpdate): Promise<void>
  /** Flamenco may-i-run. */
  mayKeepRunning(workerId: string, taskId: string): Promise<MayKeepRunning>

  // Logs and frames ---------------------------------------------------------------------------------------------

  /** Appends a line of the farm itself to the newest attempt's log of a task. */
  appendFarmLog(taskId: string, text: string): Promise<void>
  /** Records frames of an attempt (upsert by path). @throws NotFoundError */
  addFrames(taskId: string, attempt: number, frames: NewFrame[]): Promise<void>
  /** @param light whether the picture's light is stored, too (shared/sceneLight.ts) */
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
  /** Calls `listener` after the commit of what it tells; its errors are logged and go no further. Returns how to stop listening. */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void
  onAny(listener: (event: FramehouseEvent) => void): () => void
}

/** An assignment, and what scheduleTask's reply needs beyond it. */
export interface ForeignTask {
  assignment: Assignment
  priority: number
  jobPriority: number
  stepsCompleted: number
}

export type { LogStream, Outcome }
