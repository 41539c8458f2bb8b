/** When a job will be done, from the pace so far. Pure. */
import type { JobStatus } from './enums.ts'

export interface EtaFacts {
  status: JobStatus
  /** Tasks that wait, and that run. */
  waiting: number
  running: number
  stepsCompleted: number
  stepsTotal: number
  /** Average run of the newest finished attempts, milliseconds; null when none has finished. */
  averageRunMs: number | null
  startedAt: number | null
  now: number
}

/**
 * Estimated seconds until done. Null when there is nothing to go by, when nothing runs, and when nothing is left.
 *
 * Where attempts have finished, what is left takes waves of the average run over as many tasks as run now; those that
 * run are taken as half done. Before the first has finished (a single long task), the share of steps done tells.
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
