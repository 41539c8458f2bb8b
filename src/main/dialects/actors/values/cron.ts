/** Schedules of actors: `2078-09-06 20 + 3 months`, by whole hours in UTC. Pure. */
import { ActorsError } from '../errors.ts'

const HOUR_MS = 3_600_000
const UNIT_HOURS = { hour: 1, day: 24, week: 168 } as const
const MAX_COUNT = 100_000

export interface Cron {
  /** The first run; milliseconds since the epoch. */
  start: number
  count: number
  unit: keyof typeof UNIT_HOURS | 'month'
}

/** @param now what `now` stands for. @throws ActorsError for another form, a start in the past, an unknown unit */
export function parseCron(text: string, now: number): Cron {
  const cron = readCron(text, now)
  if (cron.start < hourOf(now)) {
    throw new ActorsError(
      `The starting datetime is old. The current UTC time is ${new Date(now).toISOString().replace('T', ' ').slice(0, 19)} (cronSchedule)`,
    )
  }
  return cron
}

/** Of a schedule that was stored: its start may lie in the past. @throws ActorsError */
export function readCron(text: string, now: number): Cron {
  const match = /^\s*(?:(\d{4})-(\d{1,2})-(\d{1,2})\s+(\d{1,2})|([nN]ow))\s*\+\s*(\d{1,6})\s+([A-Za-z]+)\s*$/.exec(text)
  if (!match) throw new ActorsError('The cron is not in the correct format (cronSchedule): yyyy-mm-dd hh + <number> <unit of time>')
  const [, year, month, day, hour, isNow, countText, word = ''] = match
  const start = isNow === undefined ? Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour)) : hourOf(now)
  const exists = isNow !== undefined || isDate(start, Number(month), Number(day), Number(hour))
  if (!exists) throw new ActorsError('The cron is not in the correct format (cronSchedule): there is no such day or hour')
  const unit = word.toLowerCase().replace(/s$/, '')
  if (unit !== 'hour' && unit !== 'day' && unit !== 'week' && unit !== 'month') {
    throw new ActorsError(`The cron is not in the correct format (cronSchedule): ${word} is no unit; use hours, days, weeks or months`)
  }
  const count = Number(countText)
  if (count < 1 || count > MAX_COUNT)
    throw new ActorsError(`The cron is not in the correct format (cronSchedule): 1 to ${MAX_COUNT} ${unit}s`)
  return { start, count, unit }
}

/** The first run at or after `from`, counted from `next`, a run of the schedule. */
export function runAtOrAfter(cron: Cron, next: number, from: number): number {
  if (next >= from) return next
  if (cron.unit !== 'month') {
    const period = cron.count * UNIT_HOURS[cron.unit] * HOUR_MS
    return next + Math.ceil((from - next) / period) * period
  }
  // From the start each time: the 31st stays the 31st after a shorter month.
  let steps = Math.max(1, Math.floor((monthOf(from) - monthOf(cron.start)) / cron.count))
  while (addMonths(cron.start, steps * cron.count) < from) steps++
  return addMonths(cron.start, steps * cron.count)
}

/** The run after `run`. */
export const runAfter = (cron: Cron, run: number): number => runAtOrAfter(cron, run, run + HOUR_MS)

/** The beginning of the hour. */
export const hourOf = (at: number): number => at - (at % HOUR_MS)

/** `2078-9-6 20`, as clients read it. */
export function cronText(at: number): string {
  const date = new Date(at)
  return `${date.getUTCFullYear()}-${date.getUTCMonth() + 1}-${date.getUTCDate()} ${date.getUTCHours()}`
}

function isDate(at: number, month: number, day: number, hour: number): boolean {
  const date = new Date(at)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour
}

const monthOf = (at: number): number => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth()

function addMonths(at: number, months: number): number {
  const date = new Date(at)
  const month = date.getUTCMonth() + months
  const lastDay = new Date(Date.UTC(date.getUTCFullYear(), month + 1, 0)).getUTCDate()
  return Date.UTC(date.getUTCFullYear(), month, Math.min(date.getUTCDate(), lastDay), date.getUTCHours())
}
