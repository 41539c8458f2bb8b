/** The engine's port on SQLite: says to the writer what changed, loads what the engine asks for. One object a farm. */
import { chmod, open } from 'node:fs/promises'
import { join } from 'node:path'
import { LOG_STREAMS, type LogStream, type TaskStatus } from '../../shared/enums.ts'
import { LogSegments } from '../files/segments.ts'
import type { CompiledJob } from '../engine/compiledJob.ts'
import type { NewFrame, NewJobRecord } from '../engine/farmEngine.ts'
import type { AttemptState, JobState, TaskState, WorkerState } from '../engine/model.ts'
import type { FarmStore, ResolvedJobRefs } from '../engine/ports.ts'
import type { FiringCommit } from '../engine/schedules/scheduleEngine.ts'
import { Unsaved } from '../engine/unsaved.ts'
import * as bulk from './bulk.ts'
import { writeCompanions } from './companions.ts'
import { Connection, ReadPool } from './connection.ts'
import * as loads from './loads.ts'
import { migrate, parseMigrations } from './migrate.ts'
import * as rows from './rows.ts'
import { ScheduleStore, writeFirings } from './scheduleStore.ts'
import { Writer } from './writer.ts'
import { makeFolders } from '../system/makeFolders.ts'

/** Every file of the folder, folded into the bundle. */
export const MIGRATIONS = parseMigrations(import.meta.glob<string>('./migrations/*.sql', { query: '?raw', import: 'default', eager: true }))
/** Pages the WAL may grow to before SQLite folds it back; bigger ones make commits of a bulk change cheaper. */
const WAL_PAGES = 4_000
/** A job of at most this many tasks is stored in one transaction. */
const SMALL_JOB = 2_000

export interface StoreOptions {
  /** Folder of the database (`framehouse.sqlite`) and the logs. Made when missing. */
  dataDir: string
  readConnections: number
  onFailure(error: Error): void
}

export interface OpenedStore {
  store: SqliteFarmStore
  read: ReadPool
  writer: Writer
  logFolder: string
  close(): Promise<void>
}

/** Opens or creates a farm's database and brings it to the newest schema. */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  await makeFolders(options.dataDir)
  const file = join(options.dataDir, 'framehouse.sqlite')
  await keepToOwner(file)
  const connection = await Connection.open(file, 'write')
  await connection.exec(
    `pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 5000; pragma foreign_keys = on;
     pragma wal_autocheckpoint = ${WAL_PAGES}; pragma cache_size = -32000; pragma temp_store = memory; pragma journal_size_limit = 67108864`,
  )
  await migrate(connection, MIGRATIONS)
  const logFolder = join(options.dataDir, 'logs')
  const last = await connection.get<{ id: number | null }>('select max(id) as id from log_segments')
  const segments = await LogSegments.open(logFolder, last?.id ?? 0)
  const writer = new Writer(connection, rows.ROW_STATEMENTS, segments, options.onFailure)
  const read = await ReadPool.open(file, options.readConnections)
  const store = new SqliteFarmStore(writer, read, segments, await lastIds(connection))
  return {
    store,
    read,
    writer,
    logFolder,
    async close() {
      await writer.close()
      await segments.close()
      await read.close()
      await connection.close()
    },
  }
}

/**
 * The database holds hashes of passwords and tokens, so no other user of the machine may read it. The files that SQLite
 * makes beside it get its permissions. Windows has none of these; there the folder's own count.
 */
async function keepToOwner(file: string): Promise<void> {
  await (await open(file, 'a', 0o600)).close()
  // Made by an earlier version, or copied. Some network disks have no permissions.
  for (const each of [file, `${file}-wal`, `${file}-shm`]) await chmod(each, 0o600).catch(() => undefined)
}

interface LastIds extends bulk.IdBlocks {
  attempt: number
}

async function lastIds(db: Connection): Promise<LastIds> {
  const row = await db.get<LastIds>(
    `select coalesce((select max(id) from jobs), 0) as job, coalesce((select max(id) from command_templates), 0) as template,
       coalesce((select max(id) from task_groups), 0) as "group", coalesce((select max(id) from tasks), 0) as task,
       coalesce((select max(id) from attempts), 0) as attempt`,
  )
  if (!row) throw new Error('the database does not answer')
  return row
}

/** Log text of one attempt that goes into the next commit as one chunk. */
interface OpenChunk {
  position: number
  firstLine: number
  lines: number
  texts: Buffer[]
  runs: [lines: number, at: number, stream: number][]
}

export class SqliteFarmStore extends ScheduleStore implements FarmStore {
  /** Called when entries of the outbox are on disk: whoever delivers them may look. */
  onOutbox: () => void = () => undefined
  private readonly chunks = new Map<number, OpenChunk>()
  /** Attempts whose rows are behind: a log continues where memory says, not where an older row does. */
  private readonly attempts = new Unsaved<string, AttemptState>()

  constructor(
    writer: Writer,
    read: ReadPool,
    private readonly segments: LogSegments,
    private readonly last: LastIds,
  ) {
    super(writer, read)
  }

  newAttemptId(): number {
    return ++this.last.attempt
  }

  saveTask(task: TaskState): void {
    this.writer.save(rows.SAVE_TASKS, task.id, () => rows.taskRow(task))
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

  clearTaskFailures(taskId: number): void {
    this.writer.statement('delete from task_failures where task_id = ?', [taskId])
    this.writer.statement('delete from task_kept_off where task_id = ?', [taskId])
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

  addFrame(jobId: number, taskId: number, attemptId: number, frame: NewFrame, at: number): void {
    this.writer.append(rows.ADD_FRAMES, [
      jobId,
      taskId,
      attemptId,
      frame.frame,
      frame.path,
      frame.bytes,
      frame.width,
      frame.height,
      frame.renderedMs,
      at,
    ])
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
    const whole = text.endsWith('\n') ? text : `${text}\n`
    const bytes = Buffer.from(whole)
    const lines = countLines(bytes)
    const position = attempt.logBytes
    let chunk = this.chunks.get(attempt.id)
    if (!chunk) {
      chunk = { position, firstLine: attempt.logLines, lines: 0, texts: [], runs: [] }
      this.chunks.set(attempt.id, chunk)
      this.writer.save(rows.ADD_LOG_CHUNKS, attempt.id, () => this.closeChunk(attempt.id))
    }
    chunk.texts.push(bytes)
    chunk.lines += lines
    chunk.runs.push([lines, at, LOG_STREAMS.indexOf(stream)])
    attempt.logBytes += bytes.length
    attempt.logLines += lines
    this.writer.save(rows.SAVE_LOG_LENGTHS, attempt.id, () => [attempt.id, attempt.logBytes, attempt.logLines])
    this.writer.afterCommit(this.attempts.change(attemptKey(attempt.taskId, attempt.number), attempt))
    return { position, bytes: bytes.length }
  }

  addOutbox(kind: string, payload: unknown, at: number): void {
    this.writer.append(rows.ADD_OUTBOX, [kind, JSON.stringify(payload), at])
    this.writer.afterCommit(() => this.onOutbox())
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
      await writeCompanions(tx, compiled, { jobId: ids.job, firstTaskId: ids.task + 1, at: record.createdAt })
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
    const { taskSlices, timing } = compiled
    for (const slice of taskSlices) await this.writer.exclusive((tx) => bulk.insertTaskSlice(tx, ids, 0, slice, record.createdAt, timing))
    for (const slice of compiled.groupDependencySlices) await this.writer.exclusive((tx) => bulk.insertGroupDependencies(tx, ids, slice))
    await this.writer.exclusive(show)
    return ids.job
  }

  growJob(job: JobState, compiled: CompiledJob, firing?: FiringCommit): Promise<void> {
    const ids = { ...this.reserve(compiled), job: job.id }
    const grown = { first: job.taskCount + 1, last: job.taskCount + compiled.taskCount }
    return this.writer.exclusive(async (tx) => {
      await bulk.insertGrowth(tx, ids, job.taskCount, compiled, job.updatedAt)
      await writeCompanions(tx, compiled, { jobId: job.id, firstTaskId: ids.task + 1, at: job.updatedAt })
      if (firing) await writeFirings(tx, Object.assign(firing, { grown }), job.id)
    })
  }

  bulkTaskStatus(jobId: number, from: readonly TaskStatus[], to: TaskStatus, activity: string, at: number): Promise<number> {
    // It may have written entries, also when it was broken off.
    return bulk.bulkTaskStatus(this.writer, jobId, from, to, activity, at).finally(() => this.onOutbox())
  }

  resetWithDependents(taskIds: number[], activity: string, at: number, keepOff?: number): Promise<number> {
    return this.writer.exclusive((tx) => bulk.resetWithDependents(tx, taskIds, activity, at, keepOff))
  }

  async overrideTaskStatus(taskId: number, to: TaskStatus, activity: string, at: number): Promise<void> {
    await this.writer.exclusive((tx) => bulk.overrideTaskStatus(tx, taskId, to, activity, at))
  }

  recount(jobId: number): ReturnType<FarmStore['recount']> {
    return this.writer.exclusive((tx) => bulk.recount(tx, jobId))
  }

  async purgeJob(jobId: number): ReturnType<FarmStore['purgeJob']> {
    const dependents = await bulk.purgeJob(this.writer, jobId)
    const dead = await this.read.all<{ id: number }>('select id from log_segments where live_bytes <= 0')
    for (const { id } of dead) {
      if (await this.segments.remove(id)) this.writer.statement('delete from log_segments where id = ?', [id])
    }
    await this.writer.durable()
    return dependents
  }

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
    return this.read.all<{ id: number; publicId: string; checkoutId: string | null }>(
      'select id, public_id as publicId, checkout_id as checkoutId from jobs where deleted_at is not null and deleted_at <= ?',
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

  private closeChunk(attemptId: number): (string | number)[] {
    const chunk = this.chunks.get(attemptId)
    if (!chunk) throw new Error(`attempt ${attemptId} has no open log chunk`)
    this.chunks.delete(attemptId)
    const text = chunk.texts.length === 1 && chunk.texts[0] ? chunk.texts[0] : Buffer.concat(chunk.texts)
    const place = this.segments.append(text)
    return [attemptId, chunk.position, text.length, chunk.firstLine, chunk.lines, place.segment, place.offset, JSON.stringify(chunk.runs)]
  }

  /** Takes consecutive ids; what is reserved and then not used is a harmless gap. */
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

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines++
  return lines
}
