/**
 * Frame ranges as people write them, with one parser for the manager, its job types, forms and the
 * command line. Parts separated by commas, in the order in which they should be rendered:
 *
 * - `47`, `-3`: a frame
 * - `1-100`, `1..100`, `-5-5`, `-3..-1`, `10-1` (backwards): a range, inclusive at both ends
 * - `1-100x10`, `1-100:10`: every tenth frame, beginning with the first
 *
 * A repeated frame counts once. Stored as runs, so a range of a billion frames costs no more than one of ten.
 */

/** `first`, `first + step`, … `last`. A single frame has step 1; a backwards run has a negative step. */
export interface FrameRun {
  first: number
  last: number
  step: number
}

/** Examples of valid frame ranges. */
export const FRAME_EXAMPLES = '1-100, 1-100x10 (every tenth), 5,3,1 or -5-5'

/** Invalid frame range; the message says which part is invalid and why. */
export class FrameRangeError extends Error {
  override readonly name = 'FrameRangeError'
  constructor(
    text: string,
    /** The reason, without the invalid text. */
    readonly reason: string,
  ) {
    super(`invalid range "${text}": ${reason}`)
  }
}

/** More chunks are a typing mistake, not a job. */
export const MAX_CHUNKS = 1_000_000
/** With more frames than MAX_LISTED, overlapping ranges are compared pairwise; no more ranges than this. */
const MAX_COMPARED = 1_000
/** Overlapping ranges are listed frame by frame to find duplicates; no more frames than this. */
const MAX_LISTED = 2_000_000

const PART = /^([+-]?\d+)(?:\s*(?:-|\.\.)\s*([+-]?\d+)(?:\s*[x:]\s*(\d+))?)?$/i

/** What most tasks have, and is read for each of them: smaller than the largest frame number. */
const ONE_FRAME = /^\d{1,6}$/

/** The frames in the order in which they are written, without duplicates. @throws FrameRangeError, with examples of valid ranges */
export function parseFrameRange(text: string): FrameRun[] {
  const trimmed = text.trim()
  if (trimmed === '') throw new FrameRangeError('', `empty range; write ${FRAME_EXAMPLES}`)
  if (ONE_FRAME.test(trimmed)) return [{ first: Number(trimmed), last: Number(trimmed), step: 1 }]
  const runs = trimmed.split(',').map((part) => parsePart(trimmed, part.trim()))
  return withoutRepeats(trimmed, runs)
}

function parsePart(text: string, part: string): FrameRun {
  const [, start, end, every] = PART.exec(part) ?? []
  if (start === undefined) throw new FrameRangeError(text, `${whatIsWrong(part)}; write ${FRAME_EXAMPLES}`)
  const first = numberOf(text, start)
  if (end === undefined) return { first, last: first, step: 1 }
  const step = every === undefined ? 1 : numberOf(text, every)
  if (step === 0) throw new FrameRangeError(text, `the step in "${part}" must be at least 1, as in 1-100x10`)
  return runOf(first, numberOf(text, end), step)
}

function whatIsWrong(part: string): string {
  if (part === '') return 'a frame number is missing'
  if (/^[+-]?\d+\s*(-|\.\.)$/.test(part)) return `a frame number is missing after "${part}"`
  if (/^[+-]?\d+\s*[x:]/i.test(part)) return `"${part}" has a step without a range`
  if (/^[+-]?\d+\s*(-|\.\.)/.test(part)) return `"${part}" is neither a frame nor a range`
  return `"${part}" is not a frame number`
}

function numberOf(text: string, digits: string): number {
  const frame = Number(digits)
  if (!Number.isSafeInteger(frame)) throw new FrameRangeError(text, `frame number "${digits}" is too large`)
  // −0 would be written differently from 0.
  return frame === 0 ? 0 : frame
}

/** From `first` towards `end` in steps of `step` > 0; `last` is the last frame reached. */
function runOf(first: number, end: number, step: number): FrameRun {
  const steps = Math.floor(Math.abs(end - first) / step)
  if (steps === 0) return { first, last: first, step: 1 }
  const signed = end < first ? -step : step
  return { first, last: first + steps * signed, step: signed }
}

const lengthOf = ({ first, last, step }: FrameRun): number => (last - first) / step + 1
const lowest = ({ first, last }: FrameRun): number => Math.min(first, last)
const highest = ({ first, last }: FrameRun): number => Math.max(first, last)

/** Number of frames in the runs. */
export function framesIn(runs: readonly FrameRun[]): number {
  return runs.reduce((sum, run) => sum + lengthOf(run), 0)
}

/** Lowest and highest frame. `runs` must not be empty. */
export function boundsOf(runs: readonly FrameRun[]): { lowest: number; highest: number } {
  return runs.reduce((bounds, run) => ({ lowest: Math.min(bounds.lowest, lowest(run)), highest: Math.max(bounds.highest, highest(run)) }), {
    lowest: Infinity,
    highest: -Infinity,
  })
}

function withoutRepeats(text: string, runs: FrameRun[]): FrameRun[] {
  if (!overlapSomewhere(runs)) return joined(runs)
  const total = framesIn(runs)
  if (total > MAX_LISTED && runs.length > MAX_COMPARED) throw new FrameRangeError(text.slice(0, 200), 'too many ranges overlap')
  if (total > MAX_LISTED) return joined(runs.reduce<FrameRun[]>((kept, run) => [...kept, ...without(text, run, kept)], []))
  return joined([...new Set(framesOf(runs))].map((frame) => ({ first: frame, last: frame, step: 1 })))
}

function overlapSomewhere(runs: readonly FrameRun[]): boolean {
  const sorted = runs.toSorted((a, b) => lowest(a) - lowest(b))
  return sorted.some((run, at) => at > 0 && lowest(run) <= highest(sorted[at - 1] ?? run))
}

/** The part of a run that no other run contains: for ranges that are too long to list. */
function without(text: string, run: FrameRun, others: readonly FrameRun[]): FrameRun[] {
  let left = [run]
  for (const other of others) {
    left = left.flatMap((piece) => {
      const from = lowest(other)
      const to = highest(other)
      if (highest(piece) < from || lowest(piece) > to) return [piece]
      if (Math.abs(piece.step) !== 1 || Math.abs(other.step) !== 1)
        throw new FrameRangeError(text, `"${writeRun(piece)}" and "${writeRun(other)}" overlap in too many frames`)
      const below = lowest(piece) < from ? [{ first: lowest(piece), last: from - 1, step: 1 }] : []
      const above = highest(piece) > to ? [{ first: to + 1, last: highest(piece), step: 1 }] : []
      const pieces = [...below, ...above]
      return piece.step > 0 ? pieces : pieces.reverse().map(({ first, last }) => ({ first: last, last: first, step: -1 }))
    })
  }
  return left.map(({ first, last }) => runOf(first, last, Math.abs(run.step)))
}

/** The same frames in the same order in fewer runs: `1,2,3,4-9` becomes one, and so does `10,20,30`. */
function joined(runs: readonly FrameRun[]): FrameRun[] {
  const found: FrameRun[] = []
  for (const run of runs) {
    const previous = found.at(-1)
    const before = found.at(-2)
    if (previous === undefined) found.push({ ...run })
    else if (
      isSingle(run) &&
      isSingle(previous) &&
      before !== undefined &&
      isSingle(before) &&
      run.first - previous.first === previous.first - before.first
    ) {
      // Three evenly spaced single frames.
      found.splice(-2, 2, { first: before.first, last: run.first, step: run.first - previous.first })
    } else if (isSingle(run) && isSingle(previous) && Math.abs(run.first - previous.first) === 1) {
      found.splice(-1, 1, { first: previous.first, last: run.first, step: run.first - previous.first })
    } else if (isSingle(run) && !isSingle(previous) && previous.last + previous.step === run.first) previous.last = run.first
    else if (!isSingle(run) && isSingle(previous) && previous.first + run.step === run.first)
      Object.assign(previous, { step: run.step, last: run.last })
    else if (!isSingle(run) && !isSingle(previous) && run.step === previous.step && previous.last + previous.step === run.first)
      previous.last = run.last
    else found.push({ ...run })
  }
  return found
}

const isSingle = ({ first, last }: FrameRun): boolean => first === last

/** Number of distinct frames. @throws FrameRangeError */
export function countFrames(text: string): number {
  return framesIn(parseFrameRange(text))
}

/**
 * Splits a range into ranges of `chunkSize` frames (the last may be shorter), in the order in which they are written.
 * @throws FrameRangeError
 */
export function chunkFrames(text: string, chunkSize: number): string[] {
  const size = Math.trunc(chunkSize)
  const runs = parseFrameRange(text)
  if (!(size >= 1)) throw new FrameRangeError(text, `chunk size must be at least 1, not ${String(chunkSize)}`)
  const total = framesIn(runs)
  if (total / size > MAX_CHUNKS) throw new FrameRangeError(text, `${total} frames make more than ${MAX_CHUNKS} chunks of ${size}`)
  const chunks: string[] = []
  let chunk: FrameRun[] = []
  let room = size
  for (const { first, last, step } of runs) {
    let left = lengthOf({ first, last, step })
    for (let start = first; left > 0;) {
      const taken = Math.min(left, room)
      chunk.push({ first: start, last: start + (taken - 1) * step, step })
      start += taken * step
      left -= taken
      room -= taken
      if (room > 0) continue
      chunks.push(writeFrames(chunk))
      chunk = []
      room = size
    }
  }
  if (chunk.length > 0) chunks.push(writeFrames(chunk))
  return chunks
}

/** Writes the runs as text that parses to the same frames in the same order. */
export function writeFrames(runs: readonly FrameRun[]): string {
  return runs.map(writeRun).join(',')
}

/** One or two frames are written individually; a range with a negative frame uses dots, so that no dash is ambiguous. */
function writeRun({ first, last, step }: FrameRun): string {
  if (first === last) return String(first)
  if (first + step === last) return `${first},${last}`
  const range = first < 0 || last < 0 ? `${first}..${last}` : `${first}-${last}`
  return Math.abs(step) === 1 ? range : `${range}x${Math.abs(step)}`
}

/** The frame numbers of the runs, in order. */
export function* framesOf(runs: readonly FrameRun[]): Generator<number> {
  for (const { first, step, last } of runs) for (let frame = first; step > 0 ? frame <= last : frame >= last; frame += step) yield frame
}

/** The frames, in order. @throws FrameRangeError, also when there are more than `limit` */
export function listFrames(text: string, limit = MAX_CHUNKS): number[] {
  const runs = parseFrameRange(text)
  const total = framesIn(runs)
  if (total > limit) throw new FrameRangeError(text, `${total} frames exceed the maximum of ${limit}`)
  return [...framesOf(runs)]
}

/** True when the two have a frame in common. Invalid ranges count as all frames. */
export function shareFrames(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => {
    try {
      return parseFrameRange(text)
    } catch {
      return undefined
    }
  })
  if (left === undefined || right === undefined) return true
  return left.some((run) => right.some((other) => runsMeet(run, other)))
}

function runsMeet(a: FrameRun, b: FrameRun): boolean {
  const from = Math.max(lowest(a), lowest(b))
  const to = Math.min(highest(a), highest(b))
  if (from > to) return false
  const [fine, coarse] = Math.abs(a.step) <= Math.abs(b.step) ? [a, b] : [b, a]
  const coarseStep = Math.abs(coarse.step)
  const fineStep = Math.abs(fine.step)
  // The first frame of the coarser run at or above `from`; after `fineStep` of its frames the pattern repeats.
  const start = lowest(coarse) + Math.ceil((from - lowest(coarse)) / coarseStep) * coarseStep
  for (let n = 0, frame = start; n < fineStep && frame <= to; n++, frame += coarseStep)
    if ((frame - lowest(fine)) % fineStep === 0) return true
  return false
}

/** Maximum numbers per argument: with more, systems refuse to start a program. */
const MAX_IN_ARGUMENT = 1_000

/**
 * The frames in the syntax of Blender's `--render-frame`, split into arguments: numbers and `a..b` with 0 ≤ a < b.
 * It supports no steps, backwards ranges or negative ranges, so these are listed. @throws FrameRangeError
 */
export function blenderFrameArguments(text: string): string[] {
  const runs = parseFrameRange(text)
  const words = runs.flatMap((run) =>
    run.step === 1 && run.first >= 0 && run.last - run.first >= 2 ? [`${run.first}..${run.last}`] : [...framesOf([run])].map(String),
  )
  const parts: string[] = []
  for (let at = 0; at < words.length; at += MAX_IN_ARGUMENT) parts.push(words.slice(at, at + MAX_IN_ARGUMENT).join(','))
  return parts
}
