/** The HTTP Range header: one range of bytes. Pure. */

/** Bytes [start, end). */
export interface ByteRange {
  start: number
  end: number
}

/**
 * The requested range, within `size` bytes. Undefined: send everything (no header, several ranges, or an invalid one,
 * which HTTP says to ignore). 'unsatisfiable': it is outside.
 */
export function parseRange(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '')
  if (!match) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'unsatisfiable' : { start: size - count, end: size }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= size) return 'unsatisfiable'
  return { start, end: last === '' ? size : Math.min(Number(last) + 1, size) }
}
