import { describe, expect, it } from 'vitest'
import { cronWords } from '../../../src/renderer/features/schedules/cronWords.ts'
import { formOfTrigger, newTriggerForm, triggerOfForm } from '../../../src/renderer/features/schedules/triggerForm.ts'
import type { Trigger } from '../../../src/shared/schemas/schedule.ts'

describe('a cron expression in words', () => {
  it.each([
    ['* * * * *', 'Every minute', 'Jede Minute'],
    ['* * * * * *', 'Every second', 'Jede Sekunde'],
    ['*/15 * * * *', 'Every 15 minutes', 'Alle 15 Minuten'],
    ['@hourly', 'Every hour', 'Jede Stunde'],
    ['30 9,17 * * *', 'At 09:30 and 17:30, every day', 'Um 09:30 und 17:30, jeden Tag'],
    ['0 20 * * 1-5', 'At 20:00, Monday through Friday', 'Um 20:00, Montag bis Freitag'],
    ['0 0 L * *', 'At 00:00, on the last day of the month', 'Um 00:00, am letzten Tag des Monats'],
  ])('%s', (expression, english, german) => {
    expect(cronWords(expression, 'first', 'en')).toBe(english)
    expect(cronWords(expression, 'first', 'de')).toBe(german)
  })

  it('knows where the seconds are', () => {
    expect(cronWords('0 20 * * * 0', 'last', 'en')).toBe('At 20:00, every day')
  })

  it.each(['', 'x', '* *'])('is none for %j', (expression) => {
    expect(cronWords(expression, 'first', 'en')).toBeUndefined()
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
