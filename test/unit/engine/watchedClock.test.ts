import { describe, expect, it } from 'vitest'
import { jumpBetween, WatchedClock, type ClockJump } from '../../../src/main/engine/base/watchedClock.ts'

const DAY = 86_400_000

describe('what lies between two readings of the clock', () => {
  it.each([
    ['a moment', 200, 200, undefined],
    ['drift, as NTP corrects it', 900, 1_000, undefined],
    ['a busy moment', 4_000, 4_000, undefined],
    ['the clock set forward', DAY + 200, 200, { shiftMs: DAY + 200, steppedMs: DAY, stoppedMs: 0 }],
    ['the clock set back', 200 - DAY, 200, { shiftMs: 200 - DAY, steppedMs: -DAY, stoppedMs: 0 }],
    ['SIGSTOP', 120_000, 120_000, { shiftMs: 120_000, steppedMs: 0, stoppedMs: 120_000 }],
    ['a suspended computer, whose steady clock stood too', 3_600_000, 200, { shiftMs: 3_600_000, steppedMs: 3_599_800, stoppedMs: 0 }],
    ['a stop, and the clock set meanwhile', 60_000 + DAY, 60_000, { shiftMs: 60_000 + DAY, steppedMs: DAY, stoppedMs: 60_000 }],
  ])('%s', (_, wall, steady, jump) => {
    const found = jumpBetween({ wall: 0, steady: 0 }, { wall, steady })
    expect(found).toEqual(jump && { now: wall, ...jump })
  })
})

describe('the watched clock', () => {
  it('tells of a jump once, before anyone sees the new time', () => {
    let [wall, steady] = [1_000_000, 50]
    const clock = new WatchedClock(
      () => wall,
      () => steady,
    )
    const jumps: ClockJump[] = []
    clock.onJump((jump) => jumps.push({ ...jump, now: clock.now() }))
    wall += 200
    steady += 200
    expect(clock.now()).toBe(1_000_200)
    wall -= DAY
    expect(clock.now()).toBe(wall)
    expect(clock.now()).toBe(wall)
    expect(jumps).toEqual([{ now: wall, shiftMs: -DAY, steppedMs: -DAY, stoppedMs: 0 }])
  })
})
