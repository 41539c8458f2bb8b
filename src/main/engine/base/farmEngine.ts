/**
 * The engine's public interface: everything that dialects may do to a farm, in groups (`farm.jobs`, `farm.tasks`,
 * `farm.workers`, …). Methods change memory synchronously, and their promise resolves when the change is on disk
 * (DESIGN §4.1, "durable before answered"). Public ids in, states out. Reading lists and pages is not part of it: see
 * store/queries.
 */
import type { FarmStatus, JobStatus, TaskStatus, WorkerStatus } from '../../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../../shared/events.ts'
import type { WorkerRequest, WorkerRequestAnswer, Report, ReportReply, SignOnReply, TakeReply } from '../../../shared/schemas/agent.ts'
import type { Explanation, TaskAction } from '../../../shared/schemas/jobs/task.ts'
import type { JobAction } from '../../../shared/schemas/jobs/job.ts'
import type { NewWarning, WarningCode } from '../../../shared/schemas/jobs/warning.ts'
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'
import type { CancelSignal } from './cancelSignal.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { ExternalEngine } from './externalEngine.ts'
import type {
  AppendedTask,
  JobChanges,
  NewFrame,
  NewJobRecord,
  NewWorker,
  ReportExtras,
  RequeueOptions,
  TakeOptions,
  WorkerQuestion,
  WorkerSignOn,
} from './farmRecords.ts'
import type { ForeignTask, ForeignUpdate, MayKeepRunning } from './foreignTask.ts'
import type { HandOut } from './handOut.ts'
import type { JobState, JobWait, LimitHolder, LimitState, TagState, WarmAppRow, WorkerState } from './model.ts'
import type { FiringCommit, ScheduleEngine } from './scheduleEngine.ts'

export interface FarmEngine {
  readonly jobs: FarmJobs
  readonly tasks: FarmTasks
  readonly workers: FarmWorkers
  readonly tags: FarmTags
  readonly limits: FarmLimits
  readonly warmApps: FarmWarmApps
  readonly results: FarmResults
  /** Submits jobs later or repeatedly. */
  readonly schedules: ScheduleEngine
  /** Attempts of our own workers. */
  readonly native: NativeEngine
  /** Attempts of Flamenco Workers. */
  readonly foreign: ForeignEngine
  /** Work of external executors: they pull when they like, hold any number of tasks, and never call home. */
  readonly external: ExternalEngine

  status(): FarmStatus
  /** Calls `listener` after the commit of its event; its errors are logged only. Returns the unsubscribe function. */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void
  onAny(listener: (event: FramehouseEvent) => void): () => void
}

export interface FarmJobs {
  /**
   * Stores a job and its tasks; it becomes visible when all of it is stored. @throws InvalidInputError for an unknown
   * tag, limit or dependency
   * @param firing the firing of a schedule that submits it: on disk in the same transaction
   */
  submit(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /**
   * Adds tasks to an existing job; they may depend on its older ones (CompiledJob.taskDependencySlices). @throws
   * NotFoundError, ConflictError
   */
  grow(jobId: string, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState>
  /**
   * Adds one task with the commands of the job's first template. It costs the same however many tasks the job has, and
   * calls of one moment share a commit. Resolves to its index when it is on disk. @throws NotFoundError, ConflictError
   */
  append(jobId: string, task: AppendedTask): Promise<number>
  /** Its containers lose what only administrators may grant, because a caller without these rights changes its commands. */
  dropAdminRights(jobId: string): Promise<void>
  /** The job from memory or the database; undefined when unknown or purged. Deleted ones within the undo period have deletedAt set. */
  find(jobId: string): Promise<JobState | undefined>
  /** Pause, resume, cancel, requeue, delete, undelete. @throws NotFoundError, ConflictError when its status does not allow it */
  act(jobId: string, action: JobAction, actor: string, options?: RequeueOptions): Promise<JobState>
  /** Sets a status with Flamenco's rules (§3.2); every status is accepted, mass updates follow. @throws NotFoundError */
  setStatus(jobId: string, status: JobStatus, reason: string): Promise<JobState>
  change(jobId: string, changes: JobChanges): Promise<JobState>
  /** Removes (job, worker, kind) from the blocklist. @throws NotFoundError */
  unblock(jobId: string, workerId: string, kind: string): Promise<void>
  /**
   * What the tasks of a job wait for when no awake worker may run them, the most urgent first; empty for jobs that are
   * not in memory.
   */
  waitsOf(jobId: string): JobWait[]
  /** Jobs that wait like this, with the most urgent wait of each, those that fail soonest first. */
  waiting(limit: number): { job: JobState; wait: JobWait }[]
}

export interface FarmTasks {
  /** Requeue (with what depends on it; reopens the job), cancel, or skip (counts as completed). @throws NotFoundError, ConflictError */
  act(taskId: string, action: TaskAction, actor: string, options?: RequeueOptions): Promise<void>
  /** Sets a task's status with Flamenco's rules (§3.1). @throws NotFoundError */
  setStatus(taskId: string, status: TaskStatus, reason: string): Promise<void>
  /**
   * Has the worker stop the running attempt as gently as its command can. The attempt keeps its task and its place in the lane until it has
   * ended; then the task is completed, with the outcome `stopped` at the attempt. A task whose worker is lost before is canceled. Not stored: ask
   * again after a restart of the manager. @throws NotFoundError, ConflictError when nothing runs
   */
  halt(taskId: string, reason: string): Promise<void>
  /** Deletes those of these tasks (internal keys) that have ended, or only their logs, for good. */
  drop(jobId: string, tasks: readonly number[], what: 'tasks' | 'logs'): Promise<void>
  /** Completes tasks of this kind as they are handed out. Call it before workers connect. */
  onHandOut(kind: string, handOut: HandOut): void
  /** Whether this attempt holds its task now. From memory. */
  holds(taskId: string, attempt: number): boolean
  /** Why a task waits: every rule, and the workers it excludes. @throws NotFoundError */
  explain(taskId: string): Promise<Explanation>
}

export interface FarmWorkers {
  /** All workers that are not deleted, from memory. */
  all(): WorkerState[]
  find(workerId: string): WorkerState | undefined
  /**
   * Has an approved native worker that is online run one of WORKER_REQUEST_COMMANDS, and resolves with its result.
   * @throws NotFoundError, UnavailableError when it cannot be reached or does not answer in time,
   * WorkerRequestFailedError with its own message
   */
  ask(workerId: string, question: WorkerQuestion): Promise<unknown>
  /** The worker's open request. @throws NotFoundError when nothing waits for the answer */
  openRequest(workerId: string, requestId: string): WorkerRequest
  /** Delivers the worker's answer. @throws NotFoundError when nothing waits for it */
  answerRequest(workerId: string, requestId: string, answer: WorkerRequestAnswer): Promise<void>
  /** @throws TooManyError when too many wait for approval */
  register(worker: NewWorker): Promise<WorkerState>
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
  changedStatus(workerId: string, status: WorkerStatus): Promise<void>
  /** Records a heartbeat: renews leases of kind heartbeat. In memory; written periodically. */
  seen(workerId: string): void
  /** @throws PreconditionError for a restart of a worker that cannot restart */
  requestStatus(workerId: string, status: WorkerStatus, lazy: boolean): Promise<void>
  approve(workerId: string): Promise<void>
  /** From now on the worker has this name, whatever it calls itself. */
  rename(workerId: string, name: string): Promise<void>
  /** Unknown tags are ignored. */
  setTags(workerId: string, tagIds: string[]): Promise<void>
  setSleepSchedule(workerId: string, schedule: SleepSchedule): Promise<void>
  /** Requeues what it runs, then hides it. */
  delete(workerId: string): Promise<void>
  changeMachine(machineId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<void>
}

export interface FarmTags {
  all(): TagState[]
  create(tag: { id?: string; name: string; description?: string }): Promise<TagState>
  change(tagId: string, changes: { name?: string; description?: string }): Promise<TagState>
  /** Removes it from jobs and workers. @throws NotFoundError */
  delete(tagId: string): Promise<void>
}

export interface FarmLimits {
  all(): (LimitState & { inUse: number })[]
  /** The running holders of units of the limit (by its internal id), the oldest first. */
  holders(limitId: number): LimitHolder[]
  create(limit: { name: string; description?: string; max: number; scope?: 'attempt' | 'machine' }): Promise<LimitState>
  change(
    limitId: string,
    changes: { name?: string; description?: string; max?: number; scope?: 'attempt' | 'machine' },
  ): Promise<LimitState>
  /** @throws ConflictError while an unfinished job uses it */
  delete(limitId: string): Promise<void>
}

/** Applications that workers keep open, such as Blender with a scene. Keys are internal ids. */
export interface FarmWarmApps {
  ofWorker(workerKey: number): WarmAppRow[]
  ofJob(jobKey: number): WarmAppRow[]
  /** Workers that have an application of this job open. */
  openOn(jobKey: number): { id: string; name: string }[]
}

export interface NativeEngine {
  /** Long poll of a native worker: heartbeat, work, cancellations, status requests. */
  take(workerId: string, options: TakeOptions, signal?: CancelSignal): Promise<TakeReply>
  /** Applies events in order, exactly once by seq; then assigns up to `take` tasks, and one to hold if requested. */
  report(workerId: string, reports: Report[], take: number, more?: ReportExtras): Promise<ReportReply>
}

/** No attempt id is on the wire: the fence is the active (task, worker) pair. */
export interface ForeignEngine {
  /** Flamenco scheduleTask. Undefined: nothing to do. @throws StatusChangeRequestedError, WorkerNotAwakeError */
  schedule(workerId: string): Promise<ForeignTask | undefined>
  /** Flamenco taskUpdate. @throws NotFoundError, StaleAttemptError, InvalidInputError for soft-failed */
  update(workerId: string, taskId: string, update: ForeignUpdate): Promise<void>
  /** Whether a worker is running a task now. */
  runs(workerId: string, taskId: string): boolean
  /** Flamenco may-i-run. */
  mayKeepRunning(workerId: string, taskId: string): Promise<MayKeepRunning>
}

/** Logs, frames and warnings. */
export interface FarmResults {
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
}
