/** From the farm's states of a task and its newest attempt to an execution's status and texts (protocol 4.4, 5). Pure. */
import type { ContainerRecord } from '../../../shared/schemas/container.ts'
import type { ExecutionRow } from '../../store/queries/fastlane.ts'
import { wireTime } from './values.ts'

export type ExecutionStatus = 'enqueued' | 'pulling' | 'running' | 'done' | 'failed' | 'timedout' | 'expired' | 'stopped'

const FINAL: readonly ExecutionStatus[] = ['done', 'failed', 'timedout', 'expired', 'stopped']

export function isFinal(status: ExecutionStatus): boolean {
  return FINAL.includes(status)
}

/** A container that was stopped by hand takes its time to end; so long it counts as running, so that its exit code is there with its end. */
export const STOP_PATIENCE_MS = 30_000

type Facts = Pick<
  ExecutionRow,
  'status' | 'activity' | 'attempt' | 'attemptStatus' | 'outcome' | 'exitCode' | 'result' | 'endedAt' | 'finishedAt' | 'expiresAt'
>

/** @param now milliseconds since the epoch */
export function executionStatus(facts: Facts, now: number): ExecutionStatus {
  switch (facts.status) {
    case 'queued':
    case 'soft-failed':
    case 'paused':
      return 'enqueued'
    case 'active':
      return /(^|, )pulling /.test(facts.activity) ? 'pulling' : 'running'
    case 'completed':
      return 'done'
    case 'canceled':
      if (facts.attemptStatus !== 'canceled') return 'stopped'
      // One that was stopped before it began has no exit code, and is told of all the same.
      if (exitCodeOf(facts) !== null || containerOf(facts) !== undefined) return 'failed'
      return now - (facts.endedAt ?? 0) < STOP_PATIENCE_MS ? 'running' : 'failed'
    case 'failed':
      if (facts.attemptStatus === 'failed') return facts.outcome === 'timed-out' ? 'timedout' : 'failed'
      return facts.expiresAt !== null && facts.expiresAt <= (facts.finishedAt ?? now) ? 'expired' : 'failed'
  }
}

/** What the last container left. Undefined while it runs, and when none was made. */
export function containerOf({ result }: Pick<ExecutionRow, 'result'>): Partial<ContainerRecord> | undefined {
  if (result === null) return undefined
  // Written by the worker's docker-run (shared/schemas/container.ts); any other shape gives undefined.
  const parsed = JSON.parse(result) as { containers?: Partial<ContainerRecord>[] } | null
  return parsed?.containers?.at(-1)
}

export function exitCodeOf(facts: Pick<ExecutionRow, 'exitCode' | 'result'>): number | null {
  return facts.exitCode ?? containerOf(facts)?.exitCode ?? null
}

type EndFacts = Facts & Pick<ExecutionRow, 'reason' | 'startedAt' | 'stoppedAt'>

/** The `error` of an execution that ended: what it wrote to stderr, with the farm's own sentence where there is one. */
export function errorText(facts: EndFacts, status: ExecutionStatus, stderr: string): string {
  const engineError = containerOf(facts)?.error ?? ''
  const written = engineError === '' ? stderr : `${engineError}\n\nstderr:\n${stderr}`
  const sentence = sentenceOf(facts, status)
  if (sentence === '') return written
  if (written === '') return sentence
  return `${written}${written.endsWith('\n') ? '' : '\n'}${sentence}`
}

function sentenceOf(facts: EndFacts, status: ExecutionStatus): string {
  const finishedAt = facts.finishedAt ?? 0
  if (status === 'expired') {
    return `Job was supposed to be done before ${wireTime(facts.expiresAt ?? 0)}, but was started at ${wireTime(finishedAt)}.`
  }
  if (status === 'timedout') {
    const seconds = Math.max(0, Math.floor(((facts.endedAt ?? finishedAt) - (facts.startedAt ?? finishedAt)) / 1000))
    return `Job execution timed out after ${seconds} seconds.`
  }
  if (status !== 'failed') return ''
  if (facts.status === 'canceled') return facts.stoppedAt === null ? facts.activity : 'User stopped job execution manually.'
  // A container that ran and failed has said itself why.
  return facts.outcome === 'exit-code' ? '' : (facts.reason ?? facts.activity)
}
