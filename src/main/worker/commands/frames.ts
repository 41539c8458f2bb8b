/** The frames of a command's range. */
import { FrameRangeError, listFrames } from '../../../shared/frames/frameRange.ts'
import { refuse } from './parameters.ts'
import type { Command } from '../contract/commands.ts'

/** More frames in one task than this are a mistake in the range. */
const MAX_FRAMES = 1_000_000

/** The frames of parameter `frames`, in order. @throws InvalidParameterError */
export function readFrames(command: Command, text: string): number[] {
  try {
    return listFrames(text, MAX_FRAMES)
  } catch (error) {
    if (error instanceof FrameRangeError) return refuse(command, 'frames', `is wrong: ${error.message}`)
    throw error
  }
}
