/** Formats values for people. Pure. */

/** `1.4 s`, `2 min 05 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000
  if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`
  const minutes = Math.round(whole / 60)
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`
  const hours = Math.round(minutes / 60)
  return `${Math.floor(hours / 24)} d ${hours % 24} h`
}

/** `just now`, `5 min ago`, `in 2 h`; older or later, the date. */
export function ago(time: string | null, nowMs: number): string {
  if (time === null) return ''
  const ms = nowMs - Date.parse(time)
  const past = ms >= 0
  const minutes = Math.round(Math.abs(ms) / 60_000)
  if (minutes < 1) return past ? 'just now' : 'in a moment'
  const shown = minutes < 60 ? `${minutes} min` : minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : undefined
  if (!shown) return time.slice(0, 10)
  return past ? `${shown} ago` : `in ${shown}`
}

/** `512 B`, `1.4 MB`: powers of 1000, as on disk labels. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** `12 / 24 (50 %)` */
export function ratio(done: number, total: number): string {
  return total > 0 ? `${done} / ${total} (${Math.floor((done / total) * 100)} %)` : `${done} / ${total}`
}

/** Text for one terminal line: control characters are shown as visible ones. */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (character) => (character === '\n' || character === '\t' ? ' ' : '\ufffd'))
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
