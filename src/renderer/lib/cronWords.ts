/** A cron expression in plain words, for the patterns that people use; the list of next firings says the rest. Pure. */
import { regional } from './format.ts'

/** An i18n key of `schedules.words`, and what it is filled with. */
export interface CronWords {
  key: 'everySecond' | 'everyMinute' | 'everyMinutes' | 'hourly' | 'everyHours' | 'daily' | 'weekly' | 'monthly' | 'lastDay' | 'yearly' | 'custom'
  values: Record<string, string | number>
}

const NICKNAMES: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const NUMBER = /^\d+$/
const STEP = /^\*\/(\d+)$/

/** @param seconds where the seconds stand in six fields */
export function cronWords(expression: string, seconds: 'first' | 'last', language: string | undefined): CronWords {
  const custom: CronWords = { key: 'custom', values: {} }
  const text = expression.trim().toLowerCase()
  let fields = (NICKNAMES[text] ?? text).split(/\s+/)
  if (fields.length === 6) {
    const second = seconds === 'first' ? fields[0] : fields[5]
    fields = seconds === 'first' ? fields.slice(1) : fields.slice(0, 5)
    if (second === '*' && fields.every((field) => field === '*')) return { key: 'everySecond', values: {} }
    if (second !== '0') return custom
  }
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields
  const everyDay = day === '*' && month === '*' && weekday === '*'
  const minuteStep = STEP.exec(minute)?.[1]
  const hourStep = STEP.exec(hour)?.[1]
  if (everyDay && hour === '*' && minute === '*') return { key: 'everyMinute', values: {} }
  if (everyDay && hour === '*' && minuteStep) return { key: 'everyMinutes', values: { n: Number(minuteStep) } }
  if (!NUMBER.test(minute)) return custom
  if (everyDay && hour === '*') return { key: 'hourly', values: { minute: minute.padStart(2, '0') } }
  if (everyDay && hourStep) return { key: 'everyHours', values: { n: Number(hourStep), minute: minute.padStart(2, '0') } }
  const times = hour.split(',')
  if (!times.every((each) => NUMBER.test(each))) return custom
  const time = times.map((each) => `${each.padStart(2, '0')}:${minute.padStart(2, '0')}`).join(', ')
  if (everyDay) return { key: 'daily', values: { time } }
  if (day === '*' && month === '*') {
    const names = dayNames(weekday, language)
    return names ? { key: 'weekly', values: { days: names, time } } : custom
  }
  if (weekday !== '*') return custom
  if (day === 'l' && month === '*') return { key: 'lastDay', values: { time } }
  if (!NUMBER.test(day)) return custom
  if (month === '*') return { key: 'monthly', values: { day: Number(day), time } }
  if (!NUMBER.test(month)) return custom
  const date = new Intl.DateTimeFormat(regional(language), { day: 'numeric', month: 'long', timeZone: 'UTC' }).format(Date.UTC(2024, Number(month) - 1, Number(day)))
  return { key: 'yearly', values: { date, time } }
}

/** `1-5`, `mon,wed`, `0` as names of days; undefined for what is no plain list. */
function dayNames(field: string, language: string | undefined): string | undefined {
  const format = new Intl.DateTimeFormat(regional(language), { weekday: 'long', timeZone: 'UTC' })
  // 7 January 2024 was a Sunday.
  const name = (index: number): string => format.format(Date.UTC(2024, 0, 7 + index))
  const names: string[] = []
  for (const part of field.split(',')) {
    const ends = part.split('-').map((word) => (/^[0-7]$/.test(word) ? Number(word) % 7 : DAYS.indexOf(word)))
    if (ends.length > 2 || ends.includes(-1)) return undefined
    names.push(ends.map(name).join(' – '))
  }
  return names.join(', ')
}
