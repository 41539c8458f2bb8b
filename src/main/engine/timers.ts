/**
 * Timed actions: timeouts, schedules, retry delays, start-by times, purging. Each check is a method, so that tests can
 * call it.
 */
import { RUNNABLE_TASK_STATUSES } from '../../shared/enums.ts'
import { taskPublicId } from '../../shared/ids.ts'
import type { Attempts } from './jobs/attempts.ts'
import { english } from '../../shared/said/said.ts'
import type { Core } from './base/core.ts'
import { ignoreStale, UnavailableError } from './base/errors.ts'
import type { JobCache } from './queue/jobCache.ts'
import type { Lease } from './queue/jobRuntime.ts'
import type { Leases } from './queue/leases.ts'
import type { Prefetch } from './queue/prefetch.ts'
import type { Stalls } from './queue/stalls.ts'
import type { ExternalWork } from './workers/externalWork.ts'
import type { WorkerRoster } from './workers/workerRoster.ts'
import { attemptTimeout, workerTimedOut } from './rules/timeouts.ts'
import type { Transitions } from './jobs/transitions.ts'
import type { PurgeableJob } from './base/ports.ts'
import type { ClockJump } from './base/watchedClock.ts'

export interface Every {
  /** Runs `check` at this interval in milliseconds until stopped; the next one starts after the last one is done. */
  (ms: number, check: () => void | Promise<void>): () => void
}

interface TimersParts {
  book: JobCache
  leases: Leases
  roster: WorkerRoster
  attempts: Attempts
  transitions: Transitions
  next: Prefetch
  stalls: Stalls
  external: Pick<ExternalWork, 'overdue'>
  /** Called before a job's rows are deleted, to delete its files too. */
  onPurge: (job: Omit<PurgeableJob, 'id'>) => Promise<void>
}

export class Timers {
  private readonly stops: (() => void)[] = []
  /** Until then no worker counts as silent: all need time to reconnect. */
  private graceUntil: number

  constructor(
    private readonly core: Core,
    private readonly parts: TimersParts,
  ) {
    this.graceUntil = core.now() + core.settings().timeoutGraceMs
  }

  start(every: Every): void {
    this.stops.push(
      every(200, () => this.releaseDue()),
      every(1_000, () => this.checkTimeouts()),
      every(1_000, () => this.checkStalls()),
      every(1_000, () => this.checkStartBy()),
      every(20_000, () => this.applySchedules()),
      every(30_000, () => this.keepHouse()),
      every(60_000, () => this.purge()),
    )
  }

  stop(): void {
    for (const stop of this.stops) stop()
  }

  /** Releases jobs and tasks whose time has come. */
  releaseDue(): void {
    this.parts.book.releaseDue()
  }

  /** Workers that should sleep or wake up now. */
  applySchedules(): void {
    this.parts.roster.applySchedules()
  }

  /**
   * The time of day moved by this much without being counted: running durations move along, and all workers get the
   * grace period of a start.
   */
  clockJumped({ now, shiftMs }: ClockJump): void {
    for (const lease of this.parts.leases.all()) {
      lease.runningSince += shiftMs
      lease.touchedAt += shiftMs
      lease.lastSignAt += shiftMs
    }
    for (const reservation of this.parts.leases.reservations.all()) if (reservation.recalledAt !== null) reservation.recalledAt += shiftMs
    this.parts.stalls.shift(shiftMs)
    this.graceUntil = now + this.core.settings().timeoutGraceMs
  }

  /** Times out silent workers and attempts that take too long. */
  async checkTimeouts(): Promise<void> {
    const now = this.core.now()
    const settings = this.core.settings()
    this.parts.next.reclaimOverdue()
    if (now >= this.graceUntil) {
      for (const worker of this.parts.roster.all()) {
        // External executors do not call home: what they hold is theirs until its deadline.
        if (worker.adapter !== 'external' && workerTimedOut(worker, settings, now) && !this.parts.roster.isWaiting(worker))
          await this.parts.roster.timeOut(worker)
      }
    }
    for (const lease of [...this.parts.leases.all()]) {
      if (lease.reportedDone) continue
      if (await this.isLeftToItsWorker(lease, now)) continue
      const verdict = attemptTimeout(
        {
          runningSince: lease.runningSince,
          touchedAt: lease.touchedAt,
          lastSignAt: lease.lastSignAt,
          leaseKind: lease.attempt.leaseKind,
          leaseUntil: lease.attempt.leaseUntil,
        },
        lease.job.state.policy,
        { now, graceUntil: this.graceUntil },
      )
      if (!verdict) continue
      if (verdict.rule === 'touch') {
        const since = new Date(lease.touchedAt).toISOString()
        const { name, publicId } = lease.worker
        const reason = english('task.timed-out', { worker: name, id: publicId, at: since })
        await this.parts.attempts.failHard(lease, 'timed-out', reason)
      } else if (verdict.rule === 'lease' && lease.worker.adapter === 'external') {
        await this.parts.external.overdue(lease)
      } else {
        await this.parts.attempts.end(lease, { outcome: verdict.outcome, exitCode: null, reason: verdict.reason }).catch(ignoreStale)
      }
    }
    await this.core.store.durable()
  }

  /**
   * Whether the attempt of a worker that timed out stays with it for now (Policy.takeoverAfterMs). When that time is over, it is given to
   * others.
   */
  private async isLeftToItsWorker(lease: Lease, now: number): Promise<boolean> {
    if (lease.worker.status !== 'error') return false
    const waitsMs = lease.job.state.policy.takeoverAfterMs ?? 0
    if (now - (lease.worker.lastSeenAt ?? lease.touchedAt) < waitsMs) return true
    await this.parts.attempts.giveBack(lease, english('worker.timed-out'))
    return true
  }

  /** Fails tasks without an eligible worker. */
  checkStalls(): Promise<void> {
    return this.parts.stalls.check()
  }

  /** Tasks that were not started in time fail. */
  async checkStartBy(): Promise<void> {
    for (const { jobId, index } of await this.core.store.loadStartByExpired(this.core.now())) {
      const job = await this.parts.book.findById(jobId)
      if (!job || job.state.deletedAt !== null) continue
      await this.parts.book.changeTask(taskPublicId(job.state.publicId, index), async (_, task) => {
        if (!RUNNABLE_TASK_STATUSES.includes(task.status)) return
        await this.parts.transitions.task(job, task, 'failed', english('task.not-in-time'))
      })
    }
    await this.core.store.durable()
  }

  keepHouse(): void {
    this.parts.roster.saveSightings()
    this.parts.book.forgetIdle()
    for (const lease of this.parts.leases.all()) {
      if (lease.job.busy) continue
      lease.task.touchedAt = lease.touchedAt
      this.parts.book.saveTask(lease.job, lease.task)
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
        // Usually a file that cannot be deleted: other jobs do not wait for it.
        this.core.log.error({ job: found.publicId, error: String(error) }, 'cannot purge a deleted job; retrying')
      }
    }
  }

  private async purgeJob({ id, ...purged }: PurgeableJob): Promise<void> {
    const job = await this.parts.book.findById(id)
    if (job) {
      while (job.busy) await job.busy
      // A person may have restored it at this moment.
      if (job.state.deletedAt === null) return
      for (const lease of [...job.active.values()]) this.parts.leases.remove(lease)
      this.parts.book.forget(job)
    }
    await this.parts.onPurge(purged)
    await this.parts.transitions.noteWaits(await this.core.store.purgeJob(id))
    this.core.log.info({ job: purged.publicId }, 'job purged')
  }
}
