import { describe, expect, it } from 'vitest'
import {
  jobNameAt,
  MAX_WAITING,
  MISSED_AFTER_MS,
  nextAfterStep,
  nextStep,
  overlapDecision,
  type DueSchedule,
} from '../../../../src/main/engine/rules/schedules/firingRules.ts'
import type { Trigger } from '../../../../src/shared/schemas/schedule.ts'

const at = (text: string): number => Date.parse(`2026-01-31T${text}Z`)
const hourly: Trigger = { kind: 'cron', expression: '0 * * * *', seconds: 'first', timeZone: 'UTC' }
const schedule = (changes: Partial<DueSchedule> = {}): DueSchedule => ({
  trigger: hourly,
  nextAt: at('01:00'),
  missed: 'once',
  missedLimit: 2,
  ...changes,
})

/** All that happens until nothing is due any more, as [moment, cause]. */
function all(due: DueSchedule, now: number): { fired: string[]; dropped: number; nextAt: number | null } {
  const fired: string[] = []
  let dropped = 0
  let nextAt = due.nextAt
  for (let step = nextStep(due, now); step; step = nextStep({ ...due, nextAt }, now)) {
    if (step.fire) fired.push(`${new Date(step.fire.dueAt).toISOString().slice(11, 16)} ${step.fire.cause}`)
    dropped += step.dropped?.count ?? 0
    nextAt = step.nextAt
  }
  return { fired, dropped, nextAt }
}

describe('what is due', () => {
  it('is nothing before its time', () => {
    expect(nextStep(schedule(), at('00:59'))).toBeNull()
    expect(nextStep(schedule({ nextAt: null }), at('00:59'))).toBeNull()
  })

  it.each(['skip', 'once', 'all'] as const)('is a firing on time, whatever the policy: %s', (missed) => {
    for (const now of [at('01:00'), at('01:00') + MISSED_AFTER_MS]) {
      expect(nextStep(schedule({ missed }), now)).toEqual({
        fire: { dueAt: at('01:00'), cause: 'due' },
        dropped: null,
        nextAt: at('02:00'),
      })
    }
  })

  it.each([
    ['skip', at('05:30'), [], 5, at('06:00')],
    ['once', at('05:30'), ['05:00 missed'], 4, at('06:00')],
    ['all', at('05:30'), ['04:00 missed', '05:00 missed'], 3, at('06:00')],
    ['skip', at('05:00'), ['05:00 due'], 4, at('06:00')],
    ['once', at('05:00'), ['04:00 missed', '05:00 due'], 3, at('06:00')],
    ['all', at('02:30'), ['01:00 missed', '02:00 missed'], 0, at('03:00')],
  ] as const)('after a downtime with policy %s at %d: %j', (missed, now, fired, dropped, nextAt) => {
    expect(all(schedule({ missed }), now)).toEqual({ fired, dropped, nextAt })
  })

  it('of a single moment that was missed follows the policy, and then it has ended', () => {
    const trigger: Trigger = { kind: 'at', at: new Date(at('01:00')).toISOString() }
    expect(all(schedule({ trigger }), at('05:00'))).toEqual({ fired: ['01:00 missed'], dropped: 0, nextAt: null })
    expect(all(schedule({ trigger, missed: 'skip' }), at('05:00'))).toEqual({ fired: [], dropped: 1, nextAt: null })
  })

  it('does not depend on how long the downtime was', () => {
    const trigger: Trigger = { kind: 'cron', expression: '* * * * * *', seconds: 'first', timeZone: 'UTC' }
    const began = performance.now()
    const step = nextStep(schedule({ trigger, nextAt: Date.UTC(2016, 0, 1) }), at('05:00'))
    expect(step?.fire).toEqual({ dueAt: at('05:00') - MISSED_AFTER_MS - 1000, cause: 'missed' })
    expect(step?.dropped?.count).toBe(999)
    expect(performance.now() - began).toBeLessThan(2_000)
  })
})

describe('overlap', () => {
  it.each([
    ['allow', true, 0, 'fire'],
    ['skip', true, 0, 'skip'],
    ['skip', false, 0, 'fire'],
    ['replace', true, 0, 'replace'],
    ['replace', false, 0, 'fire'],
    ['queue', false, 0, 'fire'],
    ['queue', true, 0, 'wait'],
    ['queue', false, 1, 'wait'],
    ['queue', true, MAX_WAITING, 'skip'],
  ] as const)('%s, running %s, waiting %d: %s', (policy, running, waiting, decision) => {
    expect(overlapDecision(policy, running, waiting)).toBe(decision)
  })
})

describe("a job's name", () => {
  it('has number, date and time in the zone of the trigger', () => {
    const tokyo: Trigger = { ...hourly, timeZone: 'Asia/Tokyo' }
    const firing = { number: 7, dueAt: Date.UTC(2026, 0, 31, 20, 5, 9) }
    expect(jobNameAt('dailies {date} {time} #{n} {shot}', firing, tokyo)).toBe('dailies 2026-02-01 05.05.09 #7 {shot}')
    expect(jobNameAt('{date}', firing, { kind: 'at', at: '' })).toBe('2026-01-31')
  })
})

describe('after the clock was set back', () => {
  const daily: Trigger = { kind: 'cron', expression: '0 3 * * *', seconds: 'first', timeZone: 'Europe/Berlin' }
  const often: Trigger = { kind: 'interval', everySeconds: 300, from: '2026-01-31T00:00:00.000Z' }
  const once: Trigger = { kind: 'at', at: '2026-02-03T00:00:00.000Z' }
  const when = (text: string): number => Date.parse(`2026-${text}Z`)

  it.each([
    ['a schedule that fires often does not stay silent for an hour', often, '01-31T12:05:00', '01-31T11:00:10', '01-31T11:05:00'],
    ['an hour does not repeat what is done once a day', daily, '02-02T02:00:00', '02-01T01:30:00', '02-02T02:00:00'],
    ['a day does not cost the next day', daily, '02-03T02:00:00', '02-01T12:00:00', '02-02T02:00:00'],
    ['a moment stays a moment', once, '02-03T00:00:00', '01-20T00:00:00', '02-03T00:00:00'],
    ['a step forward is left to the rule for missed firings', often, '01-31T12:05:00', '02-01T12:00:00', '01-31T12:05:00'],
  ])('%s', (_, trigger, nextAt, now, expected) => {
    expect(new Date(nextAfterStep(trigger, when(nextAt), when(now))).toISOString()).toBe(new Date(when(expected)).toISOString())
  })

  it('the nights in which summer time begins and ends have one firing each', () => {
    const night: Trigger = { kind: 'cron', expression: '30 2 * * *', seconds: 'first', timeZone: 'Europe/Berlin' }
    const firings = (from: string) => {
      const first = nextStep({ ...schedule({ trigger: night }), nextAt: when(from) }, when(from))?.nextAt ?? 0
      return [first, nextStep({ ...schedule({ trigger: night }), nextAt: first }, first)?.nextAt ?? 0].map((at) =>
        new Date(at).toISOString().slice(5, 16),
      )
    }
    // 02:30 does not come on 29 March, and comes twice on 25 October.
    expect(firings('03-28T01:30:00')).toEqual(['03-29T01:00', '03-30T00:30'])
    expect(firings('10-24T00:30:00')).toEqual(['10-25T00:30', '10-26T01:30'])
  })
})
