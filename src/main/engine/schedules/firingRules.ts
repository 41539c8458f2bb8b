/** What a schedule does now: which firings count, what becomes of one while earlier work runs, names. Pure. */
import type { FiringCause, MissedPolicy, OverlapPolicy, Trigger } from '../../../shared/schemas/schedule.ts'
import { firingsBetween, nextFiring } from './trigger.ts'

/** A firing that is later than this was missed: the manager was not running. Less is how long a restart takes. */
export const MISSED_AFTER_MS = 60_000
/** Missed firings are counted up to here. */
const COUNTED = 1_000
/** Firings of one schedule that wait at once; more are skipped. */
export const MAX_WAITING = 100

/** What is to be done for firings whose time has come. Done in one transaction; then the next step is asked for. */
export interface Step {
  /** A firing for this moment, or none. */
  fire: { dueAt: number; cause: Exclude<FiringCause, 'manual'> } | null
  /** Firings that are dropped: how many (counted up to a limit), and the moment of the first one. */
  dropped: { count: number; dueAt: number } | null
  /** Where the schedule stands after it; null: it has no firing left. */
  nextAt: number | null
}

export interface DueSchedule {
  trigger: Trigger
  /** The earliest firing that has not been dealt with. */
  nextAt: number | null
  missed: MissedPolicy
  /** For `all`: how many at most. */
  missedLimit: number
}

/** The next thing to do for a schedule; null when nothing is due at `now`. */
export function nextStep({ trigger, nextAt, missed, missedLimit }: DueSchedule, now: number): Step | null {
  if (nextAt === null || nextAt > now) return null
  const onTimeFrom = now - MISSED_AFTER_MS
  if (nextAt >= onTimeFrom) return { fire: { dueAt: nextAt, cause: 'due' }, dropped: null, nextAt: nextFiring(trigger, nextAt) }
  // What somebody moved to the past (a moment, an anchor) is due though the trigger has no such firing any more.
  const late = firingsBetween(trigger, nextAt, onTimeFrom - 1, Math.max(missedLimit, COUNTED))
  const made = late.length > 0 ? late : [nextAt]
  const kept = missed === 'skip' ? [] : made.slice(-(missed === 'once' ? 1 : missedLimit))
  const count = made.length - kept.length
  const dropped = count > 0 ? { count, dueAt: made[0] ?? nextAt } : null
  const [first] = kept
  if (first === undefined) return { fire: null, dropped, nextAt: nextFiring(trigger, onTimeFrom - 1) }
  return { fire: { dueAt: first, cause: 'missed' }, dropped, nextAt: kept[1] ?? nextFiring(trigger, Math.max(first, onTimeFrom - 1)) }
}

export type OverlapDecision = 'fire' | 'wait' | 'skip' | 'replace'

/**
 * What becomes of a firing.
 * @param running work of earlier firings that is not finished
 * @param waiting firings before it that wait already
 */
export function overlapDecision(policy: OverlapPolicy, running: boolean, waiting: number): OverlapDecision {
  if (policy === 'queue') {
    if (waiting >= MAX_WAITING) return 'skip'
    return running || waiting > 0 ? 'wait' : 'fire'
  }
  if (!running || policy === 'allow') return 'fire'
  return policy
}

/**
 * A job's name at a firing: `{n}` its number, `{date}` 2026-01-31 and `{time}` 14.05.00 of the moment it was due, in the
 * trigger's time zone (UTC for triggers without one). Other braces stay as they are.
 */
export function jobNameAt(template: string, firing: { number: number; dueAt: number }, trigger: Trigger): string {
  const { date, time } = wallClock(firing.dueAt, trigger.kind === 'cron' ? trigger.timeZone : 'UTC')
  const values: Record<string, string> = { n: String(firing.number), date, time }
  return template.replaceAll(/\{(n|date|time)\}/g, (whole, key: string) => values[key] ?? whole)
}

function wallClock(at: number, timeZone: string): { date: string; time: string } {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  })
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return { date: `${parts['year']}-${parts['month']}-${parts['day']}`, time: `${parts['hour']}.${parts['minute']}.${parts['second']}` }
}
