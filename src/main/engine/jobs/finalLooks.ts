/**
 * Final checks of a job whose tasks are all done, before it counts as completed and notifications go out. Without
 * shared storage its frames are scattered over its workers' disks: one of the workers checks that all of them exist.
 * Then its frames are compared with each other, and tasks with suspect frames run once more if the job's policy says
 * so. In the meantime the job is active; that it waits for this check follows from its tasks alone, so a restart of the
 * manager starts the check again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Core } from '../base/core.ts'
import { UnavailableError } from '../base/errors.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import { atRest } from '../rules/jobRules.ts'
import type { Transitions } from './transitions.ts'

/** Delay when no worker can check now: its workers may be back shortly. */
const AGAIN_MS = 15_000
/** How often to check whether all results are home. */
const HOME_AGAIN_MS = 500
/** After this many attempts the job completes anyway: every job must end. */
const TRIES = 40

export class FinalLooks {
  constructor(
    private readonly core: Core,
    private readonly transitions: Transitions,
  ) {}

  /** A job with nothing left to do when the manager stopped. */
  async resume(job: JobRuntime): Promise<void> {
    const { status, counts, taskCount, policy } = job.state
    const rest = status === 'active' && taskCount > 0 ? atRest({ counts, taskCount }, policy) : undefined
    if (rest?.status === 'completed') await this.transitions.job(job, 'completed', rest.reason)
  }

  /** True when the job is not completed yet: a check is running, or starts now. */
  begin(job: JobRuntime, reason: string): boolean {
    const { looks, store } = this.core
    if (job.finalLook === DONE) {
      job.finalLook = undefined
      return false
    }
    const isSent = job.state.resultsRoot !== null
    if (!looks || job.state.status !== 'active' || (!isSent && job.framesFrom?.size === 0)) return false
    if (!isSent && !isScattered(job) && job.state.policy.pictureChecks === 'off') return false
    const look = {}
    job.finalLook = look
    job.state.activity = `All tasks are completed; ${isSent ? 'waiting until their results are home' : 'checking the frames'}`
    store.saveJob(job.state)
    this.transitions.announceJob(job, null, false)
    store.afterCommit(() => void this.look(job, look, reason))
    return true
  }

  private async look(job: JobRuntime, look: object, reason: string): Promise<void> {
    const { looks, store, log } = this.core
    const { id, publicId } = job.state
    try {
      const isSent = job.state.resultsRoot !== null
      for (let tried = 1; isSent || isScattered(job); tried++) {
        const result = (await looks?.job({ id, publicId })) ?? { ok: true }
        while (job.busy) await job.busy
        // Requeued, canceled or deleted in the meantime.
        if (job.finalLook !== look || !isDone(job)) return
        if ('ok' in result && !result.ok) {
          job.finalLook = undefined
          await this.transitions.job(job, 'failed', result.reason)
          return await store.durable()
        }
        // A worker that is away, or a full disk, is no end: what it saved is not lost.
        if ('ok' in result || (!isSent && tried >= TRIES)) break
        await sleep(isSent ? HOME_AGAIN_MS : AGAIN_MS, undefined, { ref: false })
      }
      const runsOn = (await looks?.pictures({ id, publicId })) === true
      while (job.busy) await job.busy
      if (job.finalLook !== look) return
      if (runsOn || !isDone(job)) {
        job.finalLook = undefined
        return
      }
      job.finalLook = DONE
      await this.transitions.job(job, 'completed', reason)
      await store.durable()
    } catch (error) {
      // The manager is stopping, and checks again at its next start.
      if (error instanceof UnavailableError) return
      log.error({ error, job: publicId }, 'cannot check the frames of a job')
      if (job.finalLook !== look || !isDone(job)) return
      job.finalLook = DONE
      await this.transitions.job(job, 'completed', reason).catch(() => undefined)
    }
  }
}

/** When one worker has all frames, no other can be missing any. */
function isScattered({ framesFrom }: JobRuntime): boolean {
  return framesFrom === undefined || framesFrom.size > 1
}

/** Marks the check that completed the job. */
const DONE = {}

function isDone({ state: { status, counts, deletedAt } }: JobRuntime): boolean {
  return status === 'active' && deletedAt === null && counts.active + counts.queued + counts['soft-failed'] + counts.paused === 0
}
