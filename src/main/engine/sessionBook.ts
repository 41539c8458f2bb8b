/** Applications that workers keep open, as they report them: in memory for the dispatcher, on disk for people. */
import { RUNNABLE_JOB_STATUSES } from '../../shared/enums.ts'
import type { SessionReport } from '../../shared/schemas/session.ts'
import type { Core } from './core.ts'
import type { JobBook } from './jobBook.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { SessionRow, WorkerState } from './model.ts'
import { nothingLeft } from './sessionRules.ts'

export class SessionBook {
  private readonly byWorker = new Map<number, Map<string, SessionRow>>()
  private readonly warm = new Map<number, Set<number>>()

  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
  ) {}

  /** What was open when the manager stopped; each worker's next report replaces it. */
  load(rows: readonly SessionRow[]): void {
    for (const row of rows) {
      this.mapOf(row.workerKey).set(row.id, row)
      this.recount(row.workerKey)
    }
  }

  /** Whether any worker has anything open at all: without it nobody need look. */
  get isEmpty(): boolean {
    return this.warm.size === 0
  }

  /** Internal ids of the jobs whose application this worker has open. */
  warmFor(workerKey: number): ReadonlySet<number> {
    return this.warm.get(workerKey) ?? NONE
  }

  /** The open sessions of one worker. */
  ofWorker(workerKey: number): SessionRow[] {
    return [...(this.byWorker.get(workerKey)?.values() ?? [])]
  }

  /** The open sessions of one job. */
  ofJob(jobKey: number): SessionRow[] {
    return [...this.byWorker.values()].flatMap((rows) => [...rows.values()].filter((row) => row.jobKey === jobKey))
  }

  /** A worker tells all that it has open, and what it closed since it was answered last. */
  async hear(worker: WorkerState, reports: readonly SessionReport[]): Promise<void> {
    const jobs = new Map<string, JobRuntime | undefined>()
    for (const { jobId } of reports) if (!jobs.has(jobId)) jobs.set(jobId, await this.book.find(jobId))
    const known = this.mapOf(worker.id)
    const named = new Set(reports.map(({ id }) => id))
    for (const row of known.values()) if (!named.has(row.id)) this.close(row, 'the worker does not have it any more')
    for (const report of reports) {
      const before = known.get(report.id)
      const jobKey = before?.jobKey ?? jobs.get(report.jobId)?.state.id
      // A job that was purged meanwhile has no sessions to show.
      if (jobKey === undefined) continue
      const row: SessionRow = { ...report, jobKey, workerKey: worker.id }
      if (report.state === 'closed') known.delete(report.id)
      else known.set(report.id, row)
      if (before === undefined || isWorthWriting(before, report)) this.core.store.saveSession(row)
    }
    this.recount(worker.id)
  }

  /** The worker is gone, and what it had open with it. */
  closeAll(workerKey: number, reason: string): void {
    for (const row of this.ofWorker(workerKey)) this.close(row, reason)
    this.recount(workerKey)
  }

  /** Public ids of the jobs that have nothing left for an idle application of this worker. */
  toClose(workerKey: number): string[] {
    const over = new Set<string>()
    for (const row of this.byWorker.get(workerKey)?.values() ?? []) {
      if (row.state === 'idle' && this.isOver(row)) over.add(row.jobId)
    }
    return [...over]
  }

  /** Internal ids of the workers that have anything open. */
  holders(): number[] {
    return [...this.warm.keys()]
  }

  private isOver(row: SessionRow): boolean {
    const job = this.book.hotJob(row.jobId)
    if (job === undefined) return true
    let active = 0
    for (const { task } of job.active.values()) if (task.kind === row.kind) active++
    const holdsNext = [...job.reserved.values()].some(({ task }) => task.kind === row.kind)
    const hasReady =
      holdsNext || job.queues.get(row.kind)?.headKey !== undefined || [...job.delayed.values()].some(({ kind }) => kind === row.kind)
    return nothingLeft({ runnable: RUNNABLE_JOB_STATUSES.includes(job.state.status) && job.state.deletedAt === null, hasReady, active })
  }

  private close(row: SessionRow, reason: string): void {
    this.byWorker.get(row.workerKey)?.delete(row.id)
    this.core.store.saveSession({ ...row, state: 'closed', closedAt: this.core.now(), reason })
  }

  private mapOf(workerKey: number): Map<string, SessionRow> {
    let rows = this.byWorker.get(workerKey)
    if (!rows) this.byWorker.set(workerKey, (rows = new Map()))
    return rows
  }

  private recount(workerKey: number): void {
    const rows = this.byWorker.get(workerKey)
    if (rows === undefined || rows.size === 0) {
      this.byWorker.delete(workerKey)
      this.warm.delete(workerKey)
    } else this.warm.set(workerKey, new Set([...rows.values()].map(({ jobKey }) => jobKey)))
  }
}

const NONE: ReadonlySet<number> = new Set()
/** How far its task count may be ahead of the disk: what it is at now is in memory, and the end is always written. */
const TASKS_UNWRITTEN = 20

/** Each frame changes a session; not each change is worth a row. */
function isWorthWriting(before: SessionReport, now: SessionReport): boolean {
  const closes = now.state === 'closed'
  return closes || Math.floor(before.tasks / TASKS_UNWRITTEN) !== Math.floor(now.tasks / TASKS_UNWRITTEN)
}
