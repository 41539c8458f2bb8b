import { describe, expect, it } from 'vitest'
import type { WorkerStatus } from '../../../src/shared/enums.ts'
import { statusStep, type OwnStatus, type StatusStep } from '../../../src/main/worker/adapters/native/statusSteps.ts'

describe('what follows from a requested status', () => {
  it.each<[OwnStatus, WorkerStatus | null, 'now' | 'lazy', number, StatusStep]>([
    // current, requested, when, attempts that run → what to do
    ['awake', null, 'now', 0, { become: 'awake', accept: true, giveBack: false }],
    ['awake', null, 'now', 3, { become: 'awake', accept: true, giveBack: false }],
    ['asleep', null, 'now', 0, { become: 'asleep', accept: false, giveBack: false }],
    ['awake', 'awake', 'now', 1, { become: 'awake', accept: true, giveBack: false }],
    ['asleep', 'awake', 'now', 0, { become: 'awake', accept: true, giveBack: false }],
    ['asleep', 'starting', 'now', 0, { become: 'awake', accept: true, giveBack: false }],
    ['awake', 'asleep', 'now', 0, { become: 'asleep', accept: false, giveBack: false }],
    ['awake', 'asleep', 'now', 2, { become: 'awake', accept: false, giveBack: true }],
    ['awake', 'asleep', 'lazy', 2, { become: 'awake', accept: false, giveBack: false }],
    ['awake', 'asleep', 'lazy', 0, { become: 'asleep', accept: false, giveBack: false }],
    ['awake', 'offline', 'now', 1, { become: 'awake', accept: false, giveBack: true }],
    ['awake', 'offline', 'lazy', 0, { become: 'offline', accept: false, giveBack: false }],
    ['asleep', 'restart', 'now', 0, { become: 'restart', accept: false, giveBack: false }],
    ['awake', 'error', 'now', 0, { become: 'asleep', accept: false, giveBack: false }],
    ['awake', 'testing', 'lazy', 1, { become: 'awake', accept: false, giveBack: false }],
  ])('%s, asked for %s %s with %i running', (current, requested, when, busy, expected) => {
    expect(statusStep(current, requested, when === 'lazy', busy)).toEqual(expected)
  })
})
