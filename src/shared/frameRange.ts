/**
 * Frame ranges as people write them (`1-10, 20..25, 40`), with the grammar of Flamenco's frameChunker: parts separated
 * by commas, each a whole number ≥ 0 or an inclusive range written with `-` or `..`. Kept as intervals, so a range of a
 * billion frames costs no more than one of ten.
 */

/** Inclusive at both ends; in a list: sorted, not overlapping and not adjacent. */
export interface Interval {
  first: number
  last: number
}

/** A text that is no frame range; the message says which part and why. */
export class FrameRangeError extends Error {
  override readonly name = 'FrameRangeError'
  constructor(text: string, reason: string) {
    super(`invalid range "${text}": ${reason}`)
  }
}

/** More chunks than this are a typing mistake, not a job. */
export const MAX_CHUNKS = 1_000_000

/** The distinct frames of a range as merged intervals in ascending order. @throws FrameRangeError, also when none remains */
export function parseFrameRange(text: string): Interval[] {
  if (text.trim() === '') throw new FrameRangeError(text.trim(), 'empty range')
  const found: Interval[] = []
  for (const part of text.trim().replaceAll('..', '-').split(',')) {
    const pieces = part.split('-')
    if (pieces.length > 2) throw new FrameRangeError(text, `"${part.trim()}" is neither a frame nor a range`)
    const first = parseFrame(text, pieces[0] ?? '')
    const last = pieces[1] === undefined ? first : parseFrame(text, pieces[1])
    if (first <= last) found.push({ first, last })
  }
  if (found.length === 0) throw new FrameRangeError(text, 'empty range')
  return merge(found)
}

function parseFrame(text: string, piece: string): number {
  const trimmed = piece.trim()
  if (!/^\+?\d+$/.test(trimmed)) {
    throw new FrameRangeError(text, trimmed === '' ? 'a frame number is missing' : `"${trimmed}" is not a frame number`)
  }
  const frame = Number(trimmed)
  if (!Number.isSafeInteger(frame)) throw new FrameRangeError(text, `frame number "${trimmed}" is too large`)
  return frame
}

function merge(intervals: Interval[]): Interval[] {
  const merged: Interval[] = []
  for (const { first, last } of intervals.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1)
    if (previous !== undefined && first <= previous.last + 1) previous.last = Math.max(previous.last, last)
    else merged.push({ first, last })
  }
  return merged
}

/** Number of distinct frames. @throws FrameRangeError */
export function countFrames(text: string): number {
  return countIn(parseFrameRange(text))
}

function countIn(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/**
 * Cuts a range into ranges of `chunkSize` frames (the last may be shorter), ascending, each written with `-`:
 * runs of three and more as `a-b`, shorter ones one by one. @throws FrameRangeError
 */
export function chunkFrames(text: string, chunkSize: number): string[] {
  const size = Math.trunc(chunkSize)
  const intervals = parseFrameRange(text)
  if (!(size >= 1)) throw new FrameRangeError(text, `chunk size must be at least 1, not ${String(chunkSize)}`)
  const total = countIn(intervals)
  if (total / size > MAX_CHUNKS) throw new FrameRangeError(text, `${total} frames make more than ${MAX_CHUNKS} chunks of ${size}`)
  const chunks: string[] = []
  let chunk: string[] = []
  let room = size
  for (const { first, last } of intervals) {
    for (let start = first; start <= last;) {
      const end = Math.min(last, start + room - 1)
      writeRun(chunk, start, end)
      room -= end - start + 1
      start = end + 1
      if (room > 0) continue
      chunks.push(chunk.join(','))
      chunk = []
      room = size
    }
  }
  if (chunk.length > 0) chunks.push(chunk.join(','))
  return chunks
}

function writeRun(into: string[], first: number, last: number): void {
  if (last - first >= 2) into.push(`${first}-${last}`)
  else for (let frame = first; frame <= last; frame++) into.push(String(frame))
}

/** The frames themselves, ascending. @throws FrameRangeError, also when there are more than `limit` */
export function listFrames(text: string, limit = MAX_CHUNKS): number[] {
  const intervals = parseFrameRange(text)
  const total = countIn(intervals)
  if (total > limit) throw new FrameRangeError(text, `${total} frames are more than the ${limit} that are possible here`)
  const frames: number[] = []
  for (const { first, last } of intervals) for (let frame = first; frame <= last; frame++) frames.push(frame)
  return frames
}
