import { describe, expect, it } from 'vitest'
import { InvalidInputError } from '../../../src/main/engine/base/errors.ts'
import { cleanSchedule, nextScheduleCheck, scheduledStatus } from '../../../src/main/engine/rules/workers/sleepSchedule.ts'
import type { SleepSchedule } from '../../../src/shared/schemas/worker.ts'

const schedule = (startTime: string, endTime: string, daysOfWeek = '', isActive = true): SleepSchedule => ({
  isActive,
  daysOfWeek,
  startTime,
  endTime,
})
/** Monday 5 January 2026, local time. */
const at = (hours: number, minutes = 0, seconds = 0, day = 5): Date => new Date(2026, 0, day, hours, minutes, seconds)

describe('what the schedule wants', () => {
  it.each<[string, SleepSchedule, [Date, 'awake' | 'asleep'][]]>([
    [
      'both times',
      schedule('09:00', '18:00'),
      [
        [at(8, 59, 59), 'awake'],
        [at(9), 'asleep'],
        [at(17, 59, 59), 'asleep'],
        [at(18), 'awake'],
      ],
    ],
    [
      'no start',
      schedule('', '18:00'),
      [
        [at(0), 'asleep'],
        [at(17, 59), 'asleep'],
        [at(18), 'awake'],
        [at(23, 59), 'awake'],
      ],
    ],
    [
      'no end',
      schedule('09:00', ''),
      [
        [at(0), 'awake'],
        [at(8, 59), 'awake'],
        [at(9), 'asleep'],
        [at(23, 59), 'asleep'],
      ],
    ],
    [
      'neither',
      schedule('', ''),
      [
        [at(0), 'asleep'],
        [at(12), 'asleep'],
        [at(23, 59), 'asleep'],
      ],
    ],
    [
      'the same time twice',
      schedule('09:00', '09:00'),
      [
        [at(8, 59), 'awake'],
        [at(9), 'awake'],
        [at(9, 1), 'awake'],
      ],
    ],
    [
      'an hour without leading zero',
      schedule('9:00', '18:00'),
      [
        [at(8, 59), 'awake'],
        [at(9), 'asleep'],
      ],
    ],
    [
      'days: not today',
      schedule('', '', 'tu we'),
      [
        [at(12), 'awake'],
        [at(12, 0, 0, 6), 'asleep'],
        [at(12, 0, 0, 7), 'asleep'],
        [at(12, 0, 0, 8), 'awake'],
      ],
    ],
    [
      'days: only Sunday',
      schedule('10:00', '12:00', 'su'),
      [
        [at(11, 0, 0, 4), 'asleep'],
        [at(11), 'awake'],
      ],
    ],
    ['inactive', schedule('', '', '', false), [[at(12), 'awake']]],
  ])('with %s', (_, plan, expected) => {
    for (const [when, status] of expected) expect(scheduledStatus(plan, when), when.toString()).toBe(status)
  })

  it('is awake without a schedule', () => {
    expect(scheduledStatus(null, at(12))).toBe('awake')
  })
})

describe('cleaning', () => {
  it('swaps an end that lies before the start', () => {
    expect(cleanSchedule(schedule('22:00', '06:00'))).toMatchObject({ startTime: '06:00', endTime: '22:00' })
    expect(cleanSchedule(schedule('06:00', '22:00'))).toMatchObject({ startTime: '06:00', endTime: '22:00' })
    expect(cleanSchedule(schedule('22:00', ''))).toMatchObject({ startTime: '22:00', endTime: '' })
  })

  it('compares times, not texts', () => {
    expect(cleanSchedule(schedule('9:00', '18:00'))).toMatchObject({ startTime: '9:00', endTime: '18:00' })
  })

  it('cuts day names to two letters, each once', () => {
    expect(cleanSchedule(schedule('', '', '  Monday tuesday  MO ')).daysOfWeek).toBe('mo tu')
    expect(cleanSchedule(schedule('', '', '   ')).daysOfWeek).toBe('')
  })

  it.each([
    ['daysOfWeek', schedule('', '', 'mo xy')],
    ['daysOfWeek', schedule('', '', 'm')],
    ['startTime', schedule('24:00', '')],
    ['startTime', schedule('noon', '')],
    ['endTime', schedule('', '12:60')],
  ])('refuses a wrong %s and names it', (field, plan) => {
    expect(() => cleanSchedule(plan)).toThrow(InvalidInputError)
    expect(() => cleanSchedule(plan)).toThrow(expect.objectContaining({ field }))
  })
})

describe('the next check', () => {
  it.each<[string, SleepSchedule, Date, Date]>([
    ['the start today', schedule('09:00', '18:00'), at(8), at(9)],
    ['the end today', schedule('09:00', '18:00'), at(9), at(18)],
    ['midnight, after the end', schedule('09:00', '18:00'), at(18), at(0, 0, 0, 6)],
    ['midnight, without times', schedule('', ''), at(12), at(0, 0, 0, 6)],
    ['the end, without a start', schedule('', '18:00'), at(12), at(18)],
    ['the start, without an end', schedule('09:00', ''), at(0), at(9)],
    ['midnight at the end of a month', schedule('', ''), new Date(2026, 0, 31, 12), new Date(2026, 1, 1)],
    ['a start at midnight tomorrow', schedule('00:00', '06:00'), at(7), at(0, 0, 0, 6)],
  ])('is %s', (_, plan, now, expected) => {
    expect(new Date(nextScheduleCheck(plan, now))).toEqual(expected)
  })

  it('never lies beyond a moment at which the answer changes', () => {
    const late: string[] = []
    for (const plan of [schedule('09:00', '18:00', 'mo we'), schedule('', '06:30'), schedule('23:59', ''), schedule('', '', 'sa su')]) {
      for (let now = at(0).getTime(); now < at(0, 0, 0, 9).getTime(); now += 97 * 60_000) {
        const next = nextScheduleCheck(plan, new Date(now))
        const status = scheduledStatus(plan, new Date(now))
        if (next <= now) late.push(`${new Date(now)}: not ahead`)
        for (let between = now; between < next; between += 13 * 60_000) {
          if (scheduledStatus(plan, new Date(between)) !== status) late.push(`${new Date(now)}: ${new Date(between)}`)
        }
      }
    }
    expect(late).toEqual([])
  })
})
