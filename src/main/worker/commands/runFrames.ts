/** `run-frames`: any command-line renderer, once per frame or once for a whole range. */
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { Type } from 'typebox'
import { expandFramePattern, frameValues, hasFramePlaceholder } from '../../../shared/framePattern.ts'
import { runToSuccess } from '../tools/process.ts'
import { fileProblem } from './fileProblem.ts'
import { readFrames } from './frames.ts'
import { makeFolders } from '../../system/makeFolders.ts'
import { type ExpectedFile, OutputWatch } from './outputWatch.ts'
import { Words, readParameters, refuse, words } from './parameters.ts'
import { LineSessionParameters, lineSession, type OpenLineApplication } from '../sessions/lineSession.ts'
import { repeatable } from '../sessions/repeatable.ts'
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
  session: Type.Optional(LineSessionParameters),
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
  const { first, again } = repeatable(context)
  if (parameters.session !== undefined && (await doneInSession(parameters.session, { parameters, runs, frames, cwd }, first))) return
  for (const run of runs) await runOne(run, { exe, cwd, steps: run.frame === undefined ? frames.length : 1 }, again)
}

interface SessionWork {
  parameters: { workDir?: string; frames: string; outputPattern?: string }
  runs: readonly Run[]
  frames: readonly number[]
  cwd: string
}

/** True when an application that stays open did all frames; false when the program has to run for them. */
async function doneInSession(session: LineSessionParameters, work: SessionWork, context: CommandContext): Promise<boolean> {
  const { parameters, runs, frames, cwd } = work
  const env = runs[0]?.env ?? {}
  // An application outlives the attempt's folder, and its environment is that of its first task.
  const movesFolder = !parameters.workDir && parameters.outputPattern !== undefined && !isAbsolute(parameters.outputPattern)
  const movesEnvironment = runs.some((run) => JSON.stringify(run.env) !== JSON.stringify(env))
  if (context.sessions === undefined || movesFolder || movesEnvironment) return false
  const exe = resolveExe(session.open[0] ?? '', context)
  const spec = await lineSession({ parameters: session, exe, env, cwd: parameters.workDir ? cwd : undefined })
  const end = await context.sessions.run(spec, context, async (application) => {
    for (const frame of frames) {
      const reason = await oneFrame(application, session, { frame, parameters, cwd }, context)
      if (reason !== undefined) return { ok: false, reason }
    }
    return { ok: true, frames: frames.length }
  })
  return end.ok
}

/** What went wrong with the frame; undefined when it is done and its file is there. */
async function oneFrame(
  application: OpenLineApplication,
  session: LineSessionParameters,
  { frame, parameters, cwd }: { frame: number; parameters: SessionWork['parameters']; cwd: string },
  context: CommandContext,
): Promise<string | undefined> {
  context.activity(`frame ${frame}`)
  const values = { ...frameValues(parameters.frames), frame }
  const pattern = parameters.outputPattern
  const outputs = pattern ? [{ path: resolve(cwd, expandFramePattern(pattern, values)), frame }] : []
  for (const { path } of outputs) await makeFolders(dirname(path))
  const startedAt = context.now()
  const watch = await OutputWatch.start(outputs, (file) => context.output({ ...file, renderedMs: context.now() - startedAt }))
  const reason = await application.frame(expandFramePattern(session.frame, values), context)
  if (reason !== undefined) {
    watch.stop()
    return reason
  }
  const [missing] = await watch.finish()
  if (missing !== undefined) return `it did not write "${missing}"`
  context.progress(1)
  return undefined
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
