/**
 * The frames that a command renders, read from its parameters, and the same command for a subset of them. Supports our own
 * rendering commands; the frames of any other command are unknown. Pure.
 */
import { blenderFrameArguments, FrameRangeError, parseFrameRange, type FrameRun } from './frameRange.ts'
import type { Command } from '../schemas/jobs/task.ts'

type Rendering = Pick<Command, 'name' | 'parameters'>

/** Commands whose parameter `frames` lists them. */
const WITH_FRAMES_PARAMETER = new Set(['run-frames', 'trace-frames'])
/** Commands that start Blender with `args`. */
const WITH_BLENDER_ARGUMENTS = new Set(['blender-render'])
const FRAME_OPTIONS = new Set<unknown>(['-f', '--render-frame'])

/** The frames that the command renders; undefined when unknown (it renders none, or the file defines them). */
export function framesOfCommand(command: Rendering): FrameRun[] | undefined {
  const text = frameText(command)
  if (text === undefined) return undefined
  try {
    return parseFrameRange(text)
  } catch (error) {
    if (error instanceof FrameRangeError) return undefined
    throw error
  }
}

/** The frames of all commands of a task; undefined when no command states them. */
export function framesOfTask(commands: readonly Rendering[]): FrameRun[] | undefined {
  const found = commands.flatMap((command) => framesOfCommand(command) ?? [])
  return found.length === 0 ? undefined : found
}

/** Whether the list contains a frame. */
export function hasFrame(runs: readonly FrameRun[], frame: number): boolean {
  return runs.some(({ first, last, step }) => {
    const isBetween = frame >= Math.min(first, last) && frame <= Math.max(first, last)
    return isBetween && (frame - first) % (Math.abs(step) || 1) === 0
  })
}

/**
 * The commands for some of the task's frames: commands with frames keep only the wanted ones, and are dropped when none
 * is left; all others stay unchanged.
 */
export function commandsForFrames(commands: readonly Command[], frames: readonly number[]): Command[] {
  return commands.flatMap((command) => {
    const own = framesOfCommand(command)
    if (own === undefined) return [command]
    const wanted = frames.filter((frame) => hasFrame(own, frame))
    return wanted.length === 0 ? [] : [withFrames(command, wanted.join(','))]
  })
}

function frameText({ name, parameters }: Rendering): string | undefined {
  if (WITH_FRAMES_PARAMETER.has(name)) return typeof parameters['frames'] === 'string' ? parameters['frames'] : undefined
  const args = parameters['args']
  if (!WITH_BLENDER_ARGUMENTS.has(name) || !Array.isArray(args)) return undefined
  let text: string | undefined
  for (let index = 1; index < args.length; index++) {
    if (FRAME_OPTIONS.has(args[index - 1])) text = text === undefined ? String(args[index]) : `${text},${String(args[index])}`
  }
  return text
}

function withFrames(command: Command, frames: string): Command {
  if (WITH_FRAMES_PARAMETER.has(command.name)) return { ...command, parameters: { ...command.parameters, frames } }
  const args: unknown = command.parameters['args']
  if (!Array.isArray(args)) return command
  // Of several `-f` options, the first renders the wanted frames and the others are dropped.
  const first = args.findIndex((arg) => FRAME_OPTIONS.has(arg))
  const narrowed = args.flatMap((arg: unknown, index): unknown[] => {
    if (index === first) return blenderFrameArguments(frames).flatMap((part) => [arg, part])
    return FRAME_OPTIONS.has(arg) || FRAME_OPTIONS.has(args[index - 1]) ? [] : [arg]
  })
  return { ...command, parameters: { ...command.parameters, args: narrowed } }
}
