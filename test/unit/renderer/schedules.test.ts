import { describe, expect, it } from 'vitest'
import { cronWords } from '../../../src/renderer/lib/cronWords.ts'
import { formOfTrigger, newTriggerForm, triggerOfForm } from '../../../src/renderer/lib/triggerForm.ts'
import type { Trigger } from '../../../src/shared/schemas/schedule.ts'

describe('a cron expression in words', () => {
  it.each([
    ['* * * * *', 'everyMinute', {}],
    ['* * * * * *', 'everySecond', {}],
    ['*/15 * * * *', 'everyMinutes', { n: 15 }],
    ['5 * * * *', 'hourly', { minute: '05' }],
    ['@hourly', 'hourly', { minute: '00' }],
    ['0 */6 * * *', 'everyHours', { n: 6, minute: '00' }],
    ['30 9,17 * * *', 'daily', { time: '09:30, 17:30' }],
    ['0 20 * * 1-5', 'weekly', { days: 'Monday – Friday', time: '20:00' }],
    ['0 20 * * SAT,7', 'weekly', { days: 'Saturday, Sunday', time: '20:00' }],
    ['0 0 1 * *', 'monthly', { day: 1, time: '00:00' }],
    ['0 0 L * *', 'lastDay', { time: '00:00' }],
    ['0 0 24 12 *', 'yearly', { date: expect.stringContaining('December'), time: '00:00' }],
    ['0 0 13 * 5', 'custom', {}],
    ['0-10 0 * * *', 'custom', {}],
    ['10 0 0 * * *', 'custom', {}],
    ['', 'custom', {}],
  ])('%s', (expression, key, values) => {
    expect(cronWords(expression, 'first', 'en')).toEqual({ key, values })
  })

  it('knows where the seconds stand', () => {
    expect(cronWords('0 20 * * * 0', 'last', 'en')).toEqual({ key: 'daily', values: { time: '20:00' } })
  })
})

describe("the editor's values", () => {
  it.each([
    { kind: 'at', at: '2030-01-31T22:00:00.000Z' },
    { kind: 'interval', everySeconds: 7200 },
    { kind: 'interval', everySeconds: 90 },
    { kind: 'cron', expression: '0 20 * * * 0', seconds: 'last', timeZone: 'Asia/Tokyo' },
  ])('become the trigger %j that they came from', (trigger) => {
    const kept = (trigger.kind === 'interval' ? { ...trigger, from: '2026-01-01T00:00:00.000Z' } : trigger) as Trigger
    expect(triggerOfForm(formOfTrigger(kept, 'UTC'))).toEqual(trigger)
  })

  it('are no trigger while something is missing', () => {
    const form = newTriggerForm('UTC')
    for (const changes of [{ kind: 'at' }, { kind: 'interval', every: 0 }, { expression: ' ' }] as const) {
      expect(triggerOfForm({ ...form, ...changes })).toBeUndefined()
    }
  })
})
