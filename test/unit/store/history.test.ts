import { describe, expect, it } from 'vitest'
import { unitsOf } from '../../../src/main/store/queries/farm/history.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const noon = Date.UTC(2026, 0, 1, 12)

describe('units of history', () => {
  it.each([
    ['hours that are over', noon, noon + 2 * HOUR, noon + 3 * HOUR, [60, 60]],
    ['the hour that runs, in pieces', noon, noon + 13 * MINUTE, noon + 13 * MINUTE, [5, 5, 3]],
    ['an hour that has only just ended, in pieces', noon, noon + HOUR, noon + HOUR + 1, Array<number>(12).fill(5)],
    ['a whole hour and a piece', noon, noon + HOUR + 2 * MINUTE, noon + HOUR + 2 * MINUTE, [60, 2]],
    ['nothing', noon, noon, noon, []],
  ])('%s', (_what, since, until, now, minutes) => {
    const units = unitsOf(since, until, now)
    expect(units.map((unit) => unit.length / MINUTE)).toEqual(minutes)
    expect(units.reduce((sum, unit) => sum + unit.length, 0)).toBe(until - since)
    units.forEach((unit, index) =>
      expect(unit.start).toBe(index === 0 ? since : (units[index - 1]?.start ?? 0) + (units[index - 1]?.length ?? 0)),
    )
  })
})
