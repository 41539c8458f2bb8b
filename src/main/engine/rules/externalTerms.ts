/** What a task allows an external executor: the limits that its dialect wrote into its first command. Pure. */
import type { LeaseKind } from '../../../shared/enums.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'

/** The command of tasks for external executors: nothing that a worker of ours would run. */
export const EXTERNAL_COMMAND = 'external-work'
/** An executor that holds a task and has not called for this long is reported as silent; it may still be working. */
export const EXECUTOR_SILENT_MS = 60_000

export interface ExternalTerms {
  /** The longest run, milliseconds; 0: no limit. After it the task is requeued. */
  maxRunMs: number
  /** How often that may happen before it fails instead; -1: always requeued. */
  maxRetries: number
  /** How long it may wait for an executor, again after each requeue, milliseconds; 0: no limit. */
  maxWaitMs: number
}

export function externalTerms(commands: readonly Command[]): ExternalTerms {
  const parameters = commands[0]?.parameters ?? {}
  const number = (name: string, absent: number): number => {
    const value = parameters[name]
    return typeof value === 'number' ? value : absent
  }
  return { maxRunMs: number('maxRunMs', 0), maxRetries: number('maxRetries', -1), maxWaitMs: number('maxWaitMs', 0) }
}

/** An executor that never calls home keeps its task until a deadline, or without one. */
export function externalLease({ maxRunMs }: ExternalTerms, now: number): { leaseKind: LeaseKind; leaseUntil: number | null } {
  return maxRunMs > 0 ? { leaseKind: 'deadline', leaseUntil: now + maxRunMs } : { leaseKind: 'unbounded', leaseUntil: null }
}

/** Whether a task whose time is over fails; otherwise it waits for another run. */
export function isLastRun({ maxRetries }: ExternalTerms, retries: number): boolean {
  return maxRetries >= 0 && retries >= maxRetries
}
