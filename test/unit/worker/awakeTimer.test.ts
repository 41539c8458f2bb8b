import { describe, expect, it, vi } from 'vitest'
import { afterRunning, countedMs } from '../../../src/main/worker/attempt/awakeTimer.ts'

describe('time that counts towards a limit', () => {
  it.each([
    ['a timer on time', 1_000, 1_000, 1_000],
    ['a timer that a busy computer delayed', 2_500, 1_000, 2_500],
    ['a timer that slept through a stop counts for what it was set to', 90_000, 1_000, 1_000],
  ])('%s', (_, passed, look, counted) => {
    expect(countedMs(passed, look)).toBe(counted)
  })
})

describe('a limit', () => {
  it('ends after so much running time, and a stop only delays it', () => {
    vi.useFakeTimers()
    try {
      let now = 0
      const missed: number[] = []
      let ended = false
      afterRunning(
        3_000,
        () => (ended = true),
        (ms) => missed.push(ms),
        () => now,
      )
      const run = (ms: number): void => {
        now += ms
        vi.advanceTimersByTime(ms)
      }
      run(1_000)
      // SIGSTOP: the clock goes on, the timers do not.
      now += 600_000
      run(1_000)
      expect({ ended, missed }).toEqual({ ended: false, missed: [600_000] })
      run(1_000)
      expect(ended).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  it('that is taken back never ends', () => {
    vi.useFakeTimers()
    try {
      let ended = false
      afterRunning(10, () => (ended = true))()
      vi.advanceTimersByTime(60_000)
      expect(ended).toBe(false)
    } finally {
      vi.useRealTimers()
    }
  })
})
