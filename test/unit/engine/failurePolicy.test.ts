import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { Policy } from '../../../src/shared/policy.ts'
import {
  decideFailure,
  isToBlame,
  retryDelayMs,
  type BlameFacts,
  type FailureDecision,
  type FailureFacts,
} from '../../../src/main/engine/rules/failurePolicy.ts'

const policy = (changes: Partial<Policy> = {}): Policy => ({ ...Value.Parse(Policy, Value.Default(Policy, {})), ...changes })
const FACTS: FailureFacts = {
  outcome: 'exit-code',
  exitCode: 1,
  licenceLine: false,
  workersFailed: 1,
  retries: 1,
  othersHere: 5,
  othersAway: 0,
}
const SOFT: FailureDecision = { task: 'soft-failed', counted: true, delayMs: 0, left: 2 }
const FINAL: FailureDecision = { task: 'failed', counted: true, delayMs: 0, left: 0 }
const AGAIN: FailureDecision = { task: 'queued', counted: false, delayMs: 0, left: 0 }

describe('a failed attempt', () => {
  it.each<[string, Partial<Policy>, Partial<FailureFacts>, Partial<FailureDecision>]>([
    ['is tried elsewhere', {}, {}, SOFT],
    ['is tried elsewhere after a second worker failed it', {}, { workersFailed: 2, retries: 2 }, { ...SOFT, left: 1 }],
    ['is final when three workers failed it', {}, { workersFailed: 3, retries: 3 }, FINAL],
    ['is final at once when the policy says so', { failAfterWorkers: 1 }, {}, FINAL],
    ['is tried again where no other worker can take it', {}, { othersHere: 0 }, SOFT],
    ['is tried three times where no other worker can take it', {}, { othersHere: 0, retries: 2 }, { ...SOFT, left: 1 }],
    ['is final at its third try where no other worker can take it', {}, { othersHere: 0, retries: 3 }, FINAL],
    ['is final at the third try of two workers', {}, { othersHere: 0, workersFailed: 2, retries: 3 }, FINAL],
    ['is not tried more often alone than on several workers', { failAfterWorkers: 2 }, { othersHere: 0, retries: 2 }, FINAL],
    ['is not tried more than three times alone', { failAfterWorkers: 9 }, { othersHere: 0, retries: 3 }, FINAL],
    [
      'waits for a worker that has just left when its tries are used up',
      {},
      { othersHere: 0, othersAway: 1, retries: 3 },
      { ...SOFT, left: 1 },
    ],
    [
      'does not wait for one that left when enough workers failed it',
      {},
      { othersHere: 0, othersAway: 1, workersFailed: 3, retries: 3 },
      FINAL,
    ],
    ['may go to another worker however often others tried it', {}, { othersHere: 1, workersFailed: 1, retries: 8 }, SOFT],
    ['may be tried on the only worker again', { retryOnSameWorker: true }, { othersHere: 0 }, SOFT],
    [
      'counts tries when the same worker may try again',
      { retryOnSameWorker: true },
      { workersFailed: 1, retries: 3, othersHere: 0 },
      FINAL,
    ],
    [
      'is a success with an exit code that the policy calls one',
      { successExitCodes: [0, 3] },
      { exitCode: 3 },
      { ...AGAIN, task: 'completed' },
    ],
    [
      'is no success by exit code when it was killed for another reason',
      { successExitCodes: [0, 3] },
      { exitCode: 3, outcome: 'timed-out' },
      SOFT,
    ],
    ['is not counted when the worker was lost', {}, { outcome: 'lost', exitCode: null, workersFailed: 3 }, AGAIN],
    ['is not counted when it was stopped by hand', {}, { outcome: 'stopped', exitCode: null, workersFailed: 3 }, AGAIN],
    ['counts when it could not start', {}, { outcome: 'could-not-start', exitCode: null }, SOFT],
    ['counts when it ran too long', {}, { outcome: 'timed-out', exitCode: null }, SOFT],
    ['is final when its log reached the limit', {}, { outcome: 'log-limit', exitCode: null }, FINAL],
    [
      'is final at the limit of its log also with a line about licences',
      {},
      { outcome: 'log-limit', exitCode: null, licenceLine: true },
      FINAL,
    ],
    [
      'is tried elsewhere after the limit of its log when the policy says so',
      { retryAtLogLimit: true },
      { outcome: 'log-limit', exitCode: null },
      SOFT,
    ],
    ['counts when it fell silent', {}, { outcome: 'silent', exitCode: null }, SOFT],
    [
      'waits and is not counted without a licence',
      {},
      { outcome: 'no-licence', exitCode: null, workersFailed: 3 },
      { ...AGAIN, delayMs: 60_000 },
    ],
    [
      'knows a licence shortage by its exit code',
      { licenceExitCodes: [42], licenceRetryDelayMs: 5 },
      { exitCode: 42, othersHere: 0 },
      { ...AGAIN, delayMs: 5 },
    ],
    [
      'knows a licence shortage by a line in the log',
      { licencePattern: 'no license' },
      { licenceLine: true },
      { ...AGAIN, delayMs: 60_000 },
    ],
  ])('%s', (_, changes, facts, expected) => {
    expect(decideFailure(policy(changes), { ...FACTS, ...facts })).toEqual({ ...expected })
  })

  it('waits before the next try as the policy says, longer each time', () => {
    const slow = { retryDelayMs: 1000, retryBackoff: 3, failAfterWorkers: 10 }
    const delays = [1, 2, 3, 4].map((retries) => decideFailure(policy(slow), { ...FACTS, retries, workersFailed: retries }).delayMs)
    expect(delays).toEqual([1000, 3000, 9000, 27_000])
  })

  it('waits an hour at most', () => {
    expect(retryDelayMs(policy({ retryDelayMs: 1000, retryBackoff: 10 }), 20)).toBe(3_600_000)
    expect(retryDelayMs(policy({ retryDelayMs: 1000, retryBackoff: 10 }), 0)).toBe(1000)
    expect(retryDelayMs(policy(), 5)).toBe(0)
  })
})

describe('a worker is to blame', () => {
  const BLAME: BlameFacts = { mine: { failed: 3, completed: 0 }, others: { failed: 0, completed: 9 }, outdone: 0, othersLeft: 2 }
  it.each<[string, boolean, Partial<BlameFacts>, number?]>([
    ['when it fails what it tries and others do not', true, {}],
    ['not before it failed so many', false, { mine: { failed: 2, completed: 0 } }],
    ['not when it completes half of what it tries', false, { mine: { failed: 3, completed: 3 } }],
    ['when it fails just more than half', true, { mine: { failed: 4, completed: 3 } }],
    ['not when others fail a quarter of theirs', false, { others: { failed: 3, completed: 9 } }],
    ['when others fail just less than a quarter', true, { others: { failed: 2, completed: 7 } }],
    ['not when no other worker tried anything', false, { others: { failed: 0, completed: 0 } }],
    [
      'when others completed three tasks that it failed, however many it completed',
      true,
      { mine: { failed: 3, completed: 90 }, outdone: 3 },
    ],
    ['not when others completed two of them', false, { mine: { failed: 3, completed: 90 }, outdone: 2 }],
    ['not when it is the last one left', false, { othersLeft: 0 }],
    ['not when it is the last one left, whatever others completed', false, { outdone: 9, othersLeft: 0 }],
    ['never when the threshold is 0', false, { mine: { failed: 99, completed: 0 }, outdone: 99 }, 0],
    ['at its first failure when the threshold is 1', true, { mine: { failed: 1, completed: 0 } }, 1],
  ])('%s: %s', (_, expected, facts, blockAfterFailures = 3) => {
    expect(isToBlame({ blockAfterFailures }, { ...BLAME, ...facts })).toBe(expected)
  })
})
