/** `run-frames`: any command-line renderer, once per frame or once for a whole range. */
import { stat } from 'node:fs/promises'
import { dirname, isAbsolute, resolve } from 'node:path'
import { Type, type Static } from 'typebox'
import { expandFramePattern, frameValues } from '../../../../shared/frames/framePattern.ts'
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import { hashOf, lookAt, namedFiles, programByFile, reportKept, settleExisting, WrittenFiles } from '../../attempt/existing/index.ts'
import { runToSuccess } from '../../tools/process/process.ts'
import { fileProblem } from '../fileProblem.ts'
import { readFrames } from '../frames.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { OutputWatch } from '../outputWatch.ts'
import { Words, readParameters, refuse, words } from '../parameters.ts'
import { LineAppParameters, lineApp, type OpenLineApplication } from '../../apps/lineApp.ts'
import { repeatable } from '../../apps/repeatable.ts'
import { resolveExe } from '../programs.ts'
import { planRuns, type Run } from '../runPlan.ts'
import type { Command, CommandContext, CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  args: Words,
  frames: Type.String({ minLength: 1 }),
  outputPattern: Type.Optional(Type.String()),
  env: Words,
  workDir: Type.Optional(Type.String()),
  session: Type.Optional(LineAppParameters),
})

export const runFrames: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  const frames = readFrames(command, parameters.frames)
  const exe = resolveExe(parameters.exe, context)
  const { outputPattern } = parameters
  // The attempt's own folder goes away with it.
  if (outputPattern && !parameters.workDir && !isAbsolute(outputPattern)) {
    refuse(command, 'outputPattern', `is relative, and there is no workDir that it is relative to: "${outputPattern}"`)
  }
  const cwd = await chooseFolder(command, parameters.workDir, context)
  const runs = planRuns({
    args: words(parameters.args),
    env: words(parameters.env).map((entry) => readEntry(command, entry)),
    chunk: parameters.frames,
    frames,
    outputPattern: parameters.outputPattern === '' ? undefined : parameters.outputPattern,
    cwd,
  })
  const kept = await keepExisting(runs, await inputsOf({ exe, parameters, cwd }), context)
  const open = runs.filter((run) => run.outputs.length === 0 || run.outputs.some(({ path }) => !kept.has(path)))
  for (const run of runs) if (!open.includes(run)) context.progress(run.frame === undefined ? frames.length : 1)
  const openFrames = frames.filter((frame) => !runs.some((run) => run.frame === frame && !open.includes(run)))
  const { first, again } = repeatable(context)
  const work = { parameters, runs: open, frames: openFrames, cwd, kept }
  if (open.length === 0) return
  if (parameters.session !== undefined && (await doneInSession(parameters.session, work, first))) return
  for (const run of open) await runOne(run, { exe, cwd, steps: run.frame === undefined ? frames.length : 1, kept }, again)
}

/** Reports what is kept of the promised files, and moves the rest out of the way. Returns the paths that are kept. */
async function keepExisting(runs: readonly Run[], inputs: Inputs, context: CommandContext): Promise<ReadonlySet<string>> {
  context.inputs(inputs)
  const promised = runs.flatMap(({ outputs }) => outputs)
  const { kept } = await settleExisting(promised, inputs, context, async ({ path }) => {
    return (await lookAt(path, context)) ?? { state: 'unchecked', reason: 'it is no picture' }
  }).catch((error: unknown) => {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`could not set aside what was there before: ${fileProblem(error)}`)
  })
  for (const file of kept) {
    context.log('farm', `kept "${file.path}": it is whole\n`)
  }
  reportKept(kept, context)
  return new Set(kept.map(({ path }) => path))
}

/** Of a program that is not known to us: itself, its words, and the files that they name. */
async function inputsOf({ exe, parameters, cwd }: { exe: string; parameters: Static<typeof Parameters>; cwd: string }): Promise<Inputs> {
  const { args, env, workDir = '', session = null } = parameters
  return {
    command: hashOf({ exe, args: words(args), env: words(env), workDir, session }),
    ...(await programByFile(exe)),
    files: await namedFiles([...words(args), ...words(env)], cwd),
  }
}

interface WarmAppWork {
  parameters: { workDir?: string; frames: string; outputPattern?: string }
  runs: readonly Run[]
  frames: readonly number[]
  cwd: string
  kept: ReadonlySet<string>
}

/** True when an application that stays open did all frames; false when the program has to run for them. */
async function doneInSession(session: LineAppParameters, work: WarmAppWork, context: CommandContext): Promise<boolean> {
  const { parameters, runs, frames, cwd } = work
  const env = runs[0]?.env ?? {}
  // An application outlives the attempt's folder, and its environment is that of its first task.
  const movesFolder = !parameters.workDir && parameters.outputPattern !== undefined && !isAbsolute(parameters.outputPattern)
  const movesEnvironment = runs.some((run) => JSON.stringify(run.env) !== JSON.stringify(env))
  if (context.sessions === undefined || movesFolder || movesEnvironment) return false
  const exe = resolveExe(session.open[0] ?? '', context)
  const spec = await lineApp({ parameters: session, exe, env, cwd: parameters.workDir ? cwd : undefined })
  const end = await context.sessions.run(spec, context, async (application) => {
    try {
      for (const frame of frames) {
        const reason = await oneFrame(application, session, { frame, parameters, cwd }, context)
        if (reason !== undefined) return { ok: false, reason }
      }
      return { ok: true, frames: frames.length }
    } finally {
      await application.endLog()
    }
  })
  return end.ok
}

/** What went wrong with the frame; undefined when it is done and its file is there. */
async function oneFrame(
  application: OpenLineApplication,
  session: LineAppParameters,
  { frame, parameters, cwd }: { frame: number; parameters: WarmAppWork['parameters']; cwd: string },
  context: CommandContext,
): Promise<string | undefined> {
  context.activity(`frame ${frame}`)
  const values = { ...frameValues(parameters.frames), frame }
  const pattern = parameters.outputPattern
  const outputs = pattern ? [{ path: resolve(cwd, expandFramePattern(pattern, values)), frame }] : []
  for (const { path } of outputs) await ensureDir(dirname(path))
  const startedAt = performance.now()
  const written = new WrittenFiles(context)
  const watch = await OutputWatch.start(outputs, (file) => written.add({ ...file, renderedMs: Math.round(performance.now() - startedAt) }))
  const reason = await application.frame(expandFramePattern(session.frame, values), context)
  if (reason !== undefined) {
    watch.stop()
    return reason
  }
  const [missing] = await watch.finish()
  if (missing !== undefined) return `it did not write "${missing}"`
  try {
    await written.finish()
  } catch (error) {
    if (error instanceof CommandFailedError) return error.message
    throw error
  }
  context.progress(1)
  return undefined
}

async function runOne(
  run: Run,
  { exe, cwd, steps, kept }: { exe: string; cwd: string; steps: number; kept: ReadonlySet<string> },
  context: CommandContext,
): Promise<void> {
  if (run.frame !== undefined) context.activity(`frame ${run.frame}`)
  for (const { path } of run.outputs) {
    await ensureDir(dirname(path)).catch((error: unknown) => {
      throw new CommandFailedError(`could not make the output folder "${dirname(path)}": ${fileProblem(error)}`)
    })
  }
  let counted = 0
  const startedAt = performance.now()
  const written = new WrittenFiles(context, () => {
    // With one run for many frames, each file that appears is a frame done.
    if (run.outputs.length === steps && steps > 1) {
      counted += 1
      context.progress(1)
    }
  })
  const watch = await OutputWatch.start(run.outputs, (file) =>
    written.add({ ...file, ...(run.frame !== undefined && { renderedMs: Math.round(performance.now() - startedAt) }) }),
  )
  try {
    await runToSuccess(context, { exe, args: run.args, env: run.env, cwd })
  } catch (error) {
    watch.stop()
    throw error
  }
  const missing = (await watch.finish()).filter((path) => !kept.has(path))
  await written.finish()
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
