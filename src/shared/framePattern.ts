/**
 * Frame placeholders in arguments and file names: `{frame}`, `{start}`, `{end}`, `{count}`, `{chunk}`; numbers take a
 * width (`{frame:04}`, `{frame:4}`: zeros up to 4 digits). Other text in braces stays as it is, so variables and
 * expressions of the program can stand beside them.
 */
import { countFrames, parseFrameRange } from './frameRange.ts'

/** What the placeholders of a task stand for; `frame` is missing where a run is for the whole chunk. */
export interface FrameValues {
  frame?: number
  start: number
  end: number
  count: number
  chunk: string
}

const PLACEHOLDER = /\{(frame|start|end|count|chunk)(?::0?(\d{1,2}))?\}/g

/** The values of a chunk of frames. @throws FrameRangeError */
export function frameValues(chunk: string): FrameValues {
  const intervals = parseFrameRange(chunk)
  // Both exist: a parsed range is never empty.
  return { start: intervals[0]?.first ?? 0, end: intervals.at(-1)?.last ?? 0, count: countFrames(chunk), chunk }
}

/** True when the text asks for one run per frame. */
export function hasFramePlaceholder(text: string): boolean {
  return /\{frame(?::0?\d{1,2})?\}/.test(text)
}

/** Fills the placeholders; `{frame}` stays when there is no frame. */
export function expandFramePattern(text: string, values: FrameValues): string {
  return text.replace(PLACEHOLDER, (whole, name: keyof FrameValues, width: string | undefined) => {
    const value = values[name]
    if (value === undefined) return whole
    return typeof value === 'number' && width !== undefined ? String(value).padStart(Number(width), '0') : String(value)
  })
}
