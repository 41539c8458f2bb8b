/** Changes of many tasks of a job at once: on disk, slice by slice, while nothing else touches the job. */
import type { Core } from '../base/core.ts'
import type { JobSeed } from '../base/ports.ts'
import type { JobRuntime } from './jobRuntime.ts'
import type { Leases } from './leases.ts'

/** What a mass update needs of the jobs in memory. */
interface Jobs {
  refresh(job: JobRuntime): void
  refreshSharers(job: JobRuntime): void
  setQueues(job: JobRuntime, seed: JobSeed): void
}

export class MassUpdates {
  constructor(
    private readonly core: Core,
    private readonly leases: Leases,
    private readonly jobs: Jobs,
  ) {}

  /**
   * Runs a change of many tasks on disk while nothing else touches the job, then rebuilds its hot state from there.
   * Leases that the change ended are dropped; their workers learn it at the next contact. `settle` handles the
   * consequences of the new counts, before anything else may touch the job.
   */
  run<T>(job: JobRuntime, change: () => Promise<T>, settle?: () => void): Promise<T> {
    return this.alone(job, async () => {
      const result = await change().catch(async (error: unknown) => {
        // The slices that succeeded are valid.
        await this.rebuild(job)
        throw error
      })
      await this.rebuild(job)
      settle?.()
      return result
    })
  }

  /**
   * Drops tasks that have ended, which the hot state does not hold: its counters follow without a recount, so that this costs what is
   * dropped and not what is kept.
   */
  drop(job: JobRuntime, tasks: readonly number[]): Promise<void> {
    return this.alone(job, async () => {
      const { completed, failed, canceled, stepsCompleted, stepsTotal } = await this.core.store.dropTasks(job.state.id, tasks)
      const { counts } = job.state
      counts.completed -= completed
      counts.failed -= failed
      counts.canceled -= canceled
      job.state.stepsCompleted -= stepsCompleted
      job.state.stepsTotal -= stepsTotal
      job.bulks++
      this.core.store.saveJobCounters(job.state)
      this.core.store.markRecountDue(job.state.id, false)
    })
  }

  /** Nothing else touches the job meanwhile. A crash in between is followed by a recount. */
  private async alone<T>(job: JobRuntime, work: () => Promise<T>): Promise<T> {
    while (job.busy) await job.busy
    let done = (): void => undefined
    job.busy = new Promise((resolve) => (done = resolve))
    this.jobs.refresh(job)
    try {
      // Pending changes are written before the change, together with the mark that it is running.
      this.core.store.markRecountDue(job.state.id, true)
      await this.core.store.durable()
      return await work()
    } finally {
      job.busy = undefined
      done()
      this.jobs.refresh(job)
      this.jobs.refreshSharers(job)
    }
  }

  private async rebuild(job: JobRuntime): Promise<void> {
    const { counts, stepsCompleted, stepsTotal } = await this.core.store.recount(job.state.id)
    const seed = await this.core.store.loadJob({ id: job.state.id })
    if (!seed) return
    // Only JobTransitions writes statuses: the job's own status in memory stays.
    job.state.counts = counts
    job.state.stepsCompleted = stepsCompleted
    job.state.stepsTotal = stepsTotal
    job.state.taskCount = seed.job.taskCount
    job.adopt({ ...seed, job: job.state })
    const running = new Set(seed.active.map(({ task }) => task.id))
    for (const lease of [...job.active.values()]) if (!running.has(lease.task.id)) this.leases.takeAway(lease)
    for (const reservation of [...job.reserved.values()]) this.leases.reservations.withdraw(reservation)
    job.delayed.clear()
    job.unsaved.clear()
    job.bulks++
    this.jobs.setQueues(job, seed)
    this.core.store.saveJobCounters(job.state)
    this.core.store.markRecountDue(job.state.id, false)
  }
}
