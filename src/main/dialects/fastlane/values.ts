/** Values in Fastlane's own formats: times, durations, hidden values, images, ids. Pure. */

/** UTC without a zone, six digits of fraction, none when it is zero: `2019-01-17T15:13:02.614000` (protocol 1.2). */
export function wireTime(ms: number): string {
  const text = new Date(ms).toISOString().slice(0, -1)
  return text.endsWith('.000') ? text.slice(0, -4) : `${text}000`
}

export function wireTimeOrNull(ms: number | null): string | null {
  return ms === null ? null : wireTime(ms)
}

/** `4h30m25s`, `2m30s`, `10s` in milliseconds; undefined for any other text (protocol 3.2). */
export function startInMs(text: string): number | undefined {
  const match = /^(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,12})s)?$/.exec(text)
  if (!match || text === '') return undefined
  const [, hours = '0', minutes = '0', seconds = '0'] = match
  return (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000
}

/** A UUID in any spelling that the original accepts, as lower case with hyphens; undefined when it is invalid. */
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

/** Adds `latest` when there is neither tag nor digest; a registry's port is not a tag (protocol 5.3). */
export function fullImage(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') || name === '' ? image : `${image}:latest`
}

/** Which addresses the blacklist accepts (protocol 2.15, and any engine that the farm has). */
export function isHostText(text: string, known: readonly string[]): boolean {
  if (known.includes(text)) return true
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:/\s[\]]+)):(\d{1,5})$/.exec(text)
  if (!match || Number(match[3]) > 65_535) return false
  if (match[1] !== undefined) return match[1].includes(':')
  const name = match[2] ?? ''
  return name === 'localhost' || /^[a-z0-9_-]+(\.[a-z0-9_-]+)*\.[a-z0-9_-]{2,}$/.test(name) || /^\d{1,3}(\.\d{1,3}){3}$/.test(name)
}
