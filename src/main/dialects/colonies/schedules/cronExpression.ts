/** When a cron runs next. Pure. Six fields with seconds, five without, descriptors, `@every`, a time zone in front. */
import { Cron } from 'croner'
import { ColoniesError } from '../wire/errors.ts'

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
}
const UNIT_MS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

export interface CronTimes {
  expression: string
  /** Seconds; -1: the expression counts. */
  interval: number
  random: boolean
}

/** The next time after `from`, milliseconds. @param chance 0 … 1 @throws ColoniesError 400 for an expression that is none */
export function nextRun({ expression, interval, random }: CronTimes, from: number, chance: number): number | null {
  if (interval > 0) return from + Math.max(1, Math.round(interval * 1_000 * (random ? chance : 1)))
  const every = /^@every\s+(\S+)$/.exec(expression.trim())
  if (every) return from + durationOf(every[1] ?? '')
  return patternOf(expression).nextRun(new Date(from))?.getTime() ?? null
}

/** @throws ColoniesError 400 */
export function checkCron({ expression, interval, random }: CronTimes): void {
  if (interval === 0 || interval < -1) throw new ColoniesError(400, 'Invalid interval, it must be -1 or greater than 0')
  if (random && interval <= 0) throw new ColoniesError(400, 'random needs an interval')
  if (interval === -1) nextRun({ expression, interval, random }, 0, 0)
}

function patternOf(expression: string): Cron {
  const match = /^(?:(?:CRON_)?TZ=(\S+)\s+)?(.*)$/.exec(expression.trim())
  const [, timezone, given = ''] = match ?? []
  const text = DESCRIPTORS[given] ?? given
  const fields = text.split(/\s+/)
  if (fields.length !== 5 && fields.length !== 6)
    throw new ColoniesError(400, `Invalid cron expression: expected 6 fields, found ${fields.length}`)
  const full = (fields.length === 5 ? ['0', ...fields] : fields).map(plainField)
  if (/7/.test((full[5] ?? '').replaceAll(/[/].*$/g, '')))
    throw new ColoniesError(400, 'Invalid cron expression: days of the week are 0 to 6')
  try {
    return new Cron(full.join(' '), { paused: true, ...(timezone !== undefined && { timezone }) })
  } catch (error) {
    throw new ColoniesError(400, `Invalid cron expression: ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** `?` means any, and `3/10` means from 3 to the end in steps of 10. */
function plainField(field: string, position: number): string {
  const last = [59, 59, 23, 31, 12, 6][position] ?? 59
  return field
    .split(',')
    .map((part) => (part === '?' ? '*' : part.replace(/^(\d+)\/(\d+)$/, `$1-${last}/$2`)))
    .join(',')
}

function durationOf(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)]
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
  if (parts.map(([part]) => part).join('') !== text || ms < 1_000)
    throw new ColoniesError(400, `Invalid cron expression: ${text} is no duration of a second or more`)
  return Math.round(ms)
}
