/**
 * What the engine needs from a store. Implemented by store/farmStore.ts on SQLite. The save… and add… methods only say
 * what is to be written; `durable` waits for it. Bulk methods are transactions of their own, cut into slices.
 */
import type { JobStatus, LogStream, TaskStatus } from '../../shared/enums.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { NewFrame, NewJobRecord } from './farmEngine.ts'
import type { FiringCommit, FiringRecord, ScheduleState } from './schedules/scheduleEngine.ts'
import type { AttemptState, JobState, LimitState, SessionRow, StatusCounts, TagState, TaskState, WorkerState } from './model.ts'
import type { MachineReport, SleepSchedule } from '../../shared/schemas/worker.ts'

export interface LaneState {
  readonly id: number
  /** Attempts that may run in it at once. */
  readonly concurrency: number
  /** Jobs and tasks in it are handed out in the order of their creation, and a later one never overtakes. */
  readonly ordered: boolean
}

/** All the engine must know of a job to run it. */
export interface JobSeed {
  job: JobState
  /** Kinds that have ready tasks, with the smallest order key of each. */
  ready: { kind: string; orderKey: number }[]
  /** Barriers: group id → members that are not completed. */
  groups: [number, number][]
  /** Template id → body. */
  templates: [number, string][]
  active: { task: TaskState; attempt: AttemptState }[]
  /** Tasks in status active that no attempt runs: set so from outside. */
  orphans: TaskState[]
  failures: { taskId: number; workerId: number; kind: string }[]
  blocks: { workerId: number; kind: string }[]
  /** Workers that a person keeps from a task. */
  keptOff: { taskId: number; workerId: number }[]
  /** True when single-task edges exist beside the groups (grown jobs). */
  hasEdges: boolean
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
  loadSchedules(): Promise<ScheduleState[]>
  /** @throws ConflictError when the client's id is taken */
  insertSchedule(schedule: Omit<ScheduleState, 'id'>): Promise<ScheduleState>
  saveSchedule(schedule: ScheduleState): Promise<void>
  /** What waits is dropped; the client's id is free again. */
  deleteSchedule(scheduleId: number, at: number): Promise<void>
  /** Firings that do nothing. */
  commitFirings(commit: FiringCommit): Promise<void>
  /** The oldest firing that waits. */
  loadWaiting(scheduleId: number): Promise<FiringRecord | undefined>
  /** Work of earlier firings that is not finished: whole jobs, or single tasks (by index) of a job that grows. */
  loadUnfinished(scheduleId: number): Promise<{ jobId: string; task: number | null }[]>
  /** Deletes schedules that were deleted before this moment, and all but the newest firings of the others. */
  purgeSchedules(deletedBefore: number): Promise<void>
}

export interface FarmStore extends ScheduleStore {
  // Saying what changed ------------------------------------------------------------------------------------------
  newAttemptId(): number
  saveTask(task: TaskState): void
  saveJob(job: JobState): void
  /** Only counters, steps and times moved. */
  saveJobCounters(job: JobState): void
  /** A new one; its row is written before anything else that is said of it. */
  addAttempt(attempt: AttemptState): void
  saveAttempt(attempt: AttemptState): void
  saveWorker(worker: WorkerState): void
  /** Only what each report moves: how far they were applied, and when it was heard of. */
  saveWorkerReported(worker: WorkerState): void
  saveGroup(groupId: number, remaining: number): void
  /** The group's last member was completed: its dependents wait for one less. */
  releaseDependents(groupId: number): void
  /** The same for edges that name this single task. */
  releaseEdgeDependents(taskId: number): void
  /** This job was completed, or is so no more: those that depend on it have their waits counted. */
  countWaitingJobs(jobId: number): void
  /** Set while a mass update is under way, so that a crash in the middle is mended at the next start. */
  markRecountDue(jobId: number, due: boolean): void
  addFailure(taskId: number, workerId: number, jobId: number, kind: string, at: number): void
  clearTaskFailures(taskId: number): void
  clearJobFailures(jobId: number): void
  addBlock(jobId: number, workerId: number, kind: string, at: number): void
  removeBlock(jobId: number, workerId: number, kind: string): void
  addFrame(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): void
  setFramePreview(
    jobId: number,
    path: string,
    preview: 'ready' | 'failed',
    about: { width?: number; height?: number; problem?: string } | undefined,
    light: boolean,
  ): void
  /** Appends to the attempt's log and counts bytes and lines on it. Returns where the text starts and its bytes. */
  appendLog(attempt: AttemptState, at: number, stream: LogStream, text: string): { position: number; bytes: number }
  /** A session was opened, changed or closed. */
  saveSession(session: SessionRow): void
  addOutbox(kind: string, payload: unknown, at: number): void
  durable(): Promise<void>
  afterCommit(effect: () => void): void

  // Bulk ---------------------------------------------------------------------------------------------------------
  /** Stores a job hidden ('under-construction'), slice by slice, then shows it with the wanted status, and with that the firing that submits it. */
  insertJob(record: NewJobRecord, refs: ResolvedJobRefs, compiled: CompiledJob, firing?: FiringCommit): Promise<number>
  /** Adds tasks to a job, with the firing that does so; indices of `compiled` continue after the job's last task. */
  growJob(job: JobState, compiled: CompiledJob, firing?: FiringCommit): Promise<void>
  /** Tasks in `from` get status `to`; ends their active attempts as canceled when `to` is not active. Returns how many changed. */
  bulkTaskStatus(jobId: number, from: readonly TaskStatus[], to: TaskStatus, activity: string, at: number): Promise<number>
  /** These tasks and all that depend on them become queued again. Returns how many changed. */
  resetWithDependents(taskIds: number[], activity: string, at: number, keepOff?: number): Promise<number>
  /** One task gets a status regardless of what depended on it; a recount must follow. */
  overrideTaskStatus(taskId: number, to: TaskStatus, activity: string, at: number): Promise<void>
  /** Recounts barriers, waits, statuses and steps of a job from its tasks, and stores them. */
  recount(jobId: number): Promise<{ counts: StatusCounts; stepsCompleted: number; stepsTotal: number }>
  /** Deletes a job and all that belongs to it. Returns the jobs that depended on it, with how many unfinished jobs each still waits for. */
  purgeJob(jobId: number): Promise<{ jobId: number; unmet: number }[]>

  // Loading ------------------------------------------------------------------------------------------------------
  loadOpenJobs(): Promise<JobSeed[]>
  loadJob(by: { id: number } | { publicId: string } | { idTail: string }): Promise<JobSeed | undefined>
  /** Ready tasks of a job and kind in order, after `afterKey`. */
  loadReady(jobId: number, kind: string, afterKey: number, limit: number): Promise<TaskState[]>
  /** Whether any task of the job waits for nothing but a worker or a moment. */
  hasReadyTasks(jobId: number): Promise<boolean>
  loadTask(jobId: number, index: number): Promise<TaskState | undefined>
  loadAttempt(taskId: number, number: number): Promise<AttemptState | undefined>
  /** Tasks that wait for nothing more since this group (or task) was completed. */
  loadReleased(by: { groupId: number } | { taskId: number }): Promise<TaskState[]>
  /** Jobs that depend on this one, with how many unfinished jobs each still waits for. */
  loadJobDependents(jobId: number): Promise<{ jobId: number; unmet: number }[]>
  /** Queued tasks whose start-by time has passed. */
  loadStartByExpired(now: number): Promise<{ jobId: number; index: number }[]>
  /** Jobs in the middle of whose mass update the manager died. */
  loadRecountDue(): Promise<{ id: number }[]>
  /** Jobs whose submission was cut off by a crash: nobody was told of them. */
  loadUnderConstruction(): Promise<{ id: number }[]>
  /** Jobs whose undo period is over. */
  loadPurgeable(deletedBefore: number): Promise<{ id: number; publicId: string; checkoutId: string | null }[]>
  /** Failed tasks of a job that this worker had last. */
  loadFailedTasks(jobId: number, workerId: number): Promise<TaskState[]>

  // Workers, tags, limits, lanes ---------------------------------------------------------------------------------
  loadWorkers(): Promise<WorkerState[]>
  /** Sessions that were open when the manager stopped. */
  loadOpenSessions(): Promise<SessionRow[]>
  insertWorker(worker: Omit<WorkerState, 'id'>): Promise<WorkerState>
  saveMachine(machine: MachineReport, address: string, at: number): Promise<number>
  saveMachineLoad(
    machineId: number,
    load: string,
    sample: { cpu: number | null; memory: number | null; gpu: number | null } | null,
    at: number,
  ): void
  changeMachine(publicId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<boolean>
  setWorkerTags(workerId: number, tagIds: number[]): Promise<void>
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
  /** The lane of this kind and name with these settings, made when it is new. */
  ensureLane(lane: { kind: string; name: string; concurrency: number; ordered: boolean }): Promise<LaneState>
  findJobIds(publicIds: string[]): Promise<{ id: number; publicId: string; status: JobStatus; deletedAt: number | null }[]>
}
