/** The trigger editor's values, from a trigger and back. Pure. */
import type { Trigger, TriggerInput } from '../../../shared/schemas/schedule.ts'

export const UNITS = { minutes: 60, hours: 3600, days: 86_400 } as const
export type Unit = keyof typeof UNITS

export interface TriggerForm {
  kind: TriggerInput['kind']
  /** Milliseconds since the epoch; null while nothing is chosen. */
  at: number | null
  every: number | null
  unit: Unit
  expression: string
  seconds: 'first' | 'last'
  timeZone: string
}

export function newTriggerForm(timeZone: string): TriggerForm {
  return { kind: 'cron', at: null, every: 1, unit: 'hours', expression: '0 20 * * 1-5', seconds: 'first', timeZone }
}

export function formOfTrigger(trigger: Trigger, timeZone: string): TriggerForm {
  const form = { ...newTriggerForm(timeZone), kind: trigger.kind }
  if (trigger.kind === 'at') return { ...form, at: Date.parse(trigger.at) }
  if (trigger.kind === 'cron') return { ...form, expression: trigger.expression, seconds: trigger.seconds, timeZone: trigger.timeZone }
  const unit = (['days', 'hours'] as const).find((each) => trigger.everySeconds % UNITS[each] === 0) ?? 'minutes'
  return { ...form, unit, every: trigger.everySeconds / UNITS[unit] }
}

/** Undefined while something is missing. */
export function triggerOfForm(form: TriggerForm): TriggerInput | undefined {
  if (form.kind === 'at') return form.at === null ? undefined : { kind: 'at', at: new Date(form.at).toISOString() }
  if (form.kind === 'interval') {
    return form.every === null || form.every <= 0
      ? undefined
      : { kind: 'interval', everySeconds: Math.max(1, Math.round(form.every * UNITS[form.unit])) }
  }
  if (form.expression.trim() === '') return undefined
  return { kind: 'cron', expression: form.expression.trim(), seconds: form.seconds, timeZone: form.timeZone }
}
