/** What the actions on jobs and on tasks have in common: mass updates with their events, reopening, lifting blocks. */
import type { Core } from '../base/core.ts'
import type { JobCache } from '../queue/jobCache.ts'
import { workerKind, type JobRuntime } from '../queue/jobRuntime.ts'
import type { Others } from '../queue/otherWorkers.ts'
import type { Transitions } from './transitions.ts'

export class JobEdits {
  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly transitions: Transitions,
    private readonly others: Others,
  ) {}

  /** A mass update, its events, and its consequences. */
  async bulk(job: JobRuntime, change: () => Promise<unknown>, then: () => Promise<void> | undefined): Promise<void> {
    let following: Promise<void> | undefined
    await this.book.bulk(job, change, () => {
      this.transitions.announceJob(job, null, true)
      following = then()
    })
    await following
    // Tasks that were requeued, added or resumed may depend on canceled or failed ones.
    await this.transitions.closeIfStuck(job)
  }

  /** The job has tasks to run again; tasks that a person paused stay paused. */
  async reopen(job: JobRuntime, reason: string): Promise<void> {
    const { status, counts } = job.state
    if (status === 'paused' || status === 'pause-requested') return
    const open = counts.queued + counts.active + counts['soft-failed'] > 0
    if (!open && counts.paused > 0) await this.transitions.job(job, 'paused', 'only paused tasks are left')
    else if (open && !['queued', 'active'].includes(status)) await this.transitions.job(job, 'queued', reason)
  }

  /**
   * A requeued task whose kind is blocked for every worker would only wait: lifts the blocks of its kind, and clears
   * their failures.
   */
  unblockIfAllBlocked(job: JobRuntime, kind: string): void {
    const fitting = [...this.others.fitting(job, kind)]
    if (fitting.some((worker) => !this.others.isBlocked(job, kind, worker))) return
    for (const worker of fitting) this.forgive(job, worker.id, kind)
  }

  /** Lifts a block; if its failures still counted, the next one would block it again. */
  forgive(job: JobRuntime, workerId: number, kind: string): void {
    job.blocks.delete(workerKind(workerId, kind))
    this.core.store.removeBlock(job.state.id, workerId, kind)
    job.forgetFailuresOf(workerId, kind)
    this.core.store.clearWorkerFailures(job.state.id, workerId, kind)
  }
}
