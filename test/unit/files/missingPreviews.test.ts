import { describe, expect, test } from 'vitest'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'
import { isDue, whomToAsk, type Saver } from '../../../src/main/files/missingPreviews.ts'

const MINUTE = 60_000
const DAY = 1440 * MINUTE
const NOW = 100 * DAY
const STARTED = NOW - DAY

describe('the preview of a frame is made by others', () => {
  const native = (status: string, signedOnAgo?: number): Saver => ({
    adapter: 'native',
    status,
    signedOnAt: signedOnAgo === undefined ? undefined : NOW - signedOnAgo,
  })
  const foreign: Saver = { adapter: 'flamenco', status: 'awake', signedOnAt: undefined }

  test.each<[string, number, Saver | undefined, boolean]>([
    ['its worker is at work', MINUTE, native('awake', 2 * MINUTE), false],
    ['its worker is at work, since before the manager', MINUTE, native('awake'), false],
    ['its worker was started again', 2 * MINUTE, native('awake', MINUTE), true],
    ['its worker was started again just now', 2 * MINUTE, native('awake', 1000), false],
    ['its worker is gone', MINUTE, native('error', 2 * MINUTE), true],
    ['its worker has left', MINUTE, native('offline', 2 * MINUTE), true],
    ['its worker left just now', 1000, native('offline', 2 * MINUTE), false],
    ['its worker was deleted', MINUTE, undefined, true],
    ['nothing came for very long', 16 * MINUTE, native('awake', DAY), true],
    ['it is very old', 8 * DAY, native('error'), false],
    ['a foreign worker saved it: the manager is at it', MINUTE, foreign, false],
    ['a foreign worker saved it, and the manager was stopped since', DAY + MINUTE, foreign, true],
  ])('%s', (_when, age, saver, expected) => {
    expect(isDue({ path: '/x/1.png', createdAt: NOW - age }, saver, NOW, STARTED)).toBe(expected)
  })

  test('what the manager cannot read itself, of a foreign worker, at once', () => {
    expect(isDue({ path: '/x/1.exr', createdAt: NOW - MINUTE }, foreign, NOW, STARTED)).toBe(true)
  })

  test.each(['/x/1.mp4', '/x/1', '/x.png/1.blend'])('there is none of %s', (path) => {
    expect(isDue({ path, createdAt: NOW - MINUTE }, undefined, NOW, STARTED)).toBe(false)
  })
})

test('who saved the file is asked first, then its platform; strangers, sleepless and foreign ones never', () => {
  const worker = (id: number, changes: Partial<WorkerState>): WorkerState => {
    const state = { id, adapter: 'native', status: 'awake', approvedAt: 1, platform: 'windows', ...changes }
    // As much of a worker as the choice looks at.
    return state as WorkerState
  }
  const workers = [
    worker(1, {}),
    worker(2, { platform: 'linux' }),
    worker(3, { status: 'asleep', platform: 'linux' }),
    worker(4, { approvedAt: null, platform: 'linux' }),
    worker(5, { adapter: 'flamenco', platform: 'linux' }),
    worker(6, { status: 'offline', platform: 'linux' }),
  ]
  expect(whomToAsk(workers, { workerId: 3, platform: 'linux' }).map(({ id }) => id)).toEqual([3, 2, 1])
})
