/** What the pages say of a worker: what is asked of it, and whether its machine's load is of now. */
import { describe, expect, it } from 'vitest'
import { freshLoads, shortVersion, wishOf } from '../../../src/renderer/features/workers/workerLook.ts'
import type { WorkerStatus } from '../../../src/shared/enums.ts'

describe('what is asked of a worker', () => {
  it.each<[WorkerStatus, WorkerStatus | null, WorkerStatus | null]>([
    ['awake', null, null],
    ['awake', 'asleep', 'asleep'],
    ['awake', 'restart', 'restart'],
    ['asleep', 'awake', 'awake'],
    // It was awake when it left: nothing is asked of it.
    ['offline', 'awake', null],
    ['offline', 'asleep', 'asleep'],
  ])('%s, asked %s: %s', (status, statusRequested, wish) => expect(wishOf({ status, statusRequested })).toBe(wish))
})

describe('the load of machines', () => {
  const load = { cpu: 0.5, memoryUsed: 1, memoryTotal: 2, gpus: [], diskFree: null }
  const machines = [
    { id: 'a', load },
    { id: 'b', load },
    { id: 'c', load },
  ]
  it('is shown while one of its workers tells it', () => {
    const workers = [
      { machine: { id: 'a', name: 'a' }, status: 'offline' as const },
      { machine: { id: 'a', name: 'a' }, status: 'asleep' as const },
      { machine: { id: 'b', name: 'b' }, status: 'offline' as const },
      { machine: { id: 'b', name: 'b' }, status: 'error' as const },
      { machine: null, status: 'awake' as const },
    ]
    expect(freshLoads(machines, workers).map((machine) => machine.load !== null)).toEqual([true, false, false])
  })
})

it.each([
  ['5.1.9-0+deb12u1', '5.1.9'],
  ['3.4.1', '3.4.1'],
  ['2025.1+build', '2025.1'],
])('version %s is %s for people', (full, short) => expect(shortVersion(full)).toBe(short))
