/** When a worker or an attempt has taken too long. Pure; 0 switches a limit off. */
import type { LeaseKind, Outcome, WorkerStatus } from '../../shared/enums.ts'
import type { Policy } from '../../shared/policy.ts'

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
  attempt: { startedAt: number; touchedAt: number; lastSignAt: number; leaseKind: LeaseKind; leaseUntil: number | null },
  policy: Pick<Policy, 'maxRunMs' | 'maxSilenceMs' | 'touchTimeoutMs'>,
  clock: { now: number; graceUntil: number },
): TimeoutVerdict | undefined {
  const { now } = clock
  if (attempt.leaseKind === 'deadline' && attempt.leaseUntil !== null && now >= attempt.leaseUntil) {
    return { rule: 'lease', outcome: 'lost', reason: 'the lease ran out' }
  }
  // The worker enforces these two itself; the manager steps in when it does not, and later by a margin for the wire.
  if (policy.maxRunMs > 0 && now - attempt.startedAt >= policy.maxRunMs + MARGIN_MS) {
    return { rule: 'run', outcome: 'timed-out', reason: `it ran longer than ${policy.maxRunMs / 1000} s` }
  }
  if (now < clock.graceUntil) return undefined
  if (policy.maxSilenceMs > 0 && now - attempt.lastSignAt >= policy.maxSilenceMs + MARGIN_MS) {
    return { rule: 'silence', outcome: 'silent', reason: `it wrote nothing for longer than ${policy.maxSilenceMs / 1000} s` }
  }
  if (attempt.leaseKind === 'heartbeat' && policy.touchTimeoutMs > 0 && now - attempt.touchedAt >= policy.touchTimeoutMs) return { rule: 'touch' }
  return undefined
}

const MARGIN_MS = 5_000
