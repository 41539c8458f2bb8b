/** `blender-render`: renders frames with Blender, checks the saved files, and explains failures. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { missingFileWarning } from '../../../../shared/schemas/jobs/warning.ts'
import { warmBlender } from './warmBlender.ts'
import { planBlender, type BlenderArguments } from './blenderPlan.ts'
import { repeatable } from '../../apps/repeatable.ts'
import { runProgram } from '../../tools/process/process.ts'
import { Words, readParameters, words } from '../parameters.ts'
import { resolveExe, splitExeArgs } from '../programs.ts'
import { CommandFailedError, type CommandContext, type CommandRunner } from '../../contract/commands.ts'
import { blenderArguments, commandHash, guardedArguments, renderRequests } from './arguments.ts'
import { Guard } from './guard.ts'
import type { LoadedFacts } from './blenderFacts.ts'
import { RenderFiles, type AttemptFiles } from './renderFiles.ts'
import { RenderWatcher } from './renderWatcher.ts'
import { exitError, judgeRun } from './verdict.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  exeArgs: Type.Optional(Type.String()),
  argsBefore: Words,
  /** Must be there, and may be empty: then nothing is opened. */
  blendfile: Type.String(),
  args: Words,
  /** Files that a script in the arguments saves: promised like frames. */
  outputs: Words,
})

export const blenderRender: CommandRunner = async (command, context) => {
  const parameters = readParameters(Parameters, command)
  const exe = resolveExe(parameters.exe, context)
  const parts = {
    exeArgs: splitExeArgs(command, parameters.exeArgs),
    argsBefore: words(parameters.argsBefore),
    blendfile: parameters.blendfile,
    args: words(parameters.args),
  }
  const args = blenderArguments(parts)
  const cwd = await context.workDir()
  const attempt: Attempt = { done: new Set(), inputs: {}, reported: false, missing: [] }
  const outputs = words(parameters.outputs)
  const { first, again } = repeatable(context)
  if (await rendersInSession({ exe, args, parts, cwd, attempt, outputs }, first)) return
  await renderFresh({ exe, args, parts, cwd, attempt, outputs }, again)
}

interface Attempt extends AttemptFiles {
  /** The manager knows what the files are made from, and what is missing. */
  reported: boolean
  /** Paths that the look found missing and that people are warned of. */
  missing: string[]
}

interface Run {
  exe: string
  /** All of them, as they were asked for. */
  args: readonly string[]
  parts: BlenderArguments
  /** The attempt's folder. */
  cwd: string
  attempt: Attempt
  /** What is promised beside frames. */
  outputs: readonly string[]
}

/** True when an open Blender has rendered it well; false when a fresh one has to (and to say what is wrong, if anything is). */
async function rendersInSession({ exe, args, parts, cwd, attempt, outputs }: Run, context: CommandContext): Promise<boolean> {
  const { sessions } = context
  const plan = planBlender(parts)
  // What its scripts save is known to a fresh process only.
  if (sessions === undefined || 'reason' in plan || outputs.length > 0) return false
  const spec = await warmBlender(exe, plan)
  const end = await sessions.run(spec, context, async (blender) => {
    const files = new RenderFiles(context, cwd, attempt)
    const watcher = new RenderWatcher(context, args, files)
    await tellInputs({ exe, parts, attempt }, blender.facts, context)
    const rendered = await blender.render(plan, {
      context,
      cwd,
      args,
      onPlan: (found) => files.prepare(found),
      shown: (line) => files.shown(line),
      onLine: (line) => watcher.line(line),
      hangMs: sessions.limits.hangMs,
    })
    watcher.end()
    await files.finish(rendered.ok)
    const failure = rendered.ok ? judgeRun(files, watcher.problem, renderRequests(parts.args).slice(0, 1)) : undefined
    // Something is wrong with what was rendered: a fresh process renders all of it, and says what.
    if (failure !== undefined || watcher.problem?.fatal === true) attempt.done.clear()
    if (!rendered.ok) return rendered
    if (failure !== undefined) return { ok: false, reason: failure }
    watcher.warn(attempt.missing)
    return rendered
  })
  return end.ok
}

async function renderFresh({ exe, args, parts, cwd, attempt, outputs }: Run, context: CommandContext): Promise<void> {
  const requests = renderRequests(parts.args)
  const files = new RenderFiles(context, cwd, attempt)
  const watcher = new RenderWatcher(context, args, files)
  const guard = await Guard.start(join(cwd, `framehouse-${context.commandIndex ?? 0}`), requests.length, {
    loaded: (facts) => tellInputs({ exe, parts, attempt }, facts, context),
    plan: (_number, plan) => files.prepare(plan),
  })
  let well = false
  try {
    const { code, signal } = await runProgram(context, {
      exe,
      args: guardedArguments(parts, guard.script),
      shownArgs: args,
      shown: (line) => files.shown(line),
      cwd,
      onLine: (line) => watcher.line(line),
    })
    watcher.end()
    await guard.stop()
    if (code !== 0) throw exitError(code, signal, watcher.problem)
    well = true
  } finally {
    await guard.stop().catch(() => undefined)
    await files.finish(well)
  }
  const failure = judgeRun(files, watcher.problem, requests, outputs)
  if (failure !== undefined) throw new CommandFailedError(`Blender ended without an error code, but: ${failure}`)
  watcher.warn(attempt.missing)
}

/** Once an attempt: what its files are made from, and what the scene names and this machine does not have. */
async function tellInputs({ exe, parts, attempt }: Pick<Run, 'exe' | 'parts' | 'attempt'>, facts: LoadedFacts, context: CommandContext) {
  if (attempt.reported) return
  attempt.reported = true
  const paths = facts.files === undefined ? undefined : [...new Set([parts.blendfile, ...facts.files])]
  const found = paths === undefined ? undefined : await Promise.all(paths.map(factsOfInput))
  const files = found?.filter((file) => file !== undefined)
  attempt.inputs = { command: commandHash(exe, parts), program: facts.program, ...(files !== undefined && { files }) }
  context.inputs(attempt.inputs)
  for (const [kind, path] of facts.missing ?? []) {
    attempt.missing.push(path)
    context.warn(missingFileWarning(path, kind === 'library' ? 'library' : 'file'))
  }
}

async function factsOfInput(path: string): Promise<{ path: string; bytes: number; modifiedAt: number } | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found === undefined ? undefined : { path, bytes: found.size, modifiedAt: Math.trunc(found.mtimeMs) }
}
