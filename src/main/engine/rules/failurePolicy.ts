/**
 * The consequences of a failed attempt for its task, and when a worker is at fault. Pure; the settings are data
 * (shared/policy.ts).
 */
import type { Outcome } from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'

/** The total number of tries of a task that no other worker can take. */
export const SAME_WORKER_TRIES = 3

export interface FailureFacts {
  outcome: Outcome
  exitCode: number | null
  /** The attempt's log matched the policy's license pattern. */
  licenceLine: boolean
  /** Distinct workers that have failed this task, including this one. */
  workersFailed: number
  /** Failures of the task that counted since it was last requeued, including this one. */
  retries: number
  /** Other workers that could take the task and are present, awake or asleep, without a failure of their own on it. */
  othersHere: number
  /** The same for workers that are offline, but so briefly that they may come back. */
  othersAway: number
}

export interface FailureDecision {
  task: 'completed' | 'queued' | 'soft-failed' | 'failed'
  /** Whether it goes into the task's failure list and counts toward budgets. */
  counted: boolean
  /** Not before this many milliseconds from now. */
  delayMs: number
  /** Further failures until it is final; 0 when it is. */
  left: number
}

const notCounted = (delayMs: number): FailureDecision => ({ task: 'queued', counted: false, delayMs, left: 0 })

export function decideFailure(policy: Policy, facts: FailureFacts): FailureDecision {
  if (facts.exitCode !== null && facts.outcome === 'exit-code' && policy.successExitCodes.includes(facts.exitCode)) {
    return { task: 'completed', counted: false, delayMs: 0, left: 0 }
  }
  if (policy.successOutcomes?.some((outcome) => outcome === facts.outcome))
    return { task: 'completed', counted: false, delayMs: 0, left: 0 }
  if (facts.outcome === 'lost' || facts.outcome === 'stopped') return notCounted(0)
  // Also when a line of it looks like one about licences.
  if (facts.outcome === 'log-limit' && policy.retryAtLogLimit !== true) return { task: 'failed', counted: true, delayMs: 0, left: 0 }
  const licence =
    facts.outcome === 'no-licence' || facts.licenceLine || (facts.exitCode !== null && policy.licenceExitCodes.includes(facts.exitCode))
  if (licence) return notCounted(policy.licenceRetryDelayMs)

  const left = failuresLeft(policy, facts)
  // Its tries are used up, but a worker that has just left has not tried it: the time for that is limited (stalls.ts).
  const waitsForAway = left === 0 && facts.othersAway > 0 && !isTriedEnough(policy, facts)
  if (left === 0 && !waitsForAway) return { task: 'failed', counted: true, delayMs: 0, left: 0 }
  return { task: 'soft-failed', counted: true, delayMs: retryDelayMs(policy, facts.retries), left: Math.max(1, left) }
}

/** Enough workers failed it (or it failed often enough) that no other worker is tried. */
function isTriedEnough(policy: Policy, facts: Pick<FailureFacts, 'workersFailed' | 'retries'>): boolean {
  return (policy.retryOnSameWorker ? facts.retries : facts.workersFailed) >= policy.failAfterWorkers
}

function failuresLeft(policy: Policy, facts: FailureFacts): number {
  const byPolicy = policy.failAfterWorkers - (policy.retryOnSameWorker ? facts.retries : facts.workersFailed)
  const alone = !policy.retryOnSameWorker && facts.othersHere === 0
  return Math.max(0, alone ? Math.min(byPolicy, triesAlone(policy) - facts.retries) : byPolicy)
}

/** How often a task is tried when no other worker can take it. */
export function triesAlone(policy: Pick<Policy, 'failAfterWorkers'>): number {
  return Math.min(SAME_WORKER_TRIES, policy.failAfterWorkers)
}

/** The results of a worker with one kind of task of a job. */
export interface Tally {
  failed: number
  completed: number
}

export interface BlameFacts {
  mine: Tally
  others: Tally
  /** Tasks that it failed and others completed. */
  outdone: number
  /** Other workers that are not blocked and could run tasks of this kind: awake, asleep, or briefly offline. */
  othersLeft: number
}

/**
 * Whether the worker, not the tasks, is at fault, so that it gets no more of this kind of the job. The last remaining
 * worker is never blocked: it is better that it tries untried tasks than that no worker does.
 */
export function isToBlame({ blockAfterFailures: limit }: Pick<Policy, 'blockAfterFailures'>, facts: BlameFacts): boolean {
  const { mine, others } = facts
  if (limit === 0 || facts.othersLeft === 0 || mine.failed === 0) return false
  if (facts.outdone >= limit) return true
  const failsMost = mine.failed >= limit && 2 * mine.failed > mine.failed + mine.completed
  const othersTried = others.failed + others.completed
  return failsMost && othersTried > 0 && 4 * others.failed < othersTried
}

/** Wait before try number `retries` + 1, in milliseconds; grows by the factor, to an hour at most. */
export function retryDelayMs(policy: Policy, retries: number): number {
  const delay = policy.retryDelayMs * policy.retryBackoff ** Math.max(0, retries - 1)
  return Math.min(delay, LONGEST_BACKOFF_MS)
}

/** The longest wait of a task before its next try, milliseconds. */
export function longestWaitMs(policy: Policy): number {
  return Math.max(LONGEST_BACKOFF_MS, policy.licenceRetryDelayMs)
}

const LONGEST_BACKOFF_MS = 3_600_000
