/** What a failed attempt means for its task, its worker and its job. Pure; the settings are data (shared/policy.ts). */
import type { Outcome } from '../../shared/enums.ts'
import type { Policy } from '../../shared/policy.ts'

export interface FailureFacts {
  outcome: Outcome
  exitCode: number | null
  /** The attempt's log showed the policy's licence pattern. */
  licenceLine: boolean
  /** Different workers that have failed this task, this one included. */
  workersFailed: number
  /** Failures of the task that counted since it was last requeued, this one included. */
  retries: number
  /** Failures of this worker on this job and kind, this one included. */
  workerFailures: number
  /** Workers that could still take the task: of the kind and tag, not deleted, not blocked, without a failure of their own on it. */
  othersLeft: number
}

export interface FailureDecision {
  task: 'completed' | 'queued' | 'soft-failed' | 'failed'
  /** Whether it goes into the task's failure list and counts towards budgets. */
  counted: boolean
  /** Not before this many milliseconds from now. */
  delayMs: number
  blockWorker: boolean
  failJob: boolean
}

const notCounted = (delayMs: number): FailureDecision => ({ task: 'queued', counted: false, delayMs, blockWorker: false, failJob: false })

export function decideFailure(policy: Policy, facts: FailureFacts): FailureDecision {
  if (facts.exitCode !== null && facts.outcome === 'exit-code' && policy.successExitCodes.includes(facts.exitCode)) {
    return { task: 'completed', counted: false, delayMs: 0, blockWorker: false, failJob: false }
  }
  if (facts.outcome === 'lost' || facts.outcome === 'stopped') return notCounted(0)
  const licence =
    facts.outcome === 'no-licence' || facts.licenceLine || (facts.exitCode !== null && policy.licenceExitCodes.includes(facts.exitCode))
  if (licence) return notCounted(policy.licenceRetryDelayMs)

  const blockWorker = policy.blockAfterFailures > 0 && facts.workerFailures >= policy.blockAfterFailures
  const failures = policy.retryOnSameWorker ? facts.retries : facts.workersFailed
  const nobodyLeft = facts.othersLeft === 0 && (!policy.retryOnSameWorker || blockWorker)
  if (nobodyLeft) return { task: 'failed', counted: true, delayMs: 0, blockWorker, failJob: policy.failJobWhenNobodyLeft }
  if (failures >= policy.failAfterWorkers) return { task: 'failed', counted: true, delayMs: 0, blockWorker, failJob: false }
  return { task: 'soft-failed', counted: true, delayMs: retryDelayMs(policy, facts.retries), blockWorker, failJob: false }
}

/** Wait before try number `retries` + 1, in milliseconds; grows by the factor, to an hour at most. */
export function retryDelayMs(policy: Policy, retries: number): number {
  const delay = policy.retryDelayMs * policy.retryBackoff ** Math.max(0, retries - 1)
  return Math.min(delay, 3_600_000)
}
