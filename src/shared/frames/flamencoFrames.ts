/**
 * Frames as Flamenco's frameChunker and frameCount parse them, for scripts written for them: parts separated by
 * commas, each a whole number ≥ 0 or an inclusive range written with `-` or `..`; sorted, and a range that runs backwards
 * contributes nothing. Anything outside this grammar is parsed by frameRange.ts.
 */
import { chunkFrames, countFrames, FrameRangeError, MAX_CHUNKS } from './frameRange.ts'

/** Inclusive at both ends; in a list: sorted, neither overlapping nor adjacent. */
interface Interval {
  first: number
  last: number
}

/** The distinct frames as merged intervals in ascending order; undefined for text that Flamenco rejects. @throws FrameRangeError when no frame remains */
function parse(text: string): Interval[] | undefined {
  if (text.trim() === '') throw new FrameRangeError('', 'empty range')
  const found: Interval[] = []
  for (const part of text.trim().replaceAll('..', '-').split(',')) {
    const pieces = part.split('-')
    const first = frameOf(pieces[0] ?? '')
    const last = pieces[1] === undefined ? first : frameOf(pieces[1])
    if (pieces.length > 2 || first === undefined || last === undefined) return undefined
    if (first <= last) found.push({ first, last })
  }
  if (found.length === 0) throw new FrameRangeError(text, 'empty range')
  return merge(found)
}

function frameOf(piece: string): number | undefined {
  const frame = /^\s*\+?\d+\s*$/.test(piece) ? Number(piece) : undefined
  return frame !== undefined && Number.isSafeInteger(frame) ? frame : undefined
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

/** Flamenco's frameCount: the number of distinct frames. @throws FrameRangeError */
export function flamencoFrameCount(text: string): number {
  const intervals = parse(text)
  return intervals === undefined ? countFrames(text) : countIn(intervals)
}

function countIn(intervals: readonly Interval[]): number {
  return intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/**
 * Flamenco's frameChunker: ranges of `chunkSize` frames (the last may be shorter), ascending, each written with `-`:
 * runs of three or more as `a-b`, shorter ones as single frames. @throws FrameRangeError
 */
export function flamencoFrameChunks(text: string, chunkSize: number): string[] {
  const size = Math.trunc(chunkSize)
  const intervals = parse(text)
  if (!(size >= 1)) throw new FrameRangeError(text, `chunk size must be at least 1, not ${String(chunkSize)}`)
  if (intervals === undefined) return chunkFrames(text, chunkSize)
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
