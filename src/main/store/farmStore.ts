/** The engine's port on SQLite: passes changes to the writer, loads what the engine needs. One object per farm. */
import type { LogStream, TaskStatus } from '../../shared/enums.ts'
import type { ReportedWarning, WarningCode } from '../../shared/schemas/jobs/warning.ts'
import type { LogSegments } from '../logs/segments.ts'
import type { CompiledJob } from '../engine/base/compiledJob.ts'
import type { AppendedRow, NewFrame, NewJobRecord } from '../engine/base/farmRecords.ts'
import type { AttemptState, JobState, TaskState, WorkerState } from '../engine/base/model.ts'
import type { FarmStore, PurgeableJob, ResolvedJobRefs, TaskRerun } from '../engine/base/ports.ts'
import type { Inputs } from '../../shared/schemas/jobs/existing.ts'
import type { FiringCommit } from '../engine/base/scheduleEngine.ts'
import { Unsaved } from '../engine/queue/unsaved.ts'
import * as bulk from './bulk.ts'
import { writeSideRows, type AppendedRows, type SideRowWriters } from './sideRows.ts'
import { AttemptLogs } from './rows/attemptLogs.ts'
import type { Connection, ReadPool } from './connection.ts'
import { Drops } from './rows/dropTasks.ts'
import * as loads from './loads.ts'
import * as rows from './rows/index.ts'
import { SqliteScheduleStore, writeFirings } from './scheduleStore.ts'
import { SqliteWorkerStore } from './workerStore.ts'
import type { Writer } from './writer.ts'
import { Signal } from '../../shared/async.ts'

/** A job with at most this many tasks is stored in one transaction. */
const SMALL_JOB = 2_000

/** The last id of each table whose ids the store assigns itself. */
export interface LastIds extends bulk.IdBlocks {
  attempt: number
}

export class SqliteFarmStore implements FarmStore {
  readonly workers: SqliteWorkerStore
  readonly schedules: SqliteScheduleStore
  /** Outbox entries are on disk and can be delivered. */
  readonly outboxFilled = new Signal()
  private readonly logs: AttemptLogs
  private readonly drops: Drops
  /** Attempts whose rows are out of date: a log continues where memory says, not where an older row does. */
  private readonly attempts = new Unsaved<string, AttemptState>()

  constructor(
    private readonly writer: Writer,
    private readonly read: ReadPool,
    segments: LogSegments,
    private readonly last: LastIds,
    private readonly sideRows: SideRowWriters,
    private readonly appendedRows: AppendedRows,
    private readonly space: { readonly isFull: boolean } = { isFull: false },
  ) {
    this.workers = new SqliteWorkerStore(writer, read)
    this.schedules = new SqliteScheduleStore(writer, read)
    this.logs = new AttemptLogs(writer, segments)
    this.drops = new Drops(writer, read, segments)
  }

  get hasRoom(): boolean {
    return !this.space.isFull
  }

  newAttemptId(): number {
    return ++this.last.attempt
  }

  newTaskId(): number {
    return ++this.last.task
  }

  addTask(task: TaskState, input: string | null, stepsOfJob: number): void {
    this.writer.append(rows.ADD_TASKS, rows.newTaskRow(task, input, stepsOfJob))
  }

  addRow({ kind, values }: AppendedRow, taskId: number, jobId: number): void {
    const statement = this.appendedRows.get(kind)
    if (!statement) throw new Error(`no statement for rows of kind "${kind}"`)
    this.writer.append(statement, [taskId, jobId, ...values])
  }

  addTaskFile(taskId: number, { sha, size }: { sha: string; size: number }): void {
    this.writer.append(rows.ADD_TASK_FILES, [taskId, sha, size])
  }

  saveTask(task: TaskState): void {
    this.writer.save(rows.SAVE_TASKS, task.id, () => rows.taskRow(task))
  }

  saveOrderKey(taskId: number, orderKey: number): void {
    this.writer.statement('update tasks set order_key = ? where id = ?', [orderKey, taskId])
  }

  saveStartBy(taskId: number, startBy: number): void {
    this.writer.statement('update tasks set start_by = ? where id = ?', [startBy, taskId])
  }

  saveJob(job: JobState): void {
    this.writer.save(rows.SAVE_JOBS, job.id, () => rows.jobRow(job))
  }

  saveJobCounters(job: JobState): void {
    this.writer.save(rows.SAVE_JOB_COUNTERS, job.id, () => rows.jobCounterRow(job))
  }

  addAttempt(attempt: AttemptState): void {
    this.writer.append(rows.ADD_ATTEMPTS, rows.newAttemptRow(attempt))
    this.writer.afterCommit(this.attempts.change(attemptKey(attempt.taskId, attempt.number), attempt))
  }

  saveAttempt(attempt: AttemptState): void {
    this.writer.save(rows.SAVE_ATTEMPTS, attempt.id, () => rows.attemptRow(attempt))
    this.writer.afterCommit(this.attempts.change(attemptKey(attempt.taskId, attempt.number), attempt))
  }

  saveWorker(worker: WorkerState): void {
    this.writer.save(rows.SAVE_WORKERS, worker.id, () => rows.workerRow(worker))
  }

  saveWorkerReported(worker: WorkerState): void {
    this.writer.save(rows.SAVE_WORKERS_REPORTED, worker.id, () => rows.workerReportedRow(worker))
  }

  saveGroup(groupId: number, remaining: number): void {
    this.writer.save(rows.SAVE_GROUPS, groupId, () => [groupId, remaining])
  }

  releaseDependents(groupId: number): void {
    this.writer.statement(
      'update tasks set unmet = max(0, unmet - 1) where id in (select task_id from task_group_dependencies where group_id = ?)',
      [groupId],
    )
  }

  releaseEdgeDependents(taskId: number): void {
    this.writer.statement(
      'update tasks set unmet = max(0, unmet - 1) where id in (select task_id from task_dependencies where depends_on_id = ?)',
      [taskId],
    )
  }

  countWaitingJobs(jobId: number): void {
    this.writer.statement(bulk.COUNT_DEPENDENTS_WAITS, [jobId])
  }

  markRecountDue(jobId: number, due: boolean): void {
    this.writer.statement('update jobs set recount_due = ? where id = ?', [Number(due), jobId])
  }

  addFailure(taskId: number, workerId: number, jobId: number, kind: string, at: number): void {
    this.writer.append(rows.ADD_FAILURES, [taskId, workerId, jobId, kind, at])
  }

  addCompletion(jobId: number, workerId: number, kind: string): void {
    this.writer.append(rows.ADD_COMPLETIONS, [jobId, workerId, kind])
  }

  clearTaskFailures(taskId: number): void {
    this.writer.statement('delete from task_failures where task_id = ?', [taskId])
    this.writer.statement('delete from task_kept_off where task_id = ?', [taskId])
  }

  clearWorkerFailures(jobId: number, workerId: number, kind: string): void {
    this.writer.statement('delete from task_failures where job_id = ? and worker_id = ? and kind = ?', [jobId, workerId, kind])
  }

  clearJobFailures(jobId: number): void {
    this.writer.statement('delete from task_failures where job_id = ?', [jobId])
    this.writer.statement('delete from job_blocks where job_id = ?', [jobId])
    this.writer.statement('delete from task_kept_off where job_id = ?', [jobId])
  }

  addBlock(jobId: number, workerId: number, kind: string, at: number): void {
    this.writer.statement('insert or ignore into job_blocks (job_id, worker_id, kind, at) values (?, ?, ?, ?)', [jobId, workerId, kind, at])
  }

  removeBlock(jobId: number, workerId: number, kind: string): void {
    this.writer.statement('delete from job_blocks where job_id = ? and worker_id = ? and kind = ?', [jobId, workerId, kind])
  }

  addResult(jobId: number, taskId: number, attemptId: number, { at, bytes, body }: { at: number; bytes: number; body: string }): void {
    this.writer.append(rows.ADD_RESULTS, [jobId, taskId, attemptId, at, bytes, body])
  }

  addFrame(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): void {
    if (rows.isUnseen(frame)) this.writer.append(rows.ADD_UNSEEN_FRAMES, rows.unseenFrameRow(jobId, taskId, attemptId, frame, at))
    else this.writer.append(rows.ADD_FRAMES, rows.newFrameRow(jobId, taskId, attemptId, frame, at))
  }

  addWarning(jobId: number, of: { taskId: number; attempt: number } | null, warning: ReportedWarning, at: number): void {
    const { code, text, count } = warning
    const frames = warning.frames && JSON.stringify([...new Set(warning.frames)].sort((a, b) => a - b))
    this.writer.append(rows.ADD_WARNINGS, [jobId, of?.taskId ?? null, of?.attempt ?? null, code, text, count, frames ?? null, at])
  }

  saveRerun(task: TaskState): void {
    this.writer.statement('update tasks set rerun = ? where id = ?', [task.rerun, task.id])
  }

  removeFramesIn(jobId: number, folderName: string): void {
    const inFolder = `job_id = ?1 and instr(replace(path, '\\', '/'), '/' || ?2 || '/') > 0`
    this.writer.statement(`update jobs set frame_count = frame_count - (select count(*) from frames where ${inFolder}) where id = ?1`, [
      jobId,
      folderName,
    ])
    this.writer.statement(`delete from frames where ${inFolder}`, [jobId, folderName])
  }

  saveReportedDone(attemptId: number, at: number): void {
    this.writer.append(rows.SAVE_REPORTED_DONE, [attemptId, JSON.stringify({ at })])
  }

  saveInputs(attemptId: number, inputs: Inputs): void {
    this.writer.append(rows.SAVE_INPUTS, [attemptId, JSON.stringify(inputs)])
  }

  announceResults(attempt: AttemptState, files: readonly { path: string; bytes: number }[]): void {
    for (const { path, bytes } of files)
      this.writer.append(rows.ANNOUNCE_RESULT_FILES, [attempt.jobId, path, bytes, attempt.taskId, attempt.id])
  }

  clearJobWarnings(jobId: number, codes: readonly WarningCode[]): void {
    const sql = 'delete from warnings where job_id = ? and task_id is null and code in (select value from json_each(?))'
    this.writer.statement(sql, [jobId, JSON.stringify(codes)])
  }

  setFramePreview(
    jobId: number,
    path: string,
    preview: 'ready' | 'failed',
    about: { width?: number; height?: number; problem?: string } | undefined,
    light: boolean,
  ): void {
    this.writer.statement(
      `update frames set preview = ?, preview_problem = ?, light = ?, width = coalesce(?, width), height = coalesce(?, height)
       where job_id = ? and path = ?`,
      [preview, about?.problem ?? '', Number(light), about?.width ?? null, about?.height ?? null, jobId, path],
    )
  }

  appendLog(attempt: AttemptState, at: number, stream: LogStream, text: string): { position: number; bytes: number } {
    const added = this.logs.append(attempt, at, stream, text)
    this.writer.afterCommit(this.attempts.change(attemptKey(attempt.taskId, attempt.number), attempt))
    return added
  }

  addOutbox(kind: string, payload: unknown, at: number): void {
    this.writer.append(rows.ADD_OUTBOX, [kind, JSON.stringify(payload), at])
    this.writer.afterCommit(() => this.outboxFilled.emit())
  }

  durable(): Promise<void> {
    return this.writer.durable()
  }

  afterCommit(effect: () => void): void {
    this.writer.afterCommit(effect)
  }

  // Bulk -----------------------------------------------------------------------------------------------------------

  async insertJob(record: NewJobRecord, refs: ResolvedJobRefs, compiled: CompiledJob, firing?: FiringCommit): Promise<number> {
    const ids = this.reserve(compiled)
    const show = async (tx: Connection): Promise<void> => {
      await bulk.showJob(tx, ids.job, record.initialStatus)
      await writeSideRows(tx, compiled, { jobId: ids.job, firstTaskId: ids.task + 1, at: record.createdAt }, this.sideRows)
      if (firing) await writeFirings(tx, firing, ids.job)
    }
    if (compiled.taskCount <= SMALL_JOB) {
      await this.writer.exclusive(async (tx) => {
        await bulk.insertJobHead(tx, ids, record, refs, compiled)
        for (const slice of compiled.taskSlices) await bulk.insertTaskSlice(tx, ids, 0, slice, record.createdAt, compiled.timing)
        for (const slice of compiled.groupDependencySlices) await bulk.insertGroupDependencies(tx, ids, slice)
        await show(tx)
      })
      return ids.job
    }
    await this.writer.exclusive((tx) => bulk.insertJobHead(tx, ids, record, refs, compiled))
    try {
      const { taskSlices, timing } = compiled
      for (const slice of taskSlices) await this.writer.exclusive((tx) => bulk.insertTaskSlice(tx, ids, 0, slice, record.createdAt, timing))
      for (const slice of compiled.groupDependencySlices) await this.writer.exclusive((tx) => bulk.insertGroupDependencies(tx, ids, slice))
      await this.writer.exclusive(show)
    } catch (error) {
      // What cannot be removed now is removed at the next start: it is hidden.
      await this.purgeJob(ids.job).catch(() => undefined)
      throw error
    }
    return ids.job
  }

  growJob(job: JobState, compiled: CompiledJob, firing?: FiringCommit): Promise<void> {
    const ids = { ...this.reserve(compiled), job: job.id }
    const grown = { first: job.taskCount + 1, last: job.taskCount + compiled.taskCount }
    return this.writer.exclusive(async (tx) => {
      await bulk.insertGrowth(tx, ids, job.taskCount, compiled, job.updatedAt)
      await writeSideRows(tx, compiled, { jobId: job.id, firstTaskId: ids.task + 1, at: job.updatedAt }, this.sideRows)
      if (firing) await writeFirings(tx, Object.assign(firing, { grown }), job.id)
    })
  }

  bulkTaskStatus(...[jobId, from, to, activity, at, readyOfKind, rerun]: Parameters<FarmStore['bulkTaskStatus']>): Promise<number> {
    // It may have written entries, even if it was interrupted.
    return bulk.bulkTaskStatus(this.writer, jobId, from, to, activity, at, readyOfKind, rerun).finally(() => this.outboxFilled.emit())
  }

  resetWithDependents(tasks: readonly TaskRerun[], activity: string, at: number, excludedWorker?: number): Promise<number> {
    return this.writer.exclusive((tx) => bulk.resetWithDependents(tx, tasks, activity, at, excludedWorker))
  }

  async overrideTaskStatus(taskId: number, to: TaskStatus, activity: string, at: number): Promise<void> {
    await this.writer.exclusive((tx) => bulk.overrideTaskStatus(tx, taskId, to, activity, at))
  }

  recount(jobId: number): ReturnType<FarmStore['recount']> {
    return this.writer.exclusive((tx) => bulk.recount(tx, jobId))
  }

  async purgeJob(jobId: number): ReturnType<FarmStore['purgeJob']> {
    const dependents = await bulk.purgeJob(this.writer, jobId)
    await this.drops.freeSegments()
    return dependents
  }

  readonly dropTasks: FarmStore['dropTasks'] = (...given) => this.drops.tasks(...given)
  readonly dropLogs: FarmStore['dropLogs'] = (...given) => this.drops.logs(...given)

  // Loading --------------------------------------------------------------------------------------------------------

  loadOpenJobs() {
    return loads.loadOpenJobs(this.read)
  }
  loadJob(by: Parameters<FarmStore['loadJob']>[0]) {
    return loads.loadJobBy(this.read, by)
  }
  loadReady(jobId: number, kind: string, afterKey: number, limit: number) {
    return loads.loadReady(this.read, jobId, kind, afterKey, limit)
  }
  async hasReadyTasks(jobId: number): Promise<boolean> {
    const ready = await this.read.all(
      `select 1 from tasks indexed by tasks_ready where job_id = ? and unmet = 0 and status in ('queued', 'soft-failed') limit 1`,
      [jobId],
    )
    return ready.length > 0
  }
  loadTask(jobId: number, index: number) {
    return loads.loadTask(this.read, jobId, index)
  }
  loadAttempt(taskId: number, number: number) {
    return this.attempts.find(attemptKey(taskId, number), () => loads.loadAttempt(this.read, taskId, number))
  }
  loadKnownFiles(taskId: number, since: number) {
    return loads.loadKnownFiles(this.read, taskId, since)
  }
  loadListedFrames(taskId: number) {
    return loads.loadListedFrames(this.read, taskId)
  }
  loadTasksAfter(jobId: number, afterIndex: number, limit: number) {
    return loads.loadTasksAfter(this.read, jobId, afterIndex, limit)
  }
  loadReleased(by: { groupId: number } | { taskId: number }) {
    return loads.loadReleased(this.read, by)
  }
  loadJobDependents(jobId: number) {
    return loads.loadJobDependents(this.read, jobId)
  }
  loadStartByExpired(now: number) {
    return this.read.all<{ jobId: number; index: number }>(
      `select job_id as jobId, idx as "index" from tasks indexed by tasks_start_by
       where start_by is not null and status in ('queued', 'soft-failed') and start_by <= ? limit 1000`,
      [now],
    )
  }
  loadPurgeable(deletedBefore: number) {
    return this.read.all<PurgeableJob>(
      'select id, public_id as publicId, checkout_id as checkoutId, results_root as resultsRoot from jobs where deleted_at is not null and deleted_at <= ?',
      [deletedBefore],
    )
  }
  loadRecountDue() {
    return this.read.all<{ id: number }>('select id from jobs where recount_due = 1')
  }
  loadUnderConstruction() {
    return this.read.all<{ id: number }>(`select id from jobs where status = 'under-construction'`)
  }
  loadFailedTasks(jobId: number, workerId: number) {
    return loads.loadFailedTasks(this.read, jobId, workerId)
  }

  /** Takes consecutive ids; unused reserved ones are a harmless gap. */
  private reserve(compiled: CompiledJob): bulk.IdBlocks {
    const ids = { job: this.last.job + 1, template: this.last.template + 1, group: this.last.group + 1, task: this.last.task }
    this.last.job += 1
    this.last.template += compiled.templates.length
    this.last.group += compiled.groups.length
    this.last.task += compiled.taskCount
    return ids
  }
}

const attemptKey = (taskId: number, number: number): string => `${taskId}/${number}`
