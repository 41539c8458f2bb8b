import { Value } from 'typebox/value'
import { describe, expect, it } from 'vitest'
import { Policy } from '../../../src/shared/policy.ts'
import { decideFailure, retryDelayMs, type FailureDecision, type FailureFacts } from '../../../src/main/engine/failurePolicy.ts'

const policy = (changes: Partial<Policy> = {}): Policy => ({ ...Value.Parse(Policy, Value.Default(Policy, {})), ...changes })
const FACTS: FailureFacts = { outcome: 'exit-code', exitCode: 1, licenceLine: false, workersFailed: 1, retries: 1, workerFailures: 1, othersLeft: 5 }
const SOFT: FailureDecision = { task: 'soft-failed', counted: true, delayMs: 0, blockWorker: false, failJob: false }
const AGAIN: FailureDecision = { task: 'queued', counted: false, delayMs: 0, blockWorker: false, failJob: false }

describe('a failed attempt', () => {
  it.each<[string, Partial<Policy>, Partial<FailureFacts>, Partial<FailureDecision>]>([
    ['is tried elsewhere', {}, {}, SOFT],
    ['is tried elsewhere after a second worker failed it', {}, { workersFailed: 2, retries: 2 }, SOFT],
    ['is final when three workers failed it', {}, { workersFailed: 3, retries: 3 }, { ...SOFT, task: 'failed' }],
    ['is final at once when the policy says so', { failAfterWorkers: 1 }, {}, { ...SOFT, task: 'failed' }],
    ['is final when nobody else could take it', {}, { othersLeft: 0 }, { ...SOFT, task: 'failed' }],
    ['fails the job with it when nobody is left and the policy says so', { failJobWhenNobodyLeft: true }, { othersLeft: 0 }, { ...SOFT, task: 'failed', failJob: true }],
    ['counts a single other worker as somebody left', { failJobWhenNobodyLeft: true }, { othersLeft: 1 }, SOFT],
    ['does not block at the second failure of a worker', {}, { workerFailures: 2 }, SOFT],
    ['blocks the worker at its third failure of the kind', {}, { workerFailures: 3 }, { ...SOFT, blockWorker: true }],
    ['never blocks when the threshold is 0', { blockAfterFailures: 0 }, { workerFailures: 99 }, SOFT],
    ['blocks and fails the job when nobody is left', { failJobWhenNobodyLeft: true }, { workerFailures: 3, othersLeft: 0 }, { ...SOFT, task: 'failed', blockWorker: true, failJob: true }],
    ['may be tried on the only worker again', { retryOnSameWorker: true }, { othersLeft: 0 }, SOFT],
    ['counts tries when the same worker may try again', { retryOnSameWorker: true }, { workersFailed: 1, retries: 3, othersLeft: 0 }, { ...SOFT, task: 'failed' }],
    ['is final when the only worker has just been blocked', { retryOnSameWorker: true }, { othersLeft: 0, workerFailures: 3, retries: 1 }, { ...SOFT, task: 'failed', blockWorker: true }],
    ['is a success with an exit code that the policy calls one', { successExitCodes: [0, 3] }, { exitCode: 3 }, { ...AGAIN, task: 'completed' }],
    ['is no success by exit code when it was killed for another reason', { successExitCodes: [0, 3] }, { exitCode: 3, outcome: 'timed-out' }, SOFT],
    ['is not counted when the worker was lost', {}, { outcome: 'lost', exitCode: null, workersFailed: 3 }, AGAIN],
    ['is not counted when it was stopped by hand', {}, { outcome: 'stopped', exitCode: null, workersFailed: 3 }, AGAIN],
    ['counts when it could not start', {}, { outcome: 'could-not-start', exitCode: null }, SOFT],
    ['counts when it ran too long', {}, { outcome: 'timed-out', exitCode: null }, SOFT],
    ['counts when it fell silent', {}, { outcome: 'silent', exitCode: null }, SOFT],
    ['waits and is not counted without a licence', {}, { outcome: 'no-licence', exitCode: null, workersFailed: 3 }, { ...AGAIN, delayMs: 60_000 }],
    ['knows a licence shortage by its exit code', { licenceExitCodes: [42], licenceRetryDelayMs: 5 }, { exitCode: 42, othersLeft: 0 }, { ...AGAIN, delayMs: 5 }],
    ['knows a licence shortage by a line in the log', { licencePattern: 'no license' }, { licenceLine: true }, { ...AGAIN, delayMs: 60_000 }],
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
