/**
 * The store, as the engine needs it. Implemented by store/farmStore.ts on SQLite. The save… and add… methods only
 * record what must be written; `durable` waits for it. Bulk methods are separate transactions, cut into slices.
 */
import type { JobStatus, LogStream, TaskStatus } from '../../../shared/enums.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { AppendedRow, NewFrame, NewJobRecord } from './farmRecords.ts'
import type { FiringCommit, FiringRecord, ScheduleState } from './scheduleEngine.ts'
import type {
  AttemptState,
  JobState,
  LimitState,
  ListedFrame,
  WarmAppRow,
  StatusCounts,
  TagState,
  TaskState,
  WorkerState,
} from './model.ts'
import type { ReportedWarning, WarningCode } from '../../../shared/schemas/jobs/warning.ts'
import type { Inputs, KnownFile } from '../../../shared/schemas/jobs/existing.ts'
import type { MachineReport, SleepSchedule } from '../../../shared/schemas/worker.ts'

/** A job that was deleted for good, with what lies outside of the database. */
export interface PurgeableJob {
  id: number
  publicId: string
  checkoutId: string | null
  resultsRoot: string | null
}

export interface LaneState {
  readonly id: number
  /** Attempts that may run in it at once. */
  readonly concurrency: number
  /** Its jobs and tasks are assigned in the order of their creation, and a later one never overtakes. */
  readonly ordered: boolean
}

/** Everything that the engine needs to run a job. */
/** What was deleted, by status, and its steps. */
export interface DroppedTasks {
  completed: number
  failed: number
  canceled: number
  stepsCompleted: number
  stepsTotal: number
}

export interface JobSeed {
  job: JobState
  /** Kinds that have ready tasks, with the smallest order key of each. */
  ready: { kind: string; orderKey: number }[]
  /** Barriers: group id → members that are not completed. */
  groups: [number, number][]
  /** Template id → body. */
  templates: [number, string][]
  active: { task: TaskState; attempt: AttemptState; reportedDone: boolean }[]
  /** Tasks in status active without an attempt: set so from outside. */
  orphans: TaskState[]
  failures: { taskId: number; workerId: number; kind: string }[]
  /** Tasks that each worker completed, by kind. */
  completed: { workerId: number; kind: string; tasks: number }[]
  /** Tasks that each worker failed and another one, which did not fail them, completed. */
  outdone: { workerId: number; kind: string; tasks: number }[]
  blocks: { workerId: number; kind: string }[]
  /** Workers that a person excluded from a task. */
  excludedWorkers: { taskId: number; workerId: number }[]
  /** True when single-task edges exist beside the groups (grown jobs). */
  hasEdges: boolean
}

/** How a person requeues a task. */
export interface RerunChoice {
  /** Complete files are kept, whichever worker created them. */
  keepWhole?: boolean
  /** New pictures are compared with those that they replace. */
  compare?: boolean
}

export interface TaskRerun extends RerunChoice {
  taskId: number
  /** Only these of its frames are rendered. */
  frames?: number[]
}

/** Internal keys that a NewJobRecord's public names were resolved to. */
export interface ResolvedJobRefs {
  tagId: number | null
  laneId: number | null
  limitIds: number[]
  dependsOnIds: number[]
}

/** Each method is a transaction of its own, on disk when it resolves. */
export interface ScheduleStore {
  load(): Promise<ScheduleState[]>
  /** @throws ConflictError when the client's id is taken */
  insert(schedule: Omit<ScheduleState, 'id'>): Promise<ScheduleState>
  save(schedule: ScheduleState): Promise<void>
  /** Drops waiting firings; the client's id is free again. */
  delete(scheduleId: number, at: number): Promise<void>
  /** Firings that do nothing. */
  commitFirings(commit: FiringCommit): Promise<void>
  /** The oldest waiting firing. */
  loadWaiting(scheduleId: number): Promise<FiringRecord | undefined>
  /** Work of earlier firings that is not finished: whole jobs, or single tasks (by index) of a job that grows. */
  loadUnfinished(scheduleId: number): Promise<{ jobId: string; task: number | null }[]>
  /** Deletes schedules that were deleted before this moment, and all but the newest firings of the others. */
  purge(deletedBefore: number): Promise<void>
}

/** Workers, machines, tags, limits and lanes: few rows. */
export interface WorkerStore {
  /** A session was opened, changed or closed. */
  saveWarmApp(session: WarmAppRow): void
  load(): Promise<WorkerState[]>
  /** Sessions that were open when the manager stopped. */
  loadOpenWarmApps(): Promise<WarmAppRow[]>
  insert(worker: Omit<WorkerState, 'id'>): Promise<WorkerState>
  saveMachine(machine: MachineReport, address: string, at: number): Promise<number>
  saveMachineLoad(
    machineId: number,
    load: string,
    sample: { cpu: number | null; memory: number | null; gpu: number | null } | null,
    at: number,
  ): void
  changeMachine(publicId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<boolean>
  setTags(workerId: number, tagIds: number[]): Promise<void>
  saveSleepSchedule(workerId: number, schedule: SleepSchedule, nextCheck: number | null): Promise<void>
  loadTags(): Promise<TagState[]>
  insertTag(tag: Omit<TagState, 'id'>): Promise<TagState>
  saveTag(tag: TagState): Promise<void>
  deleteTag(tagId: number): Promise<void>
  loadLimits(): Promise<LimitState[]>
  insertLimit(limit: Omit<LimitState, 'id'>, at: number): Promise<LimitState>
  saveLimit(limit: LimitState): Promise<void>
  /** A job that is not finished and uses the limit. */
  findLimitUser(limitId: number): Promise<{ name: string; publicId: string } | undefined>
  deleteLimit(limitId: number): Promise<void>
  setJobLimits(jobId: number, limitIds: number[]): Promise<void>
  loadLanes(): Promise<LaneState[]>
  /** The lane of this kind and name with these settings, created when it is new. */
  ensureLane(lane: { kind: string; name: string; concurrency: number; ordered: boolean }): Promise<LaneState>
  findJobIds(publicIds: string[]): Promise<{ id: number; publicId: string; status: JobStatus; deletedAt: number | null }[]>
}

export interface FarmStore {
  readonly schedules: ScheduleStore
  readonly workers: WorkerStore
  /** False: new work must not start, running work is still written. */
  readonly hasRoom: boolean

  // Recording changes --------------------------------------------------------------------------------------------
  newAttemptId(): number
  newTaskId(): number
  /** A new task at the end of its job, counted on the job. @param input JSON @param stepsOfJob all steps, with those of this task */
  addTask(task: TaskState, input: string | null, stepsOfJob: number): void
  /** A dialect's row beside a new task. @throws Error for a kind that no dialect has */
  addRow(row: AppendedRow, taskId: number, jobId: number): void
  /** The task gets this blob as its input. */
  addTaskFile(taskId: number, file: { sha: string; size: number }): void
  saveTask(task: TaskState): void
  /** The task moves to another position among the ready ones of its kind. */
  saveOrderKey(taskId: number, orderKey: number): void
  saveStartBy(taskId: number, startBy: number): void
  saveJob(job: JobState): void
  /** Only counters, steps and times changed. */
  saveJobCounters(job: JobState): void
  /** A new attempt; its row is written before all other changes to it. */
  addAttempt(attempt: AttemptState): void
  saveAttempt(attempt: AttemptState): void
  saveWorker(worker: WorkerState): void
  /** Only what every report changes: the last applied report, and the time of the last heartbeat. */
  saveWorkerReported(worker: WorkerState): void
  saveGroup(groupId: number, remaining: number): void
  /** The group's last member completed: its dependents wait for one less. */
  releaseDependents(groupId: number): void
  /** The same for edges that name this single task. */
  releaseEdgeDependents(taskId: number): void
  /** This job completed, or no longer is: recounts the waits of its dependents. */
  countWaitingJobs(jobId: number): void
  /** Set during a mass update, so that the next start recovers from a crash in between. */
  markRecountDue(jobId: number, due: boolean): void
  addFailure(taskId: number, workerId: number, jobId: number, kind: string, at: number): void
  /** The worker completed one more task of this kind. */
  addCompletion(jobId: number, workerId: number, kind: string): void
  clearTaskFailures(taskId: number): void
  /** What one worker failed of a job's tasks of this kind. */
  clearWorkerFailures(jobId: number, workerId: number, kind: string): void
  clearJobFailures(jobId: number): void
  addBlock(jobId: number, workerId: number, kind: string, at: number): void
  removeBlock(jobId: number, workerId: number, kind: string): void
  /** The attempt's worker reports completion; its files are still to be checked. */
  saveReportedDone(attemptId: number, at: number): void
  /** The inputs of the attempt's files. */
  saveInputs(attemptId: number, inputs: Inputs): void
  /** A result that the attempt's program handed over; results keep their order. */
  addResult(jobId: number, taskId: number, attemptId: number, result: { at: number; bytes: number; body: string }): void
  /** Files that the attempt's worker is about to send (ReportEvent `result-files`); those that are here stay so. */
  announceResults(attempt: AttemptState, files: readonly { path: string; bytes: number }[]): void
  addFrame(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): void
  /**
   * Of a task, as of its attempt with this number, or of the job. Identical ones are summed; those of older attempts
   * are dropped.
   */
  addWarning(jobId: number, of: { taskId: number; attempt: number } | null, warning: ReportedWarning, at: number): void
  /** Files in a folder of this name were removed. */
  removeFramesIn(jobId: number, folderName: string): void
  /** Drops the job's own warnings with these codes: a repeated check reports them again. */
  clearJobWarnings(jobId: number, codes: readonly WarningCode[]): void
  setFramePreview(
    jobId: number,
    path: string,
    preview: 'ready' | 'failed',
    about: { width?: number; height?: number; problem?: string } | undefined,
    light: boolean,
  ): void
  /** Appends to the attempt's log and counts bytes and lines on it. Returns where the text starts and its bytes. */
  appendLog(attempt: AttemptState, at: number, stream: LogStream, text: string): { position: number; bytes: number }
  addOutbox(kind: string, payload: unknown, at: number): void
  durable(): Promise<void>
  afterCommit(effect: () => void): void

  // Bulk ---------------------------------------------------------------------------------------------------------
  /**
   * Stores a job hidden ('under-construction'), slice by slice, then publishes it with the given status, and with it
   * the firing that submits it.
   */
  insertJob(record: NewJobRecord, refs: ResolvedJobRefs, compiled: CompiledJob, firing?: FiringCommit): Promise<number>
  /** Adds tasks to a job, with the firing that does so; indices of `compiled` continue after the job's last task. */
  growJob(job: JobState, compiled: CompiledJob, firing?: FiringCommit): Promise<void>
  /**
   * Tasks in `from` get status `to`; ends their active attempts as canceled when `to` is not active. Returns how many changed.
   * @param readyOfKind only tasks of this kind that wait for no other task
   */
  bulkTaskStatus(
    jobId: number,
    from: readonly TaskStatus[],
    to: TaskStatus,
    activity: string,
    at: number,
    readyOfKind?: string,
    rerun?: RerunChoice,
  ): Promise<number>
  /** Requeues these tasks and all that depend on them. Returns how many changed. */
  resetWithDependents(tasks: readonly TaskRerun[], activity: string, at: number, excludedWorker?: number): Promise<number>
  /** A person requeued the task: results of its attempts so far are history. */
  saveRerun(task: TaskState): void
  /** Sets the status of one task regardless of its dependents; a recount must follow. */
  overrideTaskStatus(taskId: number, to: TaskStatus, activity: string, at: number): Promise<void>
  /** Recounts barriers, waits, statuses and steps of a job from its tasks, and stores them. */
  recount(jobId: number): Promise<{ counts: StatusCounts; stepsCompleted: number; stepsTotal: number }>
  /**
   * Deletes a job and everything that belongs to it. Returns the jobs that depended on it, with how many unfinished
   * jobs each still waits for.
   */
  purgeJob(jobId: number): Promise<{ jobId: number; unmet: number }[]>
  /** Deletes those of the tasks that have ended, with attempts and logs. Resolves to how many these were. */
  dropTasks(jobId: number, tasks: readonly number[]): Promise<DroppedTasks>
  /** Deletes the logs of those of the tasks that have ended. */
  dropLogs(jobId: number, tasks: readonly number[]): Promise<void>

  // Loading ------------------------------------------------------------------------------------------------------
  loadOpenJobs(): Promise<JobSeed[]>
  loadJob(by: { id: number } | { publicId: string } | { idTail: string }): Promise<JobSeed | undefined>
  /** Ready tasks of a job and kind in order, after `afterKey`. */
  loadReady(jobId: number, kind: string, afterKey: number, limit: number): Promise<TaskState[]>
  /** Whether any task of the job waits only for a worker or for its time. */
  hasReadyTasks(jobId: number): Promise<boolean>
  loadTask(jobId: number, index: number): Promise<TaskState | undefined>
  /** Files of the task that attempts after `since` reported, each in the notation of the reporting worker's platform. */
  loadKnownFiles(taskId: number, since: number): Promise<(KnownFile & { platform: string })[]>
  /** Frames of the main output that attempts of the task reported, without damaged ones. */
  loadListedFrames(taskId: number): Promise<ListedFrame[]>
  /** Tasks of a job in order, after this index. */
  loadTasksAfter(jobId: number, afterIndex: number, limit: number): Promise<TaskState[]>
  loadAttempt(taskId: number, number: number): Promise<AttemptState | undefined>
  /** Tasks with no remaining waits since this group (or task) completed. */
  loadReleased(by: { groupId: number } | { taskId: number }): Promise<TaskState[]>
  /** Jobs that depend on this one, with how many unfinished jobs each still waits for. */
  loadJobDependents(jobId: number): Promise<{ jobId: number; unmet: number }[]>
  /** Queued tasks whose start-by time has passed. */
  loadStartByExpired(now: number): Promise<{ jobId: number; index: number }[]>
  /** Jobs whose mass update was interrupted when the manager died. */
  loadRecountDue(): Promise<{ id: number }[]>
  /** Jobs whose submission a crash interrupted: it was never acknowledged. */
  loadUnderConstruction(): Promise<{ id: number }[]>
  /** Jobs whose undo period is over. */
  loadPurgeable(deletedBefore: number): Promise<PurgeableJob[]>
  /** Failed tasks of a job that this worker ran last. */
  loadFailedTasks(jobId: number, workerId: number): Promise<TaskState[]>
}
