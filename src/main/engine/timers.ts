/** What happens by the clock: timeouts, schedules, retry delays, start-by times, purging. Each check is a method, so tests call them. */
import { RUNNABLE_TASK_STATUSES } from '../../shared/enums.ts'
import { taskPublicId } from '../../shared/ids.ts'
import type { Attempts } from './attempts.ts'
import type { Core } from './core.ts'
import { StaleAttemptError, UnavailableError } from './errors.ts'
import type { JobBook } from './jobBook.ts'
import type { Leases } from './leases.ts'
import type { NextTasks } from './nextTasks.ts'
import type { Staff } from './staff.ts'
import { attemptTimeout, workerTimedOut } from './timeouts.ts'
import type { Transitions } from './transitions.ts'

export interface Every {
  /** Runs `check` every so many milliseconds until stopped; the next one starts after the last one is done. */
  (ms: number, check: () => void | Promise<void>): () => void
}

export class Timers {
  private readonly stops: (() => void)[] = []
  private readonly startedAt: number

  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly staff: Staff,
    private readonly attempts: Attempts,
    private readonly transitions: Transitions,
    private readonly next: NextTasks,
    /** Told before a job's rows are deleted: files of it go too. */
    private readonly onPurge: (job: { publicId: string; checkoutId: string | null }) => Promise<void>,
  ) {
    this.startedAt = core.now()
  }

  start(every: Every): void {
    this.stops.push(
      every(200, () => this.releaseDue()),
      every(1_000, () => this.checkTimeouts()),
      every(5_000, () => this.checkStartBy()),
      every(20_000, () => this.applySchedules()),
      every(30_000, () => this.keepHouse()),
      every(60_000, () => this.purge()),
    )
  }

  stop(): void {
    for (const stop of this.stops) stop()
  }

  /** Jobs and tasks whose moment has come. */
  releaseDue(): void {
    this.book.releaseDue()
  }

  /** Workers that should sleep or wake up now. */
  applySchedules(): void {
    this.staff.applySchedules()
  }

  /** Workers that fell silent and attempts that take too long. */
  async checkTimeouts(): Promise<void> {
    const now = this.core.now()
    const settings = this.core.settings()
    this.next.takeBackOverdue()
    if (now - this.startedAt >= settings.timeoutGraceMs) {
      for (const worker of this.staff.all()) {
        if (workerTimedOut(worker, settings, now) && !this.staff.isWaiting(worker)) await this.staff.timeOut(worker)
      }
    }
    for (const lease of [...this.leases.all()]) {
      const verdict = attemptTimeout(
        {
          startedAt: lease.attempt.startedAt,
          touchedAt: lease.touchedAt,
          lastSignAt: lease.lastSignAt,
          leaseKind: lease.attempt.leaseKind,
          leaseUntil: lease.attempt.leaseUntil,
        },
        lease.job.state.policy,
        { now, graceUntil: this.startedAt + settings.timeoutGraceMs },
      )
      if (!verdict) continue
      if (verdict.rule === 'touch') {
        const since = new Date(lease.touchedAt).toISOString()
        const reason = `Task timed out. It was assigned to worker ${lease.worker.name} (${lease.worker.publicId}), but untouched since ${since}`
        await this.attempts.failHard(lease, 'timed-out', reason)
      } else {
        await this.attempts.end(lease, { outcome: verdict.outcome, exitCode: null, reason: verdict.reason }).catch(ignoreStale)
      }
    }
    await this.core.store.durable()
  }

  /** Tasks that were not started in time fail. */
  async checkStartBy(): Promise<void> {
    for (const { jobId, index } of await this.core.store.loadStartByExpired(this.core.now())) {
      const job = await this.book.findById(jobId)
      if (!job || job.state.deletedAt !== null) continue
      await this.book.changeTask(taskPublicId(job.state.publicId, index), async (_, task) => {
        if (!RUNNABLE_TASK_STATUSES.includes(task.status)) return
        await this.transitions.task(job, task, 'failed', 'it was not started in time')
      })
    }
    await this.core.store.durable()
  }

  keepHouse(): void {
    this.staff.saveSightings()
    this.book.forgetIdle()
    for (const lease of this.leases.all()) {
      if (lease.job.busy) continue
      lease.task.touchedAt = lease.touchedAt
      this.book.saveTask(lease.job, lease.task)
    }
  }

  /** Deletes what was deleted longer ago than the undo period. */
  async purge(): Promise<void> {
    const before = this.core.now() - this.core.settings().undoPeriodMs
    for (const found of await this.core.store.loadPurgeable(before)) {
      try {
        await this.purgeJob(found)
      } catch (error) {
        if (error instanceof UnavailableError) throw error
        // A file that cannot be deleted, most of all: other jobs do not wait for it.
        this.core.log.error({ job: found.publicId, error: String(error) }, 'a deleted job could not be purged; it is tried again')
      }
    }
  }

  private async purgeJob({ id, publicId, checkoutId }: { id: number; publicId: string; checkoutId: string | null }): Promise<void> {
    const job = await this.book.findById(id)
    if (job) {
      while (job.busy) await job.busy
      // Somebody may have brought it back in this very moment.
      if (job.state.deletedAt === null) return
      for (const lease of [...job.active.values()]) this.leases.remove(lease)
      this.book.forget(job)
    }
    await this.onPurge({ publicId, checkoutId })
    await this.transitions.noteWaits(await this.core.store.purgeJob(id))
    this.core.log.info({ job: publicId }, 'job purged')
  }
}

/** The attempt ended by itself while others were dealt with. */
function ignoreStale(error: unknown): void {
  if (!(error instanceof StaleAttemptError)) throw error
}
