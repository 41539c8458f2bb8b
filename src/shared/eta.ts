/** Estimates when a job will be done from its pace so far. Pure. */
import type { JobStatus } from './enums.ts'

export interface EtaFacts {
  status: JobStatus
  /** Waiting and running tasks. */
  waiting: number
  running: number
  stepsCompleted: number
  stepsTotal: number
  /** Average duration of the newest finished attempts, in milliseconds; null when none has finished. */
  averageRunMs: number | null
  startedAt: number | null
  now: number
}

/**
 * Estimated seconds until done. Null when there is no data, when nothing runs, and when nothing is left.
 *
 * Once attempts have finished, the rest takes waves of the average duration over as many tasks as run now; running tasks count
 * as half done. Before the first has finished (a single long task), the estimate uses the share of completed steps.
 */
export function estimateSeconds(facts: EtaFacts): number | null {
  if (facts.status !== 'active' || facts.running === 0) return null
  if (facts.averageRunMs !== null) {
    const runs = facts.waiting / facts.running + 0.5
    return Math.max(1, Math.round((runs * facts.averageRunMs) / 1000))
  }
  if (facts.startedAt === null || facts.stepsCompleted <= 0 || facts.stepsTotal <= facts.stepsCompleted) return null
  const elapsedMs = facts.now - facts.startedAt
  const left = (facts.stepsTotal - facts.stepsCompleted) / facts.stepsCompleted
  return Math.max(1, Math.round((elapsedMs * left) / 1000))
}
