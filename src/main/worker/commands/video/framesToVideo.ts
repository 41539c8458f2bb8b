/** `frames-to-video`: makes a video of rendered images with ffmpeg, one for each view, and counts what is in it. */
import { rename, rm, rmdir, stat } from 'node:fs/promises'
import { basename, dirname, extname, join } from 'node:path'
import { Type } from 'typebox'
import { runProgram, runToSuccess } from '../../tools/process/process.ts'
import { FrameRangeError } from '../../../../shared/frames/frameRange.ts'
import { checkPicture } from '../../../pictures/checkPicture.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { fileProblem } from '../fileProblem.ts'
import { Words, readParameters, refuse, words } from '../parameters.ts'
import { resolveExe, splitExeArgs } from '../programs.ts'
import type { Command, CommandContext, CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'
import { assertWhole } from '../assertWhole.ts'
import { ffmpegInput, frameRate } from './ffmpegInput.ts'
import { findImages, MissingImagesError, type ImageList, type ImageRequest } from './images.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  exeArgs: Type.Optional(Type.String()),
  fps: Type.Union([Type.Number(), Type.String({ pattern: '^[1-9][0-9]*/[1-9][0-9]*$' })]),
  inputGlob: Type.String({ minLength: 1 }),
  /** See ImageRequest. */
  imagePath: Type.Optional(Type.String()),
  imageExtension: Type.Optional(Type.String()),
  frames: Type.Optional(Type.String()),
  outputFile: Type.String({ minLength: 1 }),
  argsBefore: Words,
  args: Words,
})

/** A video that is being written, beside its place. */
const PARTIAL_FOLDER = '.framehouse-partial'
/** Written as one file; others (HLS, DASH, image sequences) are several that name each other. */
const ONE_FILE = /^\.(mp4|m4v|mov|mkv|webm|avi|mxf|ogv|gif|mpg|mpeg|ts|flv|wmv|3gp)$/i
/** Arguments that make a video have another number of frames than there are images. */
const CHANGES_COUNT =
  /setpts|select|framestep|decimate|interpolate|trim|fps=|loop|tpad|reverse|^-(t|to|ss|sseof|frames(:\S+)?|vframes|stream_loop|segment\w*|f)$/

interface Encoding {
  exe: string
  exeArgs: readonly string[]
  argsBefore: readonly string[]
  args: readonly string[]
  rate: string
}

export const framesToVideo: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  if (parameters.fps === 0) refuse(command, 'fps', 'must not be 0')
  const encoding: Encoding = {
    exe: resolveExe(parameters.exe, context),
    exeArgs: splitExeArgs(command, parameters.exeArgs),
    argsBefore: words(parameters.argsBefore),
    args: words(parameters.args),
    rate: frameRate(parameters.fps),
  }
  const { inputGlob: glob, imagePath: path, imageExtension: extension, frames, outputFile } = parameters
  const lists = await imagesOf(command, { glob, path, extension, frames })
  if (lists.length === 0) throw new CommandFailedError(`no frames match "${path ?? glob}"`)
  const several = lists.length > 1
  const videos: { video: string; bytes: number | null; frames: number; check?: 'whole' | 'unchecked' }[] = []
  for (const { view, files } of lists) {
    await assertWhole(files, context)
    const video = several ? withView(outputFile, view) : outputFile
    const check = await encode(files, video, encoding, context)
    const written = await stat(video).catch(() => undefined)
    videos.push({ video, bytes: written?.size ?? null, frames: files.length, ...(check && { check }) })
  }
  context.result(several ? { ...videos[0], videos } : videos[0])
}

async function imagesOf(command: Command, request: ImageRequest): Promise<ImageList[]> {
  try {
    return await findImages(request)
  } catch (error) {
    if (error instanceof MissingImagesError) throw new CommandFailedError(error.message)
    if (error instanceof FrameRangeError) return refuse(command, 'frames', `is wrong: ${error.message}`)
    throw error
  }
}

/** `a.mp4` of view `_L` → `a_L.mp4` */
function withView(file: string, view: string): string {
  const ending = extname(file)
  return `${file.slice(0, file.length - ending.length)}${view}${ending}`
}

/** @returns what the look at it found; undefined for what is no single file */
async function encode(
  files: readonly string[],
  video: string,
  encoding: Encoding,
  context: CommandContext,
): Promise<'whole' | 'unchecked' | undefined> {
  const folder = dirname(video)
  const partialFolder = join(folder, PARTIAL_FOLDER)
  const isOneFile = ONE_FILE.test(extname(video))
  // Of this task alone: an attempt that was killed is overwritten by the next.
  const written = isOneFile ? join(partialFolder, `${context.task.taskId}-${basename(video)}`) : video
  await ensureDir(isOneFile ? partialFolder : folder).catch((error: unknown) => {
    throw new CommandFailedError(`could not make the folder of "${video}": ${fileProblem(error)}`)
  })
  const links = join(await context.workDir(), 'images')
  try {
    const { exe, exeArgs, argsBefore, args, rate } = encoding
    const input = await ffmpegInput(files, links, rate)
    await runToSuccess(context, {
      exe,
      args: videoArguments({ exeArgs, argsBefore, input, args: soundCutAt(files.length, rate, args), rate, outputFile: written }),
      onLine: (line) => {
        const frame = encodedFrame(line)
        if (frame !== undefined) context.activity(`encoded frame ${frame} of ${files.length}`)
      },
    })
    if (!isOneFile) {
      await assertCount(written, files.length, encoding, context)
      return undefined
    }
    const check = await assertVideo({ written, video, expected: files.length }, encoding, context)
    await rename(written, video).catch((error: unknown) => {
      throw new CommandFailedError(`could not save "${video}": ${fileProblem(error)}`)
    })
    return check
  } finally {
    await rm(links, { recursive: true, force: true })
    if (isOneFile) {
      await rm(written, { force: true }).catch(() => undefined)
      await rmdir(partialFolder).catch(() => undefined)
    }
  }
}

/** `-shortest` is meant to end a long sound with the pictures; a short one must not end the pictures. */
function soundCutAt(images: number, rate: string, args: readonly string[]): string[] {
  const [perSecond = 24, seconds = 1] = rate.split('/').map(Number)
  // A little before the end of the last picture: rounding must not let another one begin.
  const length = (((images - 0.25) * seconds) / perSecond).toFixed(6)
  return args.flatMap((arg) => (arg === '-shortest' ? ['-t', length] : [arg]))
}

/** Decodes the video to its end and counts its pictures. @throws CommandFailedError when it is damaged, or has another number of them */
async function assertVideo(
  { written, video, expected }: { written: string; video: string; expected: number },
  encoding: Encoding,
  context: CommandContext,
): Promise<'whole' | 'unchecked'> {
  context.activity('looking at the video')
  const verdict = await checkPicture(written, { ffmpeg: encoding.exe, signal: context.signal }).catch((error: unknown) => {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`could not read "${video}" after it was written: ${fileProblem(error)}`)
  })
  if (verdict.state === 'damaged') throw new CommandFailedError(`the video "${video}" is damaged: it ${verdict.reason}`)
  if (verdict.state === 'whole' && verdict.frames !== undefined && verdict.format !== 'GIF') {
    if (verdict.frames !== expected && !changesCount(encoding)) throw wrongCount(verdict.frames, expected)
    return 'whole'
  }
  await assertCount(written, expected, encoding, context)
  if (verdict.state === 'unchecked') context.warn({ code: 'frames-unchecked', text: `the video could not be looked at: ${verdict.reason}` })
  return verdict.state
}

const changesCount = ({ args, argsBefore }: Encoding): boolean => [...argsBefore, ...args].some((arg) => CHANGES_COUNT.test(arg))

function wrongCount(counted: number, expected: number): CommandFailedError {
  return new CommandFailedError(`the video has ${counted} frames, but there are ${expected} images`)
}

/** FFmpeg ends with 0 where it could not read an image and made the video of what came before it. */
async function assertCount(video: string, expected: number, encoding: Encoding, context: CommandContext): Promise<void> {
  if (changesCount(encoding)) return
  let counted: number | undefined
  const count = ['-hide_banner', '-nostdin', '-v', 'error', '-stats', '-i', video, '-map', '0:v:0', '-c', 'copy', '-f', 'null', '-']
  const { code } = await runProgram(context, {
    exe: encoding.exe,
    args: count,
    onLine: (line) => (counted = encodedFrame(line) ?? counted),
  })
  if (code !== 0 || counted === undefined || counted === expected) return
  throw wrongCount(counted, expected)
}

export interface VideoArguments {
  exeArgs: readonly string[]
  argsBefore: readonly string[]
  input: readonly string[]
  args: readonly string[]
  rate: string
  outputFile: string
}

/** ffmpeg's arguments in the order that job types expect: what comes later wins where options repeat. */
export function videoArguments({ exeArgs, argsBefore, input, args, rate, outputFile }: VideoArguments): string[] {
  return [...exeArgs, ...argsBefore, ...input, ...args, '-r', rate, outputFile]
}

/** The frame count of one of ffmpeg's status lines, the last where it wrote several over each other. */
export function encodedFrame(line: string): number | undefined {
  const frame = [...line.matchAll(/(?:^|\r|\s)frame=\s*(\d+)\s/g)].at(-1)?.[1]
  return frame === undefined ? undefined : Number(frame)
}
