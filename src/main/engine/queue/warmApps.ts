/** Applications that workers keep open, as they report them: in memory for the dispatcher, on disk for people. */
import { RUNNABLE_JOB_STATUSES } from '../../../shared/enums.ts'
import type { WarmAppReport } from '../../../shared/schemas/warmApp.ts'
import type { Core } from '../base/core.ts'
import type { FarmWarmApps } from '../base/farmEngine.ts'
import type { JobCache } from './jobCache.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { WarmAppRow, WorkerState } from '../base/model.ts'
import { nothingLeft } from '../rules/warmAppRules.ts'

export class WarmApps implements FarmWarmApps {
  private readonly byWorker = new Map<number, Map<string, WarmAppRow>>()
  private readonly warm = new Map<number, Set<number>>()

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly workers: () => Iterable<WorkerState>,
  ) {}

  /** Applications that were open when the manager stopped; each worker's next report replaces them. */
  load(rows: readonly WarmAppRow[]): void {
    for (const row of rows) {
      this.mapOf(row.workerKey).set(row.id, row)
      this.recount(row.workerKey)
    }
  }

  /** Whether no worker has anything open: then no check is needed. */
  get isEmpty(): boolean {
    return this.warm.size === 0
  }

  /** Internal ids of the jobs whose application this worker has open. */
  warmFor(workerKey: number): ReadonlySet<number> {
    return this.warm.get(workerKey) ?? NONE
  }

  /** The open sessions of one worker. */
  ofWorker(workerKey: number): WarmAppRow[] {
    return [...(this.byWorker.get(workerKey)?.values() ?? [])]
  }

  /** The open sessions of one job. */
  ofJob(jobKey: number): WarmAppRow[] {
    return [...this.byWorker.values()].flatMap((rows) => [...rows.values()].filter((row) => row.jobKey === jobKey))
  }

  openOn(jobKey: number): { id: string; name: string }[] {
    const holders = new Set(this.ofJob(jobKey).map(({ workerKey }) => workerKey))
    return [...this.workers()].flatMap((worker) => (holders.has(worker.id) ? [{ id: worker.publicId, name: worker.name }] : []))
  }

  /** A worker reports everything that it has open, and what it has closed since the last acknowledged report. */
  async recordReport(worker: WorkerState, reports: readonly WarmAppReport[]): Promise<void> {
    const jobs = new Map<string, JobRuntime | undefined>()
    for (const { jobId } of reports) if (!jobs.has(jobId)) jobs.set(jobId, await this.book.find(jobId))
    const known = this.mapOf(worker.id)
    const named = new Set(reports.map(({ id }) => id))
    for (const row of known.values()) if (!named.has(row.id)) this.close(row, 'the worker no longer has it')
    for (const report of reports) {
      const before = known.get(report.id)
      const jobKey = before?.jobKey ?? jobs.get(report.jobId)?.state.id
      // A job that was purged in the meantime has no sessions to show.
      if (jobKey === undefined) continue
      const row: WarmAppRow = { ...report, jobKey, workerKey: worker.id }
      if (report.state === 'closed') known.delete(report.id)
      else known.set(report.id, row)
      if (before === undefined || isWorthWriting(before, report)) this.core.store.workers.saveWarmApp(row)
    }
    this.recount(worker.id)
  }

  /** The worker is gone, and its open applications with it. */
  closeAll(workerKey: number, reason: string): void {
    for (const row of this.ofWorker(workerKey)) this.close(row, reason)
    this.recount(workerKey)
  }

  /** Public ids of the jobs that no longer need an idle application of this worker. */
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

  private isOver(row: WarmAppRow): boolean {
    const job = this.book.hotJob(row.jobId)
    if (job === undefined) return true
    let active = 0
    for (const { task } of job.active.values()) if (task.kind === row.kind) active++
    const holdsNext = [...job.reserved.values()].some(({ task }) => task.kind === row.kind)
    const hasReady =
      holdsNext || job.queues.get(row.kind)?.headKey !== undefined || [...job.delayed.values()].some(({ kind }) => kind === row.kind)
    return nothingLeft({ runnable: RUNNABLE_JOB_STATUSES.includes(job.state.status) && job.state.deletedAt === null, hasReady, active })
  }

  private close(row: WarmAppRow, reason: string): void {
    this.byWorker.get(row.workerKey)?.delete(row.id)
    this.core.store.workers.saveWarmApp({ ...row, state: 'closed', closedAt: this.core.now(), reason })
  }

  private mapOf(workerKey: number): Map<string, WarmAppRow> {
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
/** How far its task count on disk may lag: the current value is in memory, and the final one is always written. */
const TASKS_UNWRITTEN = 20

/** Each frame changes a session; not each change is worth a row. */
function isWorthWriting(before: WarmAppReport, now: WarmAppReport): boolean {
  const closes = now.state === 'closed'
  return closes || Math.floor(before.tasks / TASKS_UNWRITTEN) !== Math.floor(now.tasks / TASKS_UNWRITTEN)
}
