/** The frames of a command's range. */
import { FrameRangeError, parseFrameRange } from '../../../shared/frameRange.ts'
import { refuse } from './parameters.ts'
import type { Command } from './types.ts'

/** More frames in one task than this are a mistake in the range. */
const MAX_FRAMES = 1_000_000

/** The frames of parameter `frames`, ascending. @throws InvalidParameterError */
export function readFrames(command: Command, text: string): number[] {
  try {
    const intervals = parseFrameRange(text)
    const count = intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0)
    if (count > MAX_FRAMES) return refuse(command, 'frames', `has ${count} frames; a task may have ${MAX_FRAMES}`)
    return intervals.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, index) => first + index))
  } catch (error) {
    if (error instanceof FrameRangeError) return refuse(command, 'frames', `is wrong: ${error.message}`)
    throw error
  }
}
