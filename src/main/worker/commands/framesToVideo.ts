/** `frames-to-video`: makes a video of the frames that match a pattern, with ffmpeg. */
import { rm, stat, writeFile } from 'node:fs/promises'
import { dirname, posix } from 'node:path'
import { Type } from 'typebox'
import { runToSuccess } from '../tools/process.ts'
import { fileProblem } from './fileProblem.ts'
import { globFiles } from './glob.ts'
import { makeFolders } from '../../system/makeFolders.ts'
import { Words, readParameters, refuse, words } from './parameters.ts'
import { resolveExe, splitExeArgs } from './programs.ts'
import type { CommandRunner } from './types.ts'
import { CommandFailedError } from './types.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  exeArgs: Type.Optional(Type.String()),
  fps: Type.Number(),
  inputGlob: Type.String({ minLength: 1 }),
  outputFile: Type.String({ minLength: 1 }),
  argsBefore: Words,
  args: Words,
})

/** The list of frames for ffmpeg, where its pattern matching does not exist. */
const INDEX_NAME = 'ffmpeg-file-index.txt'

export const framesToVideo: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  const { fps, outputFile } = parameters
  if (fps === 0) refuse(command, 'fps', 'must not be 0')
  const exe = resolveExe(parameters.exe, context)
  const glob = parameters.inputGlob.replaceAll('\\', '/')
  const frames = await globFiles(glob)
  if (frames.length === 0) throw new CommandFailedError(`no frames match "${parameters.inputGlob}"`)
  await makeFolders(dirname(outputFile)).catch((error: unknown) => {
    throw new CommandFailedError(`could not make the folder of "${outputFile}": ${fileProblem(error)}`)
  })

  const index = process.platform === 'win32' ? posix.join(posix.dirname(glob), INDEX_NAME) : undefined
  if (index !== undefined) await writeFile(index, indexFile(frames, fps))
  const input = index === undefined ? globInput(glob, fps) : indexInput(index)
  const args = videoArguments({
    exeArgs: splitExeArgs(command, parameters.exeArgs),
    argsBefore: words(parameters.argsBefore),
    input,
    args: words(parameters.args),
    fps,
    outputFile,
  })
  try {
    await runToSuccess(context, {
      exe,
      args,
      onLine: (line) => {
        const frame = encodedFrame(line)
        if (frame !== undefined) context.activity(`encoded frame ${frame} of ${frames.length}`)
      },
    })
  } finally {
    if (index !== undefined) await rm(index, { force: true })
  }
  const video = await stat(outputFile).catch(() => undefined)
  context.result({ video: outputFile, bytes: video?.size ?? null, frames: frames.length })
}

export interface VideoArguments {
  exeArgs: readonly string[]
  argsBefore: readonly string[]
  input: readonly string[]
  args: readonly string[]
  fps: number
  outputFile: string
}

/** ffmpeg's arguments in the order that job types expect: what comes later wins where options repeat. */
export function videoArguments({ exeArgs, argsBefore, input, args, fps, outputFile }: VideoArguments): string[] {
  return [...exeArgs, ...argsBefore, ...input, ...args, '-r', String(fps), outputFile]
}

/** Input options where ffmpeg matches patterns itself. */
export function globInput(glob: string, fps: number): string[] {
  return ['-r', String(fps), '-pattern_type', 'glob', '-i', glob]
}

/** Input options for a list of frames. */
export function indexInput(index: string): string[] {
  return ['-f', 'concat', '-safe', '0', '-i', index]
}

/** The list for ffmpeg's concat reader: a quote in a name stands outside the quotes, each frame shows for 1/fps seconds. */
export function indexFile(frames: readonly string[], fps: number): string {
  const duration = (1 / fps).toFixed(6)
  return frames.map((frame) => `file '${frame.replaceAll("'", `'\\''`)}'\nduration ${duration}\n`).join('')
}

/** The frame count of one of ffmpeg's status lines. */
export function encodedFrame(line: string): number | undefined {
  const frame = /^frame=\s*(\d+)\s/.exec(line)?.[1]
  return frame === undefined ? undefined : Number(frame)
}
