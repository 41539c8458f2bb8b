/** Maps the farm's states of a task and its newest attempt to an execution's status and texts (protocol 4.4, 5). Pure. */
import type { ContainerRecord } from '../../../shared/schemas/container.ts'
import type { ExecutionRow } from './store/queries.ts'
import { wireTime } from './values.ts'

export type ExecutionStatus = 'enqueued' | 'pulling' | 'running' | 'done' | 'failed' | 'timedout' | 'expired' | 'stopped'

const FINAL: readonly ExecutionStatus[] = ['done', 'failed', 'timedout', 'expired', 'stopped']

export function isFinal(status: ExecutionStatus): boolean {
  return FINAL.includes(status)
}

/**
 * A manually stopped container takes time to exit; it counts as running for this long, so that its exit code is there
 * when it ends.
 */
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
      // A run that was stopped before it began has no exit code, but is reported all the same.
      if (exitCodeOf(facts) !== null || containerOf(facts) !== undefined) return 'failed'
      // Ended without an exit code: no container was created.
      if (facts.result !== null) return 'stopped'
      return now - (facts.endedAt ?? 0) < STOP_PATIENCE_MS ? 'running' : 'failed'
    case 'failed':
      if (facts.attemptStatus === 'failed') return facts.outcome === 'timed-out' ? 'timedout' : 'failed'
      return facts.expiresAt !== null && facts.expiresAt <= (facts.finishedAt ?? now) ? 'expired' : 'failed'
  }
}

/** What the last container reported. Undefined while it runs, and when none was created. */
export function containerOf({ result }: Pick<ExecutionRow, 'result'>): Partial<ContainerRecord> | undefined {
  if (result === null) return undefined
  // Written by the worker's docker-run (shared/schemas/container.ts); any other shape gives undefined.
  const parsed = JSON.parse(result) as { containers?: Partial<ContainerRecord>[] } | null
  return parsed?.containers?.at(-1)
}

export function exitCodeOf(facts: Pick<ExecutionRow, 'exitCode' | 'result'>): number | null {
  return facts.exitCode ?? containerOf(facts)?.exitCode ?? null
}

type RetryFacts = Facts & Pick<ExecutionRow, 'stoppedAt' | 'settledAt'>

/**
 * Whether an execution is retried automatically: its container exited with a code other than 0, and retries remain
 * (protocol 5.5).
 */
export function isRetried({ retryCount, metadata }: { retryCount: number; metadata: string }, execution: RetryFacts, now: number): boolean {
  if (execution.stoppedAt !== null || execution.settledAt !== null) return false
  if (execution.outcome !== 'exit-code' || executionStatus(execution, now) !== 'failed') return false
  // Written by the dialect from a validated payload.
  return retryCount < (JSON.parse(metadata) as { retries: number }).retries
}

type EndFacts = Facts & Pick<ExecutionRow, 'reason' | 'startedAt' | 'stoppedAt'>

/** The `error` of an execution that ended: its stderr, and the farm's own message where there is one. */
export function errorText(facts: EndFacts, status: ExecutionStatus, stderr: string): string {
  const { before, sentence } = errorFrame(facts, status)
  const written = before + stderr
  return written + behind(written.at(-1), sentence)
}

/** The same around a stderr that is passed on as it is, however long. */
export async function* errorBytes(facts: EndFacts, status: ExecutionStatus, stderr: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { before, sentence } = errorFrame(facts, status)
  let last = before.at(-1)
  if (before !== '') yield Buffer.from(before)
  for await (const bytes of stderr) {
    last = bytes.at(-1) === LINE_FEED ? '\n' : ' '
    yield bytes
  }
  const end = behind(last, sentence)
  if (end !== '') yield Buffer.from(end)
}

const LINE_FEED = 10

function errorFrame(facts: EndFacts, status: ExecutionStatus): { before: string; sentence: string } {
  const engineError = containerOf(facts)?.error ?? ''
  return { before: engineError === '' ? '' : `${engineError}\n\nstderr:\n`, sentence: sentenceOf(facts, status) }
}

/** The sentence on a line of its own. @param last character of what stands before it */
function behind(last: string | undefined, sentence: string): string {
  return sentence === '' || last === undefined || last === '\n' ? sentence : `\n${sentence}`
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
  // A container that ran and failed has reported the reason itself.
  return facts.outcome === 'exit-code' ? '' : (facts.reason ?? facts.activity)
}
