/** `blender-render`: renders frames with Blender, reports what it saves and why it failed. */
import { stat } from 'node:fs/promises'
import { isAbsolute, resolve } from 'node:path'
import { Type } from 'typebox'
import { type Problem, frameOfPath, parseBlenderLine, requestedFrames } from '../tools/blenderOutput.ts'
import { blenderSession } from '../sessions/blenderSession.ts'
import { planBlender, type BlenderArguments } from '../sessions/blenderPlan.ts'
import { repeatable } from '../sessions/repeatable.ts'
import { runProgram } from '../tools/process.ts'
import { Words, readParameters, words } from './parameters.ts'
import { resolveExe, splitExeArgs } from './programs.ts'
import type { CommandContext, CommandRunner, OutputFile } from './types.ts'
import { CommandFailedError, ExitCodeError } from './types.ts'

const Parameters = Type.Object({
  exe: Type.String({ minLength: 1 }),
  exeArgs: Type.Optional(Type.String()),
  argsBefore: Words,
  /** Must be there, and may be empty: then nothing is opened. */
  blendfile: Type.String(),
  args: Words,
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
  const { first, again } = repeatable(context)
  if (await rendersInSession({ exe, args, parts, cwd }, first)) return
  await renderFresh({ exe, args, cwd }, again)
}

interface Run {
  exe: string
  /** All of them, as a fresh process gets them. */
  args: readonly string[]
  parts: BlenderArguments
  /** The attempt's folder. */
  cwd: string
}

/** True when an open Blender has rendered it well; false when a fresh one has to (and to say what is wrong, if anything is). */
async function rendersInSession({ exe, args, parts, cwd }: Run, context: CommandContext): Promise<boolean> {
  const { sessions } = context
  const plan = planBlender(parts)
  if (sessions === undefined || 'reason' in plan) return false
  const watcher = new RenderWatcher(context, args, cwd)
  const spec = await blenderSession(exe, plan)
  const end = await sessions.run(spec, context, async (blender) => {
    const rendered = await blender.render(plan, {
      context,
      cwd,
      args,
      onLine: (line) => watcher.line(line),
      hangMs: sessions.limits.hangMs,
    })
    await watcher.finish()
    if (!rendered.ok) return rendered
    const { problem } = watcher
    if (problem !== undefined && (problem.fatal || watcher.files === 0)) return { ok: false, reason: sentence(problem) }
    return rendered
  })
  return end.ok
}

async function renderFresh({ exe, args, cwd }: Pick<Run, 'exe' | 'args' | 'cwd'>, context: CommandContext): Promise<void> {
  const watcher = new RenderWatcher(context, args, cwd)
  const { code, signal } = await runProgram(context, { exe, args, cwd, onLine: (line) => watcher.line(line) })
  await watcher.finish()
  const { problem } = watcher
  if (code !== 0) throw problem === undefined ? new ExitCodeError(code, signal) : new BlenderError(code, signal, problem)
  // Blender 2.8 to 4.x end with 0 after some errors: no picture is no success.
  if (problem !== undefined && (problem.fatal || (watcher.files === 0 && rendersFrames(args)))) {
    throw new CommandFailedError(`Blender ended without an error code, but: ${sentence(problem)}`)
  }
}

/** Blender failed, and told why. */
class BlenderError extends ExitCodeError {
  constructor(code: number | null, signal: string | null, problem: Problem) {
    super(code, signal)
    this.message += `: ${sentence(problem)}`
  }
}

function sentence({ text, advice }: Problem): string {
  return advice === '' ? text : `${text} (${advice})`
}

function rendersFrames(args: readonly string[]): boolean {
  return args.some((arg) => ['-f', '--render-frame', '-a', '--render-anim'].includes(arg))
}

/** Blender's arguments in order; it acts on them one after the other, so the order is part of the contract. */
export function blenderArguments({ exeArgs, argsBefore, blendfile, args }: BlenderArguments): string[] {
  return [...exeArgs, ...argsBefore, ...(blendfile === '' ? [] : [blendfile]), ...args]
}

/** Follows one run of Blender through its output. */
class RenderWatcher {
  /** Files that were saved or found in place. */
  files = 0
  /** The worst that was said: a fatal problem before others, earlier ones before later ones. */
  problem: Problem | undefined
  #frame: number | undefined
  #inTraceback = false
  /** Saved, but its render time comes on a line of its own. */
  #saved: string[] = []
  #reports: Promise<void>[] = []
  readonly #requested: ReturnType<typeof requestedFrames>

  constructor(
    private readonly context: CommandContext,
    args: readonly string[],
    private readonly cwd: string,
  ) {
    this.#requested = requestedFrames(args)
  }

  line(line: string): void {
    if (this.#inTraceback && /^\S/.test(line)) {
      this.#inTraceback = false
      this.#note({ text: `Python: ${line.slice(0, 500)}`, advice: '', fatal: false })
      return
    }
    const fact = parseBlenderLine(line)
    if (fact === undefined) return
    if (fact.type === 'saved') this.#saved.push(fact.path)
    else if (fact.type === 'timed') {
      this.#report(Math.max(0, fact.totalMs - fact.savingMs))
      this.context.progress(1)
    } else if (fact.type === 'skipped') {
      this.#report(undefined)
      if (fact.path !== undefined) this.#saved.push(fact.path)
      this.#report(undefined)
      this.context.progress(1)
    } else if (fact.type === 'frame') {
      this.#report(undefined)
      this.#frame = fact.frame
      this.context.activity(fact.doing === undefined ? `frame ${fact.frame}` : `frame ${fact.frame}, ${fact.doing}`)
    } else if (fact.type === 'traceback') {
      this.#inTraceback = true
    } else {
      this.#note(fact.problem)
    }
  }

  #note(problem: Problem): void {
    if (this.problem === undefined || (problem.fatal && !this.problem.fatal)) this.problem = problem
  }

  /** Reports what is left. Resolves when the context knows all files. */
  async finish(): Promise<void> {
    this.#report(undefined)
    await Promise.all(this.#reports)
  }

  #report(renderedMs: number | undefined): void {
    for (const saved of this.#saved) {
      this.files += 1
      const path = isAbsolute(saved) ? saved : resolve(this.cwd, saved)
      const frame = this.#frameOf(saved)
      this.#reports.push(reportFile(this.context, { path, frame, renderedMs }))
    }
    this.#saved = []
  }

  /**
   * The number in the file's name when it is one that was asked for; else the frame Blender says it works on. A name may
   * carry other numbers (`tile-03.png`).
   */
  #frameOf(path: string): number | undefined {
    const named = frameOfPath(path)
    const asked = this.#requested
    if (named !== undefined && asked?.some(({ first, last }) => named >= first && named <= last) === true) return named
    if (this.#frame !== undefined) return this.#frame
    return asked === undefined ? undefined : named
  }
}

async function reportFile(context: CommandContext, file: OutputFile): Promise<void> {
  const found = await stat(file.path).catch(() => undefined)
  context.output(found === undefined ? file : { ...file, bytes: found.size })
}
