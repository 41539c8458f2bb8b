import { describe, expect, it } from 'vitest'
import { WORKER_STATUSES } from '../../../src/shared/enums.ts'
import { attemptTimeout, logLimitReached, workerTimedOut } from '../../../src/main/engine/rules/timeouts.ts'

const MINUTE = 60_000

describe('a silent worker', () => {
  const timedOut = (silentFor: number, workerTimeoutMs = MINUTE) =>
    workerTimedOut({ status: 'awake', lastSeenAt: 0 }, { workerTimeoutMs }, silentFor)

  it('times out at the limit, not before', () => {
    expect(timedOut(MINUTE - 1)).toBe(false)
    expect(timedOut(MINUTE)).toBe(true)
  })

  it('never times out when the limit is off, or when it never called', () => {
    expect(timedOut(1e12, 0)).toBe(false)
    expect(workerTimedOut({ status: 'awake', lastSeenAt: null }, { workerTimeoutMs: MINUTE }, 1e12)).toBe(false)
  })

  it('is not expected to call when it is offline or in error already', () => {
    const silent = WORKER_STATUSES.filter((status) => !workerTimedOut({ status, lastSeenAt: 0 }, { workerTimeoutMs: MINUTE }, 1e12))
    expect(silent).toEqual(['error', 'offline'])
  })
})

describe('an attempt', () => {
  const OFF = { maxRunMs: 0, maxSilenceMs: 0, touchTimeoutMs: 0 }
  const ATTEMPT = { runningSince: 0, touchedAt: 0, lastSignAt: 0, leaseKind: 'heartbeat' as const, leaseUntil: null }
  const rule = (policy: Partial<typeof OFF>, now: number, attempt: Partial<Parameters<typeof attemptTimeout>[0]> = {}, graceUntil = 0) =>
    attemptTimeout({ ...ATTEMPT, ...attempt }, { ...OFF, ...policy }, { now, graceUntil })?.rule

  it('runs for ever without limits', () => {
    expect(rule({}, 1e12)).toBeUndefined()
  })

  it('may run as long as its limit and a margin for the wire', () => {
    expect(rule({ maxRunMs: 1000 }, 5_999)).toBeUndefined()
    expect(rule({ maxRunMs: 1000 }, 6_000)).toBe('run')
  })

  it('may be silent as long as its limit and a margin', () => {
    expect(rule({ maxSilenceMs: 1000 }, 10_999, { lastSignAt: 5_000 })).toBeUndefined()
    expect(rule({ maxSilenceMs: 1000 }, 11_000, { lastSignAt: 5_000 })).toBe('silence')
  })

  it('must be touched while its lease is renewed by heartbeat, and only then', () => {
    expect(rule({ touchTimeoutMs: 600_000 }, 599_999)).toBeUndefined()
    expect(rule({ touchTimeoutMs: 600_000 }, 600_000)).toBe('touch')
    expect(rule({ touchTimeoutMs: 600_000 }, 1e12, { leaseKind: 'unbounded' })).toBeUndefined()
    expect(rule({ touchTimeoutMs: 600_000 }, 1e12, { leaseKind: 'deadline', leaseUntil: null })).toBeUndefined()
  })

  it('ends with its deadline, which the grace after a start does not move', () => {
    expect(rule({}, 99, { leaseKind: 'deadline', leaseUntil: 100 }, 1e12)).toBeUndefined()
    expect(rule({}, 100, { leaseKind: 'deadline', leaseUntil: 100 }, 1e12)).toBe('lease')
  })

  it('is given time to call after a start of the manager', () => {
    expect(rule({ maxSilenceMs: 1000, touchTimeoutMs: 1000 }, 999_999, {}, 1_000_000)).toBeUndefined()
    expect(rule({ maxSilenceMs: 1000, touchTimeoutMs: 1000 }, 1_000_000, {}, 1_000_000)).toBe('silence')
    expect(rule({ maxRunMs: 1000 }, 999_999, {}, 1_000_000)).toBe('run')
  })

  it('says which outcome the verdict is', () => {
    expect(attemptTimeout(ATTEMPT, { ...OFF, maxRunMs: 2000 }, { now: 7000, graceUntil: 0 })).toEqual({
      rule: 'run',
      outcome: 'timed-out',
      reason: 'it ran longer than 2 s',
    })
    expect(attemptTimeout(ATTEMPT, { ...OFF, maxSilenceMs: 2000 }, { now: 7000, graceUntil: 0 })).toMatchObject({ outcome: 'silent' })
  })
})

describe('a log', () => {
  it.each([
    ['without a limit', {}, 1e12, true, undefined],
    ['with the limit switched off', { maxLogBytes: 0 }, 1e12, true, undefined],
    ['below the limit', { maxLogBytes: 1000 }, 999, true, undefined],
    ['at the limit', { maxLogBytes: 1000 }, 1000, true, 'its log reached the limit of 1 kB'],
    ['at the limit, which its worker enforces', { maxLogBytes: 1000 }, 1000, false, undefined],
    ['far beyond it, with a worker that does not', { maxLogBytes: 2_500_000 }, 3_600_000, false, 'its log reached the limit of 2.5 MB'],
  ])('%s', (_, policy, bytes, counts, reason) => expect(logLimitReached(bytes, policy, counts)).toBe(reason))
})
