/** `run-frames`: any command-line renderer, once per frame or once for a whole range. */
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { Type } from 'typebox'
import { expandFramePattern, frameValues, hasFramePlaceholder } from '../../../shared/framePattern.ts'
import { runToSuccess } from '../tools/process.ts'
import { fileProblem } from './fileProblem.ts'
import { readFrames } from './frames.ts'
import { makeFolders } from './makeFolders.ts'
import { type ExpectedFile, OutputWatch } from './outputWatch.ts'
import { Words, readParameters, refuse, words } from './parameters.ts'
import { resolveExe } from './programs.ts'
import type { Command, CommandContext, CommandRunner } from './types.ts'
import { CommandFailedError } from './types.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  args: Words,
  frames: Type.String({ minLength: 1 }),
  outputPattern: Type.Optional(Type.String()),
  env: Words,
  workDir: Type.Optional(Type.String()),
})

/** One start of the program. `frame` is missing when it does all frames at once. */
interface Run {
  args: string[]
  env: Record<string, string>
  frame: number | undefined
  outputs: ExpectedFile[]
}

export const runFrames: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  const frames = readFrames(command, parameters.frames)
  const exe = resolveExe(parameters.exe, context)
  const cwd = await chooseFolder(command, parameters.workDir, context)
  const runs = planRuns({
    args: words(parameters.args),
    env: words(parameters.env).map((entry) => readEntry(command, entry)),
    chunk: parameters.frames,
    frames,
    outputPattern: parameters.outputPattern === '' ? undefined : parameters.outputPattern,
    cwd,
  })
  for (const run of runs) await runOne(run, { exe, cwd, steps: run.frame === undefined ? frames.length : 1 }, context)
}

export interface RunPlan {
  args: readonly string[]
  env: readonly (readonly [name: string, value: string])[]
  /** The range as it was written. */
  chunk: string
  frames: readonly number[]
  outputPattern: string | undefined
  /** Outputs with a relative path are relative to this folder. */
  cwd: string
}

/** One run per frame when a placeholder asks for it, else one for all. */
export function planRuns({ args, env, chunk, frames, outputPattern, cwd }: RunPlan): Run[] {
  const shared = frameValues(chunk)
  const perFrame = args.some(hasFramePlaceholder) || env.some(([, value]) => hasFramePlaceholder(value))
  const outputOf = (frame: number | undefined): ExpectedFile | undefined => {
    if (outputPattern === undefined) return undefined
    const path = expandFramePattern(outputPattern, { ...shared, frame })
    return { path: isAbsolute(path) ? path : resolve(cwd, path), frame }
  }
  const runFor = (frame: number | undefined, outputs: (ExpectedFile | undefined)[]): Run => ({
    args: args.map((arg) => expandFramePattern(arg, { ...shared, frame })),
    env: Object.fromEntries(env.map(([name, value]) => [name, expandFramePattern(value, { ...shared, frame })])),
    frame,
    outputs: outputs.filter((output) => output !== undefined),
  })
  if (perFrame) return frames.map((frame) => runFor(frame, [outputOf(frame)]))
  const single = outputPattern === undefined || !hasFramePlaceholder(outputPattern)
  return [runFor(undefined, single ? [outputOf(undefined)] : frames.map(outputOf))]
}

async function runOne(run: Run, { exe, cwd, steps }: { exe: string; cwd: string; steps: number }, context: CommandContext): Promise<void> {
  if (run.frame !== undefined) context.activity(`frame ${run.frame}`)
  for (const { path } of run.outputs) {
    await makeFolders(dirname(path)).catch((error: unknown) => {
      throw new CommandFailedError(`could not make the output folder "${dirname(path)}": ${fileProblem(error)}`)
    })
  }
  let counted = 0
  const startedAt = context.now()
  const watch = await OutputWatch.start(run.outputs, (file) => {
    context.output({ ...file, ...(run.frame !== undefined && { renderedMs: context.now() - startedAt }) })
    // With one run for many frames, each file that appears is a frame done.
    if (run.outputs.length === steps && steps > 1) {
      counted += 1
      context.progress(1)
    }
  })
  try {
    await runToSuccess(context, { exe, args: run.args, env: run.env, cwd })
  } catch (error) {
    watch.stop()
    throw error
  }
  const missing = await watch.finish()
  if (missing.length > 0) {
    const more = missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''
    throw new CommandFailedError(`the program ended without an error, but did not write "${missing[0]}"${more}`)
  }
  if (steps > counted) context.progress(steps - counted)
}

async function chooseFolder(command: Command, workDir: string | undefined, context: CommandContext): Promise<string> {
  if (workDir === undefined || workDir === '') return context.workDir()
  const found = await stat(workDir).catch(() => undefined)
  if (found?.isDirectory() !== true) refuse(command, 'workDir', `is no folder on this machine: "${workDir}"`)
  return workDir
}

function readEntry(command: Command, entry: string): readonly [string, string] {
  const equals = entry.indexOf('=')
  if (equals < 1) return refuse(command, 'env', `has an entry that is not of the form NAME=value: "${entry}"`)
  return [entry.slice(0, equals), entry.slice(equals + 1)]
}
