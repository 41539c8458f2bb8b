/** When a schedule fires. Pure: times are milliseconds since the epoch and come from the caller. */
import { Cron } from 'croner'
import type { Trigger, TriggerInput } from '../../../../shared/schemas/schedule.ts'
import { InvalidInputError } from '../../base/errors.ts'

type CronTrigger = Extract<Trigger, { kind: 'cron' }>
type Member = Exclude<keyof TriggerInput, 'kind'>

/** Members that belong to each kind; the first one is required. */
const MEMBERS: Record<TriggerInput['kind'], readonly [Member, ...Member[]]> = {
  at: ['at'],
  interval: ['everySeconds', 'from'],
  cron: ['expression', 'seconds', 'timeZone'],
}
const FIELDS = ['minute', 'hour', 'day of the month', 'month', 'day of the week']
/** Later moments are not valid dates. */
const LAST_MS = 8_640_000_000_000_000

/**
 * The trigger with its defaults, if it can fire.
 * @param field JSON pointer of the trigger in the request
 * @throws InvalidInputError naming the member, and for a cron expression the field in it
 */
export function checkTrigger(input: TriggerInput, now: number, field = '/trigger'): Trigger {
  const [required, ...others] = MEMBERS[input.kind]
  if (input[required] === undefined)
    throw new InvalidInputError(`${field}/${required}`, `a trigger of kind "${input.kind}" needs "${required}"`)
  for (const member of Object.values(MEMBERS).flat()) {
    if (input[member] !== undefined && member !== required && !others.includes(member)) {
      throw new InvalidInputError(`${field}/${member}`, `a trigger of kind "${input.kind}" has no "${member}"`)
    }
  }
  if (input.kind === 'at') return { kind: 'at', at: timeText(`${field}/at`, input.at) }
  if (input.kind === 'interval') {
    const { everySeconds = 0 } = input
    if (!Number.isInteger(everySeconds) || everySeconds < 1)
      throw new InvalidInputError(`${field}/everySeconds`, 'must be a whole number of seconds, 1 or more')
    return {
      kind: 'interval',
      everySeconds,
      from: input.from === undefined ? new Date(now).toISOString() : timeText(`${field}/from`, input.from),
    }
  }
  const trigger: CronTrigger = {
    kind: 'cron',
    expression: (input.expression ?? '').trim().replaceAll(/\s+/g, ' '),
    seconds: input.seconds ?? 'first',
    timeZone: zoneName(`${field}/timeZone`, input.timeZone ?? 'UTC'),
  }
  checkExpression(trigger, `${field}/expression`)
  if (nextFiring(trigger, now) === null)
    throw new InvalidInputError(`${field}/expression`, `"${trigger.expression}" never fires: there is no such day`)
  return trigger
}

/** The first firing after `after`; null when there is none. */
export function nextFiring(trigger: Trigger, after: number): number | null {
  return nextFirings(trigger, after, 1)[0] ?? null
}

/** The next `count` firings after `after`, in order; fewer when there are no more. */
export function nextFirings(trigger: Trigger, after: number, count: number): number[] {
  if (trigger.kind === 'at') {
    const at = Date.parse(trigger.at)
    return at > after ? [at] : []
  }
  if (trigger.kind === 'interval') {
    const from = Date.parse(trigger.from)
    const every = trigger.everySeconds * 1000
    const first = after < from ? from : from + (Math.floor((after - from) / every) + 1) * every
    return Array.from({ length: count }, (_, index) => first + index * every).filter((at) => at <= LAST_MS)
  }
  return cronOf(trigger)
    .nextRuns(count, new Date(after))
    .map((date) => date.getTime())
}

/** The newest `count` firings in `from`…`to`, both included, in order. */
export function firingsBetween(trigger: Trigger, from: number, to: number, count: number): number[] {
  if (trigger.kind === 'at') return nextFirings(trigger, from - 1, 1).filter((at) => at <= to)
  const newest = trigger.kind === 'interval' ? lastOfInterval(trigger, to, count) : lastOfCron(trigger, to, count)
  return newest.filter((at) => at >= from && at <= to)
}

/** A first firing: the moment itself for `at`, even one that has passed; otherwise the next one. */
export function firstFiring(trigger: Trigger, now: number): number | null {
  return trigger.kind === 'at' ? Date.parse(trigger.at) : nextFiring(trigger, now)
}

function lastOfInterval(trigger: Extract<Trigger, { kind: 'interval' }>, to: number, count: number): number[] {
  const from = Date.parse(trigger.from)
  const every = trigger.everySeconds * 1000
  const last = Math.floor((to - from) / every)
  return Array.from({ length: Math.max(0, Math.min(count, last + 1)) }, (_, index) => from + (last - index) * every).reverse()
}

function lastOfCron(trigger: CronTrigger, to: number, count: number): number[] {
  // The search ends before its reference, so including a firing at `to` itself needs a reference one second later.
  const dates = cronOf(trigger).previousRuns(count + 1, new Date(to + 1000))
  const times = dates.map((date) => date.getTime()).filter((at) => at <= to)
  return times.slice(0, count).reverse()
}

function cronOf({ expression, seconds, timeZone }: CronTrigger): Cron {
  return new Cron(secondsFirst(expression, seconds), { timezone: timeZone, mode: '5-or-6-parts', paused: true })
}

/** The expression in croner's format. Letters are only allowed for names and L, in either case. */
function secondsFirst(expression: string, seconds: 'first' | 'last'): string {
  const fields = expression.split(' ')
  return seconds === 'last' && fields.length === 6 ? [fields[5], ...fields.slice(0, 5)].join(' ') : expression
}

function checkExpression(trigger: CronTrigger, field: string): void {
  const { expression, seconds } = trigger
  if (expression.startsWith('@')) {
    if (problemOf(expression) !== undefined)
      throw new InvalidInputError(field, `"${expression}" is not a known nickname; use @hourly, @daily, @weekly, @monthly or @yearly`)
    return
  }
  const fields = expression.split(' ')
  if (fields.length !== 5 && fields.length !== 6) {
    throw new InvalidInputError(field, `a cron expression has 5 fields, or 6 with seconds; "${expression}" has ${fields.length}`)
  }
  const names = fields.length === 5 ? FIELDS : seconds === 'first' ? ['second', ...FIELDS] : [...FIELDS, 'second']
  for (const [index, text] of fields.entries()) {
    const alone = names.map((_, at) => (at === index ? text : '*')).join(' ')
    const problem = problemOf(secondsFirst(alone, seconds))
    if (problem !== undefined)
      throw new InvalidInputError(field, `the ${names[index]} "${text}" (field ${index + 1}) is invalid: ${problem}`)
  }
}

/** Croner's objection to an expression. */
function problemOf(expression: string): string | undefined {
  try {
    new Cron(expression, { mode: '5-or-6-parts', paused: true, timezone: 'UTC' })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.replace(/^Cron\w*: /, '') : String(error)
  }
}

function timeText(field: string, text: string | undefined): string {
  const time = Date.parse(text ?? '')
  if (Number.isNaN(time)) throw new InvalidInputError(field, `"${text ?? ''}" is not a time`)
  return new Date(time).toISOString()
}

/** The zone's name in the standard's spelling. @throws InvalidInputError */
function zoneName(field: string, zone: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone
  } catch {
    throw new InvalidInputError(field, `"${zone}" is not a known time zone; use a name such as Europe/Berlin or UTC`)
  }
}
