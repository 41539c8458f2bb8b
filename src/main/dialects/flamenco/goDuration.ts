/** Durations as Go writes and reads them: `10m0s`, `1.5h`, `300ms`. Pure. */

const UNIT_MS: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 1e-3, µs: 1e-3, μs: 1e-3, ns: 1e-6 }

/** Whole milliseconds in the format of Go's Duration.String(). */
export function formatGoDuration(ms: number): string {
  if (ms === 0) return '0s'
  const sign = ms < 0 ? '-' : ''
  const total = Math.abs(ms)
  if (total < 1000) return `${sign}${total}ms`
  const hours = Math.floor(total / 3_600_000)
  const minutes = Math.floor((total % 3_600_000) / 60_000)
  const seconds = (total % 60_000) / 1000
  const short = `${seconds}s`
  if (hours > 0) return `${sign}${hours}h${minutes}m${short}`
  return minutes > 0 ? `${sign}${minutes}m${short}` : sign + short
}

/** Milliseconds, rounded to whole ones; undefined when the text is not a duration. */
export function parseGoDuration(text: string): number | undefined {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|m|s|us|µs|μs|ns))+|0)$/.exec(text)
  if (!match) return undefined
  let total = 0
  for (const [, number, unit] of match[2]?.matchAll(/(\d+\.?\d*|\.\d+)(h|ms|m|s|us|µs|μs|ns)/g) ?? []) {
    total += Number(number) * (UNIT_MS[unit ?? ''] ?? 0)
  }
  const ms = Math.round(match[1] === '-' ? -total : total)
  return Number.isSafeInteger(ms) ? ms : undefined
}
