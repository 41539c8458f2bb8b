/**
 * Any application that stays open and takes a line of text for each frame: a job type says how it is opened, what tells
 * that it is ready, what to say for a frame, and what to say at the end.
 */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { Type, type Static } from 'typebox'
import type { CommandContext, SessionSpec, WarmDriver } from '../commands/types.ts'
import { shellJoin } from '../../../shared/shellWords.ts'
import { Application } from './application.ts'
import { HangWatch } from './hangWatch.ts'
import { TaskLog } from './taskLog.ts'

/** The `session` parameter of `run-frames`. */
export const LineSessionParameters = Type.Object({
  /** Program and arguments that open the application. */
  open: Type.Array(Type.String(), { minItems: 1 }),
  /** A line with this text, on stdout or stderr, says that it is ready for a frame: after it was opened and after each frame. */
  ready: Type.String({ minLength: 1 }),
  /** What is written to its stdin for a frame, as one line; with frame placeholders. */
  frame: Type.String({ minLength: 1 }),
  /** A line with this text says that the frame failed. */
  failed: Type.Optional(Type.String()),
  /** What is written to its stdin before that is closed. */
  close: Type.Optional(Type.String()),
})
export type LineSessionParameters = Static<typeof LineSessionParameters>

export interface LineSession {
  readonly parameters: LineSessionParameters
  /** `open[0]` as a path. */
  readonly exe: string
  readonly env: Readonly<Record<string, string>>
  /** Where it runs; undefined: in a folder of its own. */
  readonly cwd: string | undefined
}

export async function lineSession({ parameters, exe, env, cwd }: LineSession): Promise<SessionSpec<OpenLineApplication>> {
  const [, ...args] = parameters.open
  // What it was opened with may be a scene: written again, it is another one.
  const marks = await Promise.all([exe, ...args].map(markOf))
  return {
    key: JSON.stringify(['line', exe, args, marks, parameters.ready, parameters.failed, parameters.close, env, cwd]),
    title: basename(exe),
    open: (context, folder) => OpenLineApplication.open({ exe, args, env, cwd: cwd ?? folder }, parameters, context),
  }
}

export class OpenLineApplication implements WarmDriver {
  readonly ended: Promise<string>
  memoryBytes = 0
  private cpuSeconds = 0

  private constructor(
    private readonly app: Application,
    private readonly parameters: LineSessionParameters,
  ) {
    this.ended = app.ended
  }

  /** Starts it and waits until it is ready. @throws Error when it ends or hangs before that */
  static async open(
    { exe, args, env, cwd }: { exe: string; args: readonly string[]; env: Readonly<Record<string, string>>; cwd: string },
    parameters: LineSessionParameters,
    context: CommandContext,
  ): Promise<OpenLineApplication> {
    context.log('farm', `opening an application for several tasks:\n\n    ${shellJoin([exe, ...args])}\n`)
    const app = await Application.start({ exe, args, cwd, env: { ...context.env, ...env }, ownPipes: false }, context)
    const stop = () => void app.close()
    context.signal.addEventListener('abort', stop, { once: true })
    try {
      const opened = new OpenLineApplication(app, parameters)
      const problem = await opened.untilReady(context)
      if (problem !== undefined) throw new Error(problem)
      return opened
    } catch (error) {
      await app.close()
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

  /** Does one frame. Resolves with what went wrong, undefined when it is ready for the next. */
  frame(line: string, context: CommandContext): Promise<string | undefined> {
    const ready = this.untilReady(context)
    this.app.say(line)
    return ready
  }

  private async untilReady(context: CommandContext): Promise<string | undefined> {
    const { app, parameters } = this
    const hang = new HangWatch(app.pid, context.sessions?.limits.hangMs ?? 0)
    const answered = new Promise<string | undefined>((resolve) => {
      const onLine = (line: string): void => {
        if (parameters.failed && line.includes(parameters.failed)) resolve(`it said that the frame failed: ${line.slice(0, 500)}`)
        else if (line.includes(parameters.ready)) resolve(undefined)
      }
      const log = new TaskLog({ context, pid: app.pid, streams: [], onLine })
      app.listener = (lines, stream) => {
        hang.saw(lines.length)
        return stream === 'replies' ? undefined : log.lines(lines, stream)
      }
    })
    const reason = await Promise.race([answered, app.ended.then((how) => `it ended: ${how}`), hang.hung])
    app.listener = undefined
    const used = await hang.stop()
    if (used !== undefined) {
      context.metrics.add('cpuSeconds', Math.max(0, used.cpuSeconds - this.cpuSeconds))
      context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
      this.cpuSeconds = used.cpuSeconds
      this.memoryBytes = used.memoryBytes
    }
    return reason
  }
}

async function markOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found?.isFile() === true ? `${found.size} ${found.mtimeNs} ${found.ino}` : ''
}
