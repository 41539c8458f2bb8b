/**
 * Frame placeholders in arguments and file names: `{frame}`, `{start}`, `{end}`, `{step}`, `{count}`, `{chunk}`; numbers
 * take a width (`{frame:04}`, `{frame:4}`: zero-padded to 4 digits, not counting the sign, as in Blender's file names). Other text in braces is left unchanged,
 * so that variables and expressions of the program can be used alongside.
 */
import { boundsOf, framesIn, parseFrameRange } from './frameRange.ts'

/** The values of a task's placeholders; `frame` is absent when one run covers the whole chunk. */
export interface FrameValues {
  frame?: number
  /** Lowest and highest frame. */
  start: number
  end: number
  /** Distance between frames; 1 when they are not evenly spaced. */
  step: number
  count: number
  chunk: string
}

const PLACEHOLDER = /\{(frame|start|end|step|count|chunk)(?::0?(\d{1,2}))?\}/g

/** The values of a chunk of frames. @throws FrameRangeError */
export function frameValues(chunk: string): FrameValues {
  const runs = parseFrameRange(chunk)
  const { lowest, highest } = boundsOf(runs)
  return { start: lowest, end: highest, step: runs.length === 1 ? Math.abs(runs[0]?.step ?? 1) : 1, count: framesIn(runs), chunk }
}

/** True when the text asks for one run per frame. */
export function hasFramePlaceholder(text: string): boolean {
  return /\{frame(?::0?\d{1,2})?\}/.test(text)
}

/** Fills the placeholders; leaves `{frame}` unchanged when there is no frame. */
export function expandFramePattern(text: string, values: FrameValues): string {
  return text.replace(PLACEHOLDER, (whole, name: keyof FrameValues, width: string | undefined) => {
    const value = values[name]
    if (value === undefined) return whole
    return typeof value === 'number' && width !== undefined ? padded(value, Number(width)) : String(value)
  })
}

function padded(value: number, width: number): string {
  return (value < 0 ? '-' : '') + String(Math.abs(value)).padStart(width, '0')
}
