/**
 * Any warm application that takes a line of text for each frame: a job type defines how to open it, which output means
 * that it is ready, what to send for a frame, and what to send at the end.
 */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Type, type Static } from 'typebox'
import type { CommandContext, WarmAppSpec, WarmDriver } from '../contract/commands.ts'
import { shellJoin } from '../../../shared/text/shellWords.ts'
import { Application } from './application.ts'
import { HangWatch } from './hangWatch.ts'
import { TaskLog } from './taskLog.ts'

/** The `session` parameter of `run-frames`. */
export const LineAppParameters = Type.Object({
  /** Program and arguments that open the application. */
  open: Type.Array(Type.String(), { minItems: 1 }),
  /** A line with this text, on stdout or stderr, means that it is ready for a frame: after it was opened and after each frame. */
  ready: Type.String({ minLength: 1 }),
  /** What is written to its stdin for a frame, as one line; with frame placeholders. */
  frame: Type.String({ minLength: 1 }),
  /** A line with this text means that the frame failed. */
  failed: Type.Optional(Type.String()),
  /** What is written to its stdin before stdin is closed. */
  close: Type.Optional(Type.String()),
})
export type LineAppParameters = Static<typeof LineAppParameters>

export interface LineApp {
  readonly parameters: LineAppParameters
  /** `open[0]` as a path. */
  readonly exe: string
  readonly env: Readonly<Record<string, string>>
  /** Its working directory; undefined: a folder of its own. */
  readonly cwd: string | undefined
}

export async function lineApp({ parameters, exe, env, cwd }: LineApp): Promise<WarmAppSpec<OpenLineApplication>> {
  const [, ...args] = parameters.open
  // Its arguments may include a scene: once rewritten, that is a different scene.
  const marks = await Promise.all([exe, ...args].map(markOf))
  return {
    key: JSON.stringify(['line', exe, args, marks, parameters.ready, parameters.failed, parameters.close, env, cwd]),
    title: basename(exe),
    open: (context, folder) => OpenLineApplication.open({ exe, args, env, cwd: cwd ?? folder }, parameters, context),
  }
}

/** After so many turns of the event loop without output nothing is left in its pipes. */
const QUIET_TURNS = 3

export class OpenLineApplication implements WarmDriver {
  readonly ended: Promise<string>
  memoryBytes = 0
  private cpuSeconds = 0
  private current: { context: CommandContext; log: TaskLog } | undefined
  private onLine: (line: string) => void = () => undefined
  /** Counts what it wrote. */
  private pieces = 0

  private constructor(
    private readonly app: Application,
    private readonly parameters: LineAppParameters,
  ) {
    this.ended = app.ended
  }

  /** Starts it and waits until it is ready. @throws Error when it ends or hangs before that */
  static async open(
    { exe, args, env, cwd }: { exe: string; args: readonly string[]; env: Readonly<Record<string, string>>; cwd: string },
    parameters: LineAppParameters,
    context: CommandContext,
  ): Promise<OpenLineApplication> {
    context.log('farm', `opening an application for several tasks:\n\n    ${shellJoin([exe, ...args])}\n`)
    const app = await Application.start({ exe, args, cwd, env: { ...context.env, ...env }, ownPipes: false }, context)
    const stop = () => void app.close()
    context.signal.addEventListener('abort', stop, { once: true })
    const opened = new OpenLineApplication(app, parameters)
    try {
      const problem = await opened.untilReady(context)
      if (problem !== undefined) throw new Error(problem)
      return opened
    } catch (error) {
      await app.close()
      await opened.endLog()
      throw error
    } finally {
      context.signal.removeEventListener('abort', stop)
    }
  }

  outdated(): Promise<string | undefined> {
    return Promise.resolve(this.app.hasEnded ? 'it ended by itself' : undefined)
  }

  close(gently: boolean): Promise<void> {
    return gently ? this.app.close(this.parameters.close ?? '') : this.app.close()
  }

  /** Renders one frame. Resolves with the failure, or undefined when it is ready for the next. */
  frame(line: string, context: CommandContext): Promise<string | undefined> {
    const ready = this.untilReady(context)
    this.app.say(line)
    return ready
  }

  /** The task is over: what was written for it is in its log before this resolves. */
  async endLog(): Promise<void> {
    // The data held of one stream may be older than the "ready" line of the other, and not read yet.
    for (let quiet = 0; quiet < QUIET_TURNS && !this.app.hasEnded; quiet++) {
      const before = this.pieces
      await new Promise((resolve) => setImmediate(resolve))
      if (this.pieces !== before) quiet = -1
    }
    this.app.passOnRest()
    this.app.listener = undefined
    this.current?.log.end()
    this.current = undefined
  }

  private async untilReady(context: CommandContext): Promise<string | undefined> {
    const { app, parameters } = this
    const hang = new HangWatch(app.pid, context.sessions?.limits.hangMs ?? 0)
    const answered = new Promise<string | undefined>((resolve) => {
      this.onLine = (line) => {
        if (parameters.failed && line.includes(parameters.failed)) resolve(`it reported that the frame failed: ${line.slice(0, 500)}`)
        else if (line.includes(parameters.ready)) resolve(undefined)
      }
    })
    const log = this.logOf(context)
    app.listener = {
      output: (text, stream) => {
        this.pieces++
        hang.saw(1)
        return log.push(text, stream)
      },
    }
    const reason = await Promise.race([answered, app.ended.then((how) => `it ended: ${how}`), hang.hung])
    this.onLine = () => undefined
    const used = await hang.stop()
    if (used !== undefined) {
      context.metrics.add('cpuSeconds', Math.max(0, used.cpuSeconds - this.cpuSeconds))
      context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
      this.cpuSeconds = used.cpuSeconds
      this.memoryBytes = used.memoryBytes
    }
    return reason
  }

  /** One for all frames of a task: a line that one frame began may be ended by the next. */
  private logOf(context: CommandContext): TaskLog {
    if (this.current?.context !== context) {
      this.current?.log.end()
      const log = new TaskLog({ context, pid: this.app.pid, streams: [], onLine: (line) => this.onLine(line) })
      this.current = { context, log }
    }
    return this.current.log
  }
}

async function markOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found?.isFile() === true ? `${found.size} ${found.mtimeNs} ${found.ino}` : ''
}
