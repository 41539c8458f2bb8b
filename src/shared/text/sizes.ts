/** Sizes as people write and read them; powers of 1000, as disks and file managers show them. Pure. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const
const SIZE = /^(\d+(?:[.,]\d+)?)\s*(?:([kmgt])(i?)b?|b)?$/i

/** `512 B`, `1.4 MB`. */
export function sizeText(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit++
  }
  const digits = unit === 0 || value >= 99.5 || Number.isInteger(value) ? String(Math.round(value)) : value.toFixed(1)
  return `${digits} ${UNITS[unit]}`
}

/** Bytes of `500`, `64kB`, `1.5 GB`, `100 MiB` (powers of 1024); undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const match = SIZE.exec(text.trim())
  if (!match) return undefined
  const [, number = '', letter = '', binary = ''] = match
  const power = letter === '' ? 0 : 'kmgt'.indexOf(letter.toLowerCase()) + 1
  const bytes = Math.round(Number(number.replace(',', '.')) * (binary === '' ? 1000 : 1024) ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
