/** `trace-frames`: renders frames of a built-in scene with our own ray tracer, so that a farm can be tried without a renderer. */
import { rm } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import sharp from 'sharp'
import { Type, type Static } from 'typebox'
import { expandFramePattern, frameValues, hasFramePlaceholder } from '../../../../shared/frames/framePattern.ts'
import { fileProblem } from '../fileProblem.ts'
import { readFrames } from '../frames.ts'
import { VERSION } from '../../../../shared/version.ts'
import { checkPicture, type PictureFacts } from '../../../pictures/checkPicture.ts'
import {
  comparedWithBefore,
  fileFacts,
  hashOf,
  publishFile,
  removeUnfinished,
  reportKept,
  settleExisting,
  unfinishedFolder,
  type PromisedFile,
} from '../../attempt/existing/index.ts'
import { readParameters, refuse } from '../parameters.ts'
import { SCENES } from '../../../demo/scene.ts'
import { type TraceThread, takeTraceThread } from '../../../demo/tracePool.ts'
import type { CommandContext, CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'
import { hashFile } from '../../../system/hashFile.ts'

const Size = Type.Integer({ minimum: 16, maximum: 8192 })
const Parameters = Type.Object({
  scene: Type.String(),
  frames: Type.String({ minLength: 1 }),
  loopFrames: Type.Integer({ minimum: 1 }),
  firstFrame: Type.Integer(),
  width: Size,
  height: Size,
  samples: Type.Integer({ minimum: 1, maximum: 4096 }),
  outputDir: Type.String({ minLength: 1 }),
  filePattern: Type.String({ minLength: 1 }),
})

/** PNG's own scale; 6 is its usual middle. */
const COMPRESSION = 6

export const traceFrames: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  const { scene, width, height, samples, loopFrames, firstFrame, outputDir } = parameters
  if (!SCENES.has(scene)) refuse(command, 'scene', `must be one of ${[...SCENES.keys()].join(', ')}, but it is "${scene}"`)
  if (!isAbsolute(outputDir)) refuse(command, 'outputDir', `must be an absolute path, but it is "${outputDir}"`)
  const frames = readFrames(command, parameters.frames)
  if (/[\\/]/.test(parameters.filePattern)) refuse(command, 'filePattern', 'must be the name of a file, without a folder')
  if (frames.length > 1 && !hasFramePlaceholder(parameters.filePattern)) {
    refuse(command, 'filePattern', 'must hold {frame}: else all frames would have one name')
  }
  const values = frameValues(parameters.frames)
  context.signal.throwIfAborted()
  context.log('farm', `tracing frames ${parameters.frames} of "${scene}", ${width} x ${height}, ${samples} samples\n`)

  const promised = frames.map((frame) => ({
    path: join(outputDir, expandFramePattern(parameters.filePattern, { ...values, frame })),
    frame,
    width,
    height,
  }))
  const open = await settle(promised, parameters, context)
  if (open.length === 0) return

  const thread = takeTraceThread()
  const end = () => void thread.end()
  context.signal.addEventListener('abort', end, { once: true })
  let whole = false
  try {
    let writing: Promise<void> = Promise.resolve()
    for (const { path, frame = 0 } of open) {
      context.activity(`frame ${frame}`)
      const startedAt = performance.now()
      const phase = modulo(frame - firstFrame, loopFrames) / loopFrames
      const pixels = await traced(thread, { scene, format: { width, height, samples }, phase }, context)
      const renderedMs = Math.round(performance.now() - startedAt)
      // The picture is written while the thread traces the next one; one at a time, so files appear in order.
      await writing
      writing = save(pixels, { path, frame, width, height, renderedMs }, context)
      // A failed write is met at the next await; until then it must not count as unhandled.
      writing.catch(() => undefined)
    }
    await writing
    whole = true
  } finally {
    context.signal.removeEventListener('abort', end)
    if (whole) thread.release()
    else await thread.end()
    await removeUnfinished(outputDir, context.task)
  }
}

/** Reports what is kept; what is to be traced is returned, and its names are free. */
async function settle(
  promised: readonly PromisedFile[],
  parameters: Static<typeof Parameters>,
  context: CommandContext,
): Promise<PromisedFile[]> {
  const { scene, loopFrames, firstFrame, width, height, samples } = parameters
  const inputs = { command: hashOf({ scene, loopFrames, firstFrame, width, height, samples }), program: `framehouse ${VERSION}`, files: [] }
  context.inputs(inputs)
  const { kept, open } = await settleExisting(promised, inputs, context, (file) =>
    checkPicture(file.path, { width, height, signal: context.signal }),
  ).catch((error: unknown) => {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`could not set aside what was there before: ${fileProblem(error)}`)
  })
  for (const file of kept) {
    context.log('farm', `kept "${file.path}": it is whole\n`)
    context.progress(1)
  }
  reportKept(kept, context)
  return open
}

async function traced(thread: TraceThread, request: Parameters<TraceThread['render']>[0], context: CommandContext): Promise<Uint8Array> {
  try {
    return await thread.render(request)
  } catch (error) {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`the ray tracer failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

interface Picture {
  path: string
  frame: number
  width: number
  height: number
  renderedMs: number
}

/** Writes into a hidden folder first: who looks into the folder never sees half a picture. */
async function save(pixels: Uint8Array, picture: Picture, context: CommandContext): Promise<void> {
  const { path, width, height, renderedMs } = picture
  let half: string | undefined
  let facts: PictureFacts | undefined
  const startedAt = performance.now()
  try {
    context.signal.throwIfAborted()
    half = join(await unfinishedFolder(dirname(path), context.task), basename(path))
    await sharp(pixels, { raw: { width, height, channels: 3 } })
      .png({ compressionLevel: COMPRESSION })
      .toFile(half)
    context.signal.throwIfAborted()
    const look = await checkPicture(half, { width, height, signal: context.signal })
    if (look.state === 'damaged') throw new CommandFailedError(`the picture that was written for "${path}" is damaged: ${look.reason}`)
    if (look.state === 'whole') facts = look.facts
    await publishFile(half, path)
  } catch (error) {
    if (half !== undefined) await rm(half, { force: true })
    if (error instanceof CommandFailedError) throw error
    context.signal.throwIfAborted()
    throw new CommandFailedError(`could not write "${path}": ${fileProblem(error)}`)
  }
  const savedMs = Math.round(performance.now() - startedAt)
  context.log('stdout', `Saved: '${path}'\n Time: ${clock(renderedMs + savedMs)} (Saving: ${clock(savedMs)})\n`)
  context.output({
    ...picture,
    ...(await fileFacts(path)),
    sha256: await hashFile(path),
    check: 'whole',
    ...(facts && { facts }),
    ...(await comparedWithBefore(path, context)),
  })
  context.progress(1)
}

/** `01:02.50`, as Blender writes times. */
function clock(ms: number): string {
  const hundredths = Math.round(ms / 10)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(Math.floor(hundredths / 6000))}:${two(Math.floor(hundredths / 100) % 60)}.${two(hundredths % 100)}`
}

/** The rest of a division, never negative: frames before the first one show the end of the loop. */
function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
