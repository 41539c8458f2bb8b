/**
 * The files that a `blender-render` command is expected to write, read from Blender's arguments: a folder and a name prefix for each
 * frame. Blender chooses the extension. Pure.
 */
import { framesIn, framesOf } from './frameRange.ts'
import type { Command } from '../schemas/jobs/task.ts'
import { framesOfCommand } from './taskFrames.ts'

/** The main output of one frame, without its view and extension. */
export interface PromisedFrame {
  frame: number
  /** In the notation of the command. */
  folder: string
  /** The name without view and extension: `shot_0012`. */
  stem: string
  /** The extension of the format, when the arguments name one: `.png`. */
  ending?: string
}

const ENDINGS: Readonly<Record<string, string>> = {
  PNG: '.png',
  JPEG: '.jpg',
  OPEN_EXR: '.exr',
  OPEN_EXR_MULTILAYER: '.exr',
  TIFF: '.tif',
  WEBP: '.webp',
  HDR: '.hdr',
  TGA: '.tga',
  RAWTGA: '.tga',
  TARGA: '.tga',
  TARGA_RAW: '.tga',
  BMP: '.bmp',
  DPX: '.dpx',
  CINEON: '.cin',
  JP2: '.jp2',
  JPEG2000: '.jp2',
  IRIS: '.rgb',
}

/** Formats that save one movie instead of one file per frame. */
const MOVIES = new Set(['FFMPEG', 'AVIJPEG', 'AVIRAW', 'MPEG', 'FRAMESERVER'])
/** Larger numbers of frames are not checked file by file. */
const MAX_FRAMES = 100_000

/** By the commands of a task: they are asked for at hand-out and again at completion. Commands are never changed in place. */
const known = new WeakMap<readonly Pick<Command, 'name' | 'parameters'>[], readonly PromisedFrame[]>()

/** The expected frames; empty when the commands do not state them. */
export function promisedFrames(commands: readonly Pick<Command, 'name' | 'parameters'>[]): readonly PromisedFrame[] {
  let promised = known.get(commands)
  if (promised === undefined) known.set(commands, (promised = framesPromisedBy(commands)))
  return promised
}

function framesPromisedBy(commands: readonly Pick<Command, 'name' | 'parameters'>[]): PromisedFrame[] {
  return commands.flatMap((command) => {
    if (command.name !== 'blender-render') return []
    const args: unknown = command.parameters['args']
    const runs = framesOfCommand(command)
    if (!Array.isArray(args) || runs === undefined) return []
    const output = valueOf(args, ['-o', '--render-output'])
    const format = valueOf(args, ['-F', '--render-format'])
    if (output === undefined || (format !== undefined && MOVIES.has(format.toUpperCase()))) return []
    if (framesIn(runs) > MAX_FRAMES) return []
    const ending = format === undefined ? undefined : ENDINGS[format.toUpperCase()]
    const { folder, before, width, after } = namesOf(output)
    const promised: PromisedFrame[] = []
    for (const frame of framesOf(runs)) {
      const stem = before + digits(frame, width) + after
      promised.push(ending === undefined ? { frame, folder, stem } : { frame, folder, stem, ending })
    }
    return promised
  })
}

/** The last value that Blender receives before it renders. */
function valueOf(args: readonly unknown[], options: readonly string[]): string | undefined {
  const at = args.findLastIndex((arg) => typeof arg === 'string' && options.includes(arg))
  const value = at < 0 ? undefined : args[at + 1]
  return typeof value === 'string' ? value : undefined
}

interface FrameNames {
  folder: string
  /** What stands before and after the frame in a name, and its digits. */
  before: string
  width: number
  after: string
}

/** The tasks of a job have one output: that of the last command. */
let lastNames: { output: string; names: FrameNames } | undefined

/** Like Blender: the frame replaces the last run of `#` in the name; without one, four digits are appended. */
function namesOf(output: string): FrameNames {
  if (lastNames?.output !== output) lastNames = { output, names: readNames(output) }
  return lastNames.names
}

function readNames(output: string): FrameNames {
  const cut = Math.max(output.lastIndexOf('/'), output.lastIndexOf('\\'))
  const folder = output.slice(0, Math.max(cut, 0)) || output.slice(0, cut + 1)
  const name = output.slice(cut + 1).replace(/\.(png|jpe?g|exr|tiff?|webp|hdr|tga|bmp|dpx|cin|jp2|j2c|rgb)$/i, '')
  const run = /#+(?=[^#]*$)/.exec(name)
  if (run === null) return { folder, before: name, width: 4, after: '' }
  return { folder, before: name.slice(0, run.index), width: run[0].length, after: name.slice(run.index + run[0].length) }
}

function digits(frame: number, width: number): string {
  const text = String(Math.abs(frame)).padStart(width, '0')
  return frame < 0 ? `-${text}` : text
}

/** Whether a file in the folder is that frame's main output, and of which view. */
export function viewOfFile(name: string, stem: string): { view: string } | undefined {
  if (!name.startsWith(stem)) return undefined
  const rest = /^(?:_(L|R|left|right))?\.[A-Za-z0-9]{2,5}$/.exec(name.slice(stem.length))
  return rest === null ? undefined : { view: rest[1] ?? '' }
}
