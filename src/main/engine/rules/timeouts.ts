/** When a worker or an attempt has taken too long. Pure; 0 switches a limit off. */
import type { LeaseKind, Outcome, WorkerStatus } from '../../../shared/enums.ts'
import { english } from '../../../shared/said/said.ts'
import type { Policy } from '../../../shared/policy.ts'
import { sizeText } from '../../../shared/text/sizes.ts'

export function workerTimedOut(
  worker: { status: WorkerStatus; lastSeenAt: number | null },
  settings: { workerTimeoutMs: number },
  now: number,
): boolean {
  if (settings.workerTimeoutMs === 0 || worker.status === 'error' || worker.status === 'offline') return false
  return worker.lastSeenAt !== null && now - worker.lastSeenAt >= settings.workerTimeoutMs
}

export type TimeoutVerdict = { rule: 'touch' } | { rule: 'run' | 'silence' | 'lease'; outcome: Outcome; reason: string }

export function attemptTimeout(
  attempt: { runningSince: number; touchedAt: number; lastSignAt: number; leaseKind: LeaseKind; leaseUntil: number | null },
  policy: Pick<Policy, 'maxRunMs' | 'maxSilenceMs' | 'touchTimeoutMs'>,
  clock: { now: number; graceUntil: number },
): TimeoutVerdict | undefined {
  const { now } = clock
  if (attempt.leaseKind === 'deadline' && attempt.leaseUntil !== null && now >= attempt.leaseUntil) {
    return { rule: 'lease', outcome: 'lost', reason: english('attempt.lease') }
  }
  // The worker enforces these two itself; the manager acts when it does not, later by a margin for the connection.
  if (policy.maxRunMs > 0 && now - attempt.runningSince >= policy.maxRunMs + MARGIN_MS) {
    return { rule: 'run', outcome: 'timed-out', reason: english('attempt.too-long', { seconds: policy.maxRunMs / 1000 }) }
  }
  if (now < clock.graceUntil) return undefined
  if (policy.maxSilenceMs > 0 && now - attempt.lastSignAt >= policy.maxSilenceMs + MARGIN_MS) {
    return { rule: 'silence', outcome: 'silent', reason: english('attempt.silent', { seconds: policy.maxSilenceMs / 1000 }) }
  }
  if (attempt.leaseKind === 'heartbeat' && policy.touchTimeoutMs > 0 && now - attempt.touchedAt >= policy.touchTimeoutMs)
    return { rule: 'touch' }
  return undefined
}

/**
 * Why an attempt with a log of this size ends, or undefined. Native workers end it themselves, so the manager only acts beyond a margin:
 * for workers that do not know the limit. @param counts whether only the manager counts (foreign workers)
 */
export function logLimitReached(logBytes: number, policy: Pick<Policy, 'maxLogBytes'>, counts: boolean): string | undefined {
  const limit = policy.maxLogBytes ?? 0
  if (limit === 0 || logBytes < limit + (counts ? 0 : MARGIN_BYTES)) return undefined
  return english('attempt.log-limit', { size: sizeText(limit) })
}

/**
 * How long an attempt had run at its last contact with the previous manager, milliseconds; 0 when the clock was set
 * back since.
 */
export function ranBefore(startedAt: number, touchedAt: number | null): number {
  return Math.max(0, (touchedAt ?? startedAt) - startedAt)
}

const MARGIN_MS = 5_000
/** The farm's own lines go beyond the limit. */
const MARGIN_BYTES = 1_048_576
