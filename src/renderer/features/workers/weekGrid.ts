/** The sleep schedule as a week of hours, and back. The manager keeps one time span for a set of days. Pure. */
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'

export const DAYS = ['mo', 'tu', 'we', 'th', 'fr', 'sa', 'su'] as const

export interface WeekSpan {
  /** 0 Monday … 6 Sunday. */
  days: ReadonlySet<number>
  /** Hours, 0–24; `from` > `to` runs over midnight; equal: the whole day. */
  from: number
  to: number
}

const hour = (text: string, fallback: number) => {
  const match = /^(\d{1,2}):(\d{2})/.exec(text)
  return match ? Number(match[1]) + Number(match[2]) / 60 : fallback
}

export function spanOf(schedule: SleepSchedule): WeekSpan {
  const named = schedule.daysOfWeek.trim().toLowerCase().split(/\s+/).filter(Boolean)
  const days = named.length ? named.flatMap((day) => DAYS.flatMap((known, i) => (day.startsWith(known) ? [i] : []))) : DAYS.map((_, i) => i)
  return { days: new Set(days), from: hour(schedule.startTime, 0), to: hour(schedule.endTime, 24) }
}

/** Whether the worker sleeps in that hour of that day. A span over midnight belongs to the day that it starts on. */
export function sleepsAt(span: WeekSpan, day: number, h: number): boolean {
  const { from, to } = span
  if (from < to) return span.days.has(day) && h + 1 > from && h < to
  if (from === to) return span.days.has(day)
  return (span.days.has(day) && h + 1 > from) || (span.days.has((day + 6) % 7) && h < to)
}

const clockText = (h: number) => `${String(Math.floor(h)).padStart(2, '0')}:${String(Math.round((h % 1) * 60)).padStart(2, '0')}`

export function scheduleOf(span: WeekSpan, isActive: boolean): SleepSchedule {
  const days = [...span.days].sort((a, b) => a - b)
  return {
    isActive,
    daysOfWeek: days.length === 7 ? '' : days.map((day) => DAYS[day]).join(' '),
    startTime: span.from <= 0 ? '' : clockText(span.from),
    endTime: span.to >= 24 ? '' : clockText(span.to),
  }
}

/** The span that a drag from one cell to another marks. */
export function dragSpan(a: { day: number; hour: number }, b: { day: number; hour: number }): WeekSpan {
  const days = new Set<number>()
  for (let day = Math.min(a.day, b.day); day <= Math.max(a.day, b.day); day++) days.add(day)
  return { days, from: Math.min(a.hour, b.hour), to: Math.max(a.hour, b.hour) + 1 }
}
