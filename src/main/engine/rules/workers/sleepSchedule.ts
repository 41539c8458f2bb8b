/** When a worker should sleep (Flamenco §2.3). Pure; times are local to the manager, minutes since midnight inside. */
import type { SleepSchedule } from '../../../../shared/schemas/worker.ts'
import { InvalidInputError } from '../../base/errors.ts'

const DAYS = ['su', 'mo', 'tu', 'we', 'th', 'fr', 'sa'] as const

/** Two-letter day names, known times, start before end. @throws InvalidInputError naming the field */
export function cleanSchedule(schedule: SleepSchedule): SleepSchedule {
  const start = parseTime('startTime', schedule.startTime)
  const end = parseTime('endTime', schedule.endTime)
  const swap = start !== null && end !== null && end < start
  const days = schedule.daysOfWeek
    .trim()
    .toLowerCase()
    .split(/\s+/)
    .filter((day) => day !== '')
    .map((day) => day.slice(0, 2))
  const unknown = days.find((day) => !DAYS.some((known) => known === day))
  if (unknown !== undefined) {
    throw new InvalidInputError('daysOfWeek', `"${unknown}" is not a day of the week; use mo tu we th fr sa su, separated by spaces`)
  }
  return {
    isActive: schedule.isActive,
    daysOfWeek: [...new Set(days)].join(' '),
    startTime: swap ? schedule.endTime.trim() : schedule.startTime.trim(),
    endTime: swap ? schedule.startTime.trim() : schedule.endTime.trim(),
  }
}

/** The scheduled status now: start inclusive, end exclusive; both empty on a scheduled day means the whole day. */
export function scheduledStatus(schedule: SleepSchedule | null, now: Date): 'awake' | 'asleep' {
  if (!schedule?.isActive) return 'awake'
  const today = DAYS[now.getDay()] ?? 'su'
  if (schedule.daysOfWeek !== '' && !schedule.daysOfWeek.split(' ').includes(today)) return 'awake'
  const minutes = now.getHours() * 60 + now.getMinutes()
  const start = parseTime('startTime', schedule.startTime)
  const end = parseTime('endTime', schedule.endTime)
  if (start !== null && minutes < start) return 'awake'
  if (end !== null && minutes >= end) return 'awake'
  return 'asleep'
}

/** The next moment at which the answer may change: midnight, or a start or end today or tomorrow. Milliseconds since the epoch. */
export function nextScheduleCheck(schedule: SleepSchedule, now: Date): number {
  const minutes = [0, parseTime('startTime', schedule.startTime), parseTime('endTime', schedule.endTime)].filter((at) => at !== null)
  const candidates = [0, 1].flatMap((day) =>
    minutes.map((at) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + day, 0, at).getTime()),
  )
  return Math.min(...candidates.filter((at) => at > now.getTime()))
}

/** Minutes since midnight of "HH:MM"; null for the empty string. @throws InvalidInputError */
function parseTime(field: string, text: string): number | null {
  const trimmed = text.trim()
  if (trimmed === '') return null
  const match = /^(\d{1,2}):(\d{2})$/.exec(trimmed)
  const hours = Number(match?.[1])
  const minutes = Number(match?.[2])
  if (!match || hours > 23 || minutes > 59)
    throw new InvalidInputError(field, `"${text}" is not a time of day; use HH:MM or leave it empty`)
  return hours * 60 + minutes
}
