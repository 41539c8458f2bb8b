/** Round moments for a time axis. Pure; in milliseconds. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const STEPS = [
  1000,
  5000,
  15_000,
  30_000,
  MINUTE,
  2 * MINUTE,
  5 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  30 * DAY,
]

/** At most `most` moments between `start` and `end`, on round steps of the local clock. */
export function timeTicks(start: number, end: number, most: number, zoneOffsetMs = new Date(start).getTimezoneOffset() * MINUTE): number[] {
  const span = end - start
  if (span <= 0 || most < 1) return []
  const step = STEPS.find((candidate) => span / candidate <= most) ?? 30 * DAY
  const ticks: number[] = []
  for (let at = Math.ceil((start - zoneOffsetMs) / step) * step + zoneOffsetMs; at <= end; at += step) ticks.push(at)
  return ticks
}
