/** What a schedule does now: which firings count, what happens to one while earlier work runs, names. Pure. */
import type { FiringCause, MissedPolicy, OverlapPolicy, Trigger } from '../../../../shared/schemas/schedule.ts'
import { firingsBetween, nextFiring, nextFirings } from './trigger.ts'

/** A later firing counts as missed: the manager was not running. A shorter delay is a restart. */
export const MISSED_AFTER_MS = 60_000
/** Missed firings are counted up to this number. */
const COUNTED = 1_000
/** Most waiting firings of one schedule; more are skipped. */
export const MAX_WAITING = 100

/** What to do for due firings. Carried out in one transaction; then the next step is computed. */
export interface Step {
  /** A firing for this moment, or none. */
  fire: { dueAt: number; cause: Exclude<FiringCause, 'manual'> } | null
  /** Dropped firings: how many (counted up to a limit), and the time of the first one. */
  dropped: { count: number; dueAt: number } | null
  /** The next firing after this step; null: none remains. */
  nextAt: number | null
}

export interface DueSchedule {
  trigger: Trigger
  /** The earliest unprocessed firing. */
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
  // A time in the past that a person set (a moment, an anchor) is due, though the trigger no longer has such a firing.
  const late = firingsBetween(trigger, nextAt, onTimeFrom - 1, Math.max(missedLimit, COUNTED))
  const made = late.length > 0 ? late : [nextAt]
  const kept = missed === 'skip' ? [] : made.slice(-(missed === 'once' ? 1 : missedLimit))
  const count = made.length - kept.length
  const dropped = count > 0 ? { count, dueAt: made[0] ?? nextAt } : null
  const [first] = kept
  if (first === undefined) return { fire: null, dropped, nextAt: nextFiring(trigger, onTimeFrom - 1) }
  return { fire: { dueAt: first, cause: 'missed' }, dropped, nextAt: kept[1] ?? nextFiring(trigger, Math.max(first, onTimeFrom - 1)) }
}

/** A clock that goes back by less than this does not repeat daily firings; cron does the same. */
const CORRECTION_MS = 3 * 3_600_000

/**
 * The next firing of a schedule after the clock may have been set back: the first one in the new time if that is
 * further back than a period, or than a correction of the clock; otherwise `nextAt`, so that nothing is done twice.
 */
export function nextAfterStep(trigger: Trigger, nextAt: number, now: number): number {
  if (trigger.kind === 'at' || nextAt <= now) return nextAt
  const [first, second] = firingsFrom(trigger, nextAt, now)
  if (first === undefined || second === undefined || first >= nextAt) return nextAt
  const period = second - first
  return nextAt - period - now > Math.min(period, CORRECTION_MS) ? first : nextAt
}

/** A started interval also has its grid before its anchor: the anchor may be a moment of the old time. */
function firingsFrom(trigger: Trigger, nextAt: number, now: number): number[] {
  if (trigger.kind !== 'interval' || nextAt <= Date.parse(trigger.from)) return nextFirings(trigger, now, 2)
  const every = trigger.everySeconds * 1000
  const first = nextAt - Math.floor((nextAt - now - 1) / every) * every
  return [first, first + every]
}

export type OverlapDecision = 'fire' | 'wait' | 'skip' | 'replace'

/**
 * What happens to a firing.
 * @param running work of earlier firings is not finished
 * @param waiting earlier firings that are already waiting
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
