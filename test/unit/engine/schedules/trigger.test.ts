import { describe, expect, it } from 'vitest'
import { checkTrigger, firingsBetween, nextFiring, nextFirings } from '../../../../src/main/engine/rules/schedules/trigger.ts'
import type { Trigger, TriggerInput } from '../../../../src/shared/schemas/schedule.ts'

const at = (text: string): number => Date.parse(text)
const iso = (times: number[]): string[] => times.map((time) => new Date(time).toISOString().replace(':00.000Z', 'Z'))
const cron = (expression: string, timeZone = 'UTC', seconds: 'first' | 'last' = 'first'): Trigger => ({
  kind: 'cron',
  expression,
  timeZone,
  seconds,
})

describe('the next firings of a cron trigger', () => {
  it.each([
    ['five fields', cron('30 6 * * *'), '2026-01-31T06:30Z', ['2026-02-01T06:30Z', '2026-02-02T06:30Z']],
    ['six fields, seconds first', cron('15 30 6 * * *'), '2026-01-31T06:30Z', ['2026-01-31T06:30:15.000Z', '2026-02-01T06:30:15.000Z']],
    [
      'six fields, seconds last',
      cron('30 6 * * * 15', 'UTC', 'last'),
      '2026-01-31T06:30Z',
      ['2026-01-31T06:30:15.000Z', '2026-02-01T06:30:15.000Z'],
    ],
    [
      'five fields mean the same in either dialect',
      cron('30 6 * * *', 'UTC', 'last'),
      '2026-01-31T07:00Z',
      ['2026-02-01T06:30Z', '2026-02-02T06:30Z'],
    ],
    ['the last day of the month', cron('0 0 l * *'), '2026-01-31T00:00Z', ['2026-02-28T00:00Z', '2026-03-31T00:00Z']],
    ['7 is Sunday', cron('0 0 * * 7'), '2026-01-31T00:00Z', ['2026-02-01T00:00Z', '2026-02-08T00:00Z']],
    ['names and the second Monday', cron('0 0 * feb-mar mon#2'), '2026-01-31T00:00Z', ['2026-02-09T00:00Z', '2026-03-09T00:00Z']],
    [
      'day of month or day of week, when both are given',
      cron('0 0 13 * fri'),
      '2026-02-11T00:00Z',
      ['2026-02-13T00:00Z', '2026-02-20T00:00Z'],
    ],
    ['a time zone', cron('0 9 * * *', 'Asia/Tokyo'), '2026-01-31T00:00Z', ['2026-02-01T00:00Z', '2026-02-02T00:00Z']],
    [
      'a fixed time that the clock jumps over is as soon as the clock has jumped',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-03-28T12:00Z',
      ['2026-03-29T01:00Z', '2026-03-30T00:30Z'],
    ],
    [
      'a fixed time that comes twice fires the first time',
      cron('30 2 * * *', 'Europe/Berlin'),
      '2026-10-24T12:00Z',
      ['2026-10-25T00:30Z', '2026-10-26T01:30Z'],
    ],
    [
      'an interval goes on through the hour that comes twice',
      cron('*/30 * * * *', 'Europe/Berlin'),
      '2026-10-25T00:30Z',
      ['2026-10-25T01:00Z', '2026-10-25T01:30Z'],
    ],
    [
      'an interval goes on over the hour that is left out',
      cron('*/30 * * * *', 'Europe/Berlin'),
      '2026-03-29T00:30Z',
      ['2026-03-29T01:00Z', '2026-03-29T01:30Z'],
    ],
  ] as const)('%s', (_, trigger, after, expected) => {
    expect(iso(nextFirings(trigger, at(after), 2))).toEqual(expected)
  })

  it('each come once when they are asked for one by one, over both changes of the clock', () => {
    for (const expression of ['30 2 * * *', '*/30 * * * *', '15,45 2 * * *']) {
      const trigger = cron(expression, 'Europe/Berlin')
      for (const start of [at('2026-03-28T12:00Z'), at('2026-10-24T12:00Z')]) {
        const all = nextFirings(trigger, start, 60)
        const stepped: number[] = []
        for (let after = start; stepped.length < 60; after = stepped.at(-1) ?? start) stepped.push(nextFiring(trigger, after) ?? NaN)
        expect(stepped).toEqual(all)
        expect(new Set(all).size).toBe(60)
      }
    }
  })
})

describe('other triggers', () => {
  it('an interval counts from its anchor', () => {
    const trigger: Trigger = { kind: 'interval', everySeconds: 90, from: '2026-01-31T00:00:00.000Z' }
    expect(iso(nextFirings(trigger, at('2026-01-31T00:01:30Z'), 2))).toEqual(['2026-01-31T00:03Z', '2026-01-31T00:04:30.000Z'])
    expect(nextFiring(trigger, at('2025-01-01T00:00Z'))).toBe(at('2026-01-31T00:00Z'))
  })

  it('a moment comes once', () => {
    const trigger: Trigger = { kind: 'at', at: '2026-01-31T00:00:00.000Z' }
    expect(nextFirings(trigger, at('2026-01-30T00:00Z'), 5)).toEqual([at('2026-01-31T00:00Z')])
    expect(nextFiring(trigger, at('2026-01-31T00:00Z'))).toBeNull()
  })
})

describe('the firings of a span', () => {
  it.each([
    ['cron', cron('0 * * * *'), ['2026-01-31T02:00Z', '2026-01-31T03:00Z']],
    ['interval', { kind: 'interval', everySeconds: 3600, from: '2026-01-30T00:00:00.000Z' }, ['2026-01-31T02:00Z', '2026-01-31T03:00Z']],
    ['at', { kind: 'at', at: '2026-01-31T03:00:00.000Z' }, ['2026-01-31T03:00Z']],
  ] as [string, Trigger, string[]][])('%s: the newest ones, both ends included', (_, trigger, expected) => {
    expect(iso(firingsBetween(trigger, at('2026-01-31T00:00Z'), at('2026-01-31T03:00Z'), 2))).toEqual(expected)
    expect(iso(firingsBetween(trigger, at('2026-01-31T03:00Z'), at('2026-01-31T03:59Z'), 9))).toEqual(['2026-01-31T03:00Z'])
    expect(firingsBetween(trigger, at('2026-01-31T03:01Z'), at('2026-01-31T03:59Z'), 9)).toEqual([])
  })
})

describe('checking a trigger', () => {
  const now = at('2026-01-31T00:00Z')
  it.each([
    [{ kind: 'cron' }, '/trigger/expression', 'needs "expression"'],
    [{ kind: 'cron', expression: '* * * * *', at: '2026-01-31T00:00:00Z' }, '/trigger/at', 'has no "at"'],
    [{ kind: 'cron', expression: '61 * * * *' }, '/trigger/expression', 'the minute "61" (field 1)'],
    [{ kind: 'cron', expression: '0 25 * * *' }, '/trigger/expression', 'the hour "25" (field 2)'],
    [{ kind: 'cron', expression: '0 0 * foo *' }, '/trigger/expression', 'the month "foo" (field 4)'],
    [{ kind: 'cron', expression: '0 0 * * * 60', seconds: 'last' }, '/trigger/expression', 'the second "60" (field 6)'],
    [{ kind: 'cron', expression: '60 0 0 * * *' }, '/trigger/expression', 'the second "60" (field 1)'],
    [{ kind: 'cron', expression: '* * * *' }, '/trigger/expression', '5 fields, or 6'],
    [{ kind: 'cron', expression: '* * * * * * 2030' }, '/trigger/expression', 'has 7'],
    [{ kind: 'cron', expression: '@sometimes' }, '/trigger/expression', 'nickname'],
    [{ kind: 'cron', expression: '0 0 30 2 *' }, '/trigger/expression', 'never fires'],
    [{ kind: 'cron', expression: '* * * * *', timeZone: 'Mars/Olympus' }, '/trigger/timeZone', 'Mars/Olympus'],
    [{ kind: 'at', at: 'tomorrow' }, '/trigger/at', 'not a time'],
    [{ kind: 'interval', everySeconds: 0 }, '/trigger/everySeconds', 'whole number'],
  ] as [TriggerInput, string, string][])('%j names %s', (input, field, words) => {
    expect(() => checkTrigger(input, now)).toThrow(expect.objectContaining({ field, message: expect.stringContaining(words) }))
  })

  it('fills in what was left out', () => {
    expect(checkTrigger({ kind: 'cron', expression: ' 0  9 * * 1-5 ', timeZone: 'europe/berlin' }, now)).toEqual({
      kind: 'cron',
      expression: '0 9 * * 1-5',
      seconds: 'first',
      timeZone: 'Europe/Berlin',
    })
    expect(checkTrigger({ kind: 'interval', everySeconds: 60 }, now)).toMatchObject({ from: '2026-01-31T00:00:00.000Z' })
  })
})
