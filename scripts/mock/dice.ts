/** Numbers that look like chance and are the same each time. */

/** From 0 to below 1, always the same for a text (FNV-1a, mixed once more). */
export function dice(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}

/** A UUID that is always the same for a text. */
export function idOf(text: string): string {
  const hex = Array.from({ length: 4 }, (_, part) =>
    Math.floor(dice(`id ${text} ${part}`) * 2 ** 32)
      .toString(16)
      .padStart(8, '0'),
  ).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
