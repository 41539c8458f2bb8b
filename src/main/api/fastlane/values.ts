/** Small things that Fastlane writes in its own way: times, durations, hidden values, images, ids. Pure. */

/** UTC without a zone, six digits of fraction, none when it is zero: `2019-01-17T15:13:02.614000` (protocol 1.2). */
export function wireTime(ms: number): string {
  const text = new Date(ms).toISOString().slice(0, -1)
  return text.endsWith('.000') ? text.slice(0, -4) : `${text}000`
}

export function wireTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : wireTime(ms)
}

/** `4h30m25s`, `2m30s`, `10s` in milliseconds; undefined when the text is nothing of the kind (protocol 3.2). */
export function startInMs(text: string): number | undefined {
  const match = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,12})s)?$/.exec(text)
  if (!match || text === '') return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = match
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
}

/**
 * Hides values whose key contains one of the words, in any case, anywhere (protocol 3.5); a matching key hides all below
 * it. No words: nothing is hidden. The given object stays as it is.
 */
export function redact(value: unknown, words: string, replacement = '***'): unknown {
  const pattern = patternOf(words)
  return pattern ? redactBy(value, pattern, replacement) : value
}

function patternOf(words: string): RegExp | undefined {
  const list = words
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return list.length === 0 ? undefined : new RegExp(list.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'i')
}

function redactBy(value: unknown, pattern: RegExp, replacement: string): unknown {
  if (Array.isArray(value)) return value.map((each) => redactBy(each, pattern, replacement))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, pattern.test(key) ? replacement : redactBy(each, pattern, replacement)]),
  )
}

/** A UUID in any of the spellings that the original takes, as lower case with hyphens; undefined when it is none. */
export function normalUuid(text: string): string | undefined {
  const hex = text
    .replace(/^urn:/i, '')
    .replace(/^uuid:/i, '')
    .replace(/^\{|\}$/g, '')
    .replaceAll('-', '')
    .toLowerCase()
  if (!/^[0-9a-f]{32}$/.test(hex)) return undefined
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** `latest` when neither tag nor digest is given; a registry's port is no tag (protocol 5.3). */
export function fullImage(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') || name === '' ? image : `${image}:latest`
}

/** Which addresses may be put on or taken off the blacklist (protocol 2.15, and any engine that the farm knows). */
export function isHostText(text: string, known: readonly string[]): boolean {
  if (known.includes(text)) return true
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/.exec(text)
  if (!match || Number(match[3]) > 65_535) return false
  if (match[1] !== undefined) return match[1].includes(':')
  const name = match[2] ?? ''
  return name === 'localhost' || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z0-9_-]{2,}$/.test(name) || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)
}
