/** Numbers and times as people read them. Pure; times in the user's zone through Intl. */

let mark = '.'
/** Sets how decimals are written from now on: `0,5` in German. */
export function writeDecimalsIn(language: string): void {
  mark = new Intl.NumberFormat(language).formatToParts(0.5).find(({ type }) => type === 'decimal')?.value ?? '.'
}
/** A number with so many digits behind the decimal mark. */
export const decimals = (value: number, digits: number): string => value.toFixed(digits).replace('.', mark)

/** `12 s`, `4:05`, `2:31:07`, `3 d 4 h`. Seconds in; negative and non-finite become a dash. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) return '–'
  if (seconds < 10) return `${decimals(seconds, 1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  const h = Math.floor(whole / 3600)
  const m = Math.floor((whole % 3600) / 60)
  const s = whole % 60
  if (h >= 48) return `${Math.floor(h / 24)} d ${h % 24} h`
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

const two = (n: number) => String(n).padStart(2, '0')

/** Rough, for ETA: `< 1 min`, `4 min`, `2 h 10 min`, `3 d`. */
export function roughDuration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return '–'
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const h = Math.floor(minutes / 60)
  if (h < 48) return minutes % 60 ? `${h} h ${minutes % 60} min` : `${h} h`
  return `${Math.round(h / 24)} d`
}

/** The person's own region of the language they chose: `en` on a British machine is `en-GB`. */
export function regional(locale: string | undefined): string | undefined {
  if (typeof navigator === 'undefined' || locale === undefined) return locale
  return navigator.languages.find((language) => language.toLowerCase().startsWith(locale)) ?? locale
}

/** `14:32`, or `Tue 14:32` when it is not today, or `3 Mar 14:32` when it is a week away. */
export function clock(time: string | number | null | undefined, now: number, language?: string): string {
  if (time === null || time === undefined) return '–'
  const moment = typeof time === 'number' ? time : Date.parse(time)
  const date = new Date(moment)
  const today = new Date(now)
  if (date.getDate() === today.getDate() && Math.abs(moment - now) < DAY_MS) return formatter(language, 'time').format(date)
  return formatter(language, Math.abs(moment - now) < 6 * DAY_MS ? 'weekday' : 'date').format(date)
}

const DAY_MS = 86_400_000
const HOURS = { hour: '2-digit', minute: '2-digit' } as const
const SHAPES: Record<'time' | 'weekday' | 'date', Intl.DateTimeFormatOptions> = {
  time: HOURS,
  weekday: { weekday: 'short', ...HOURS },
  date: { day: 'numeric', month: 'short', ...HOURS },
}
/** Making one costs a hundred times what using it does, and a list uses dozens in each frame of a scroll. */
const formatters = new Map<string, Intl.DateTimeFormat>()
function formatter(language: string | undefined, shape: keyof typeof SHAPES): Intl.DateTimeFormat {
  const key = `${language ?? ''}.${shape}`
  const known = formatters.get(key)
  if (known) return known
  const made = new Intl.DateTimeFormat(regional(language), SHAPES[shape])
  formatters.set(key, made)
  return made
}

/** `in the past 40 s` as `40 s ago`-style short form; the caller adds words. */
export function ago(time: string | null | undefined, now: number): string {
  if (!time) return '–'
  return roughDuration(Math.max(0, (now - Date.parse(time)) / 1000))
}

/** `1.4 GB`; decimal units, as disks and file managers show them. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined || !Number.isFinite(count)) return '–'
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let value = count
  let unit = 0
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : decimals(value, 1)} ${units[unit] ?? ''}`
}

/** Whole per cent that says 100 only when everything is done and 0 only when nothing is. */
export function percent(done: number, total: number): number {
  if (total <= 0 || done <= 0) return 0
  if (done >= total) return 100
  return Math.min(99, Math.max(1, Math.round((done / total) * 100)))
}

/** Numbers as people write them: `4, 7–9`. In: whole numbers in rising order. */
export function rangesOf(numbers: readonly number[]): string {
  const parts: [number, number][] = []
  for (const n of numbers) {
    const last = parts.at(-1)
    if (last && n === last[1] + 1) last[1] = n
    else if (n !== last?.[1]) parts.push([n, n])
  }
  return parts
    .map(([first, last]) => (first === last ? `${first}` : last === first + 1 ? `${first}, ${last}` : `${first}–${last}`))
    .join(', ')
}

/** Thousands separated by a thin space, as facts are set. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009')
}
