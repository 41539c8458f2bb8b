/** A warm Blender with its scene; see resources/sessions/blender_bridge.py for its protocol. */
import { randomBytes } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { CommandContext, WarmAppSpec, WarmDriver, WarmEnd } from '../../contract/commands.ts'
import { DeclinedError } from '../../contract/commands.ts'
import { shellJoin } from '../../../../shared/text/shellWords.ts'
import { Application, type ApplicationListener } from '../../apps/application.ts'
import type { BlenderPlan } from './blenderPlan.ts'
import { LoadedFacts, RenderPlan, type RenderAnswer } from './blenderFacts.ts'
import { HangWatch } from '../../apps/hangWatch.ts'
import { readSessionScript } from '../../apps/scripts.ts'
import { TaskLog } from '../../apps/taskLog.ts'

const Reply = Type.Object({
  ready: Type.Optional(Type.Boolean()),
  facts: Type.Optional(LoadedFacts),
  declined: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  plan: Type.Optional(RenderPlan),
  frame: Type.Optional(Type.Integer()),
  done: Type.Optional(Type.Integer()),
  error: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  alive: Type.Optional(Type.Number()),
  rss: Type.Optional(Type.Integer()),
})
type Reply = Static<typeof Reply>
const isReply = Compile(Reply)

/** A scene of more files than this would take too long to look at before each task. */
const MAX_FILES = 5_000

export async function warmBlender(exe: string, plan: BlenderPlan): Promise<WarmAppSpec<OpenBlender>> {
  const { openArgs, blendfile } = plan
  const mark = await markOf(blendfile)
  return {
    key: JSON.stringify(['blender', exe, openArgs, blendfile, mark]),
    title: `Blender, ${basename(blendfile)}`,
    open: (context, folder) => OpenBlender.open({ exe, openArgs, blendfile }, context, folder),
  }
}

export interface RenderRequest {
  readonly context: CommandContext
  /** The attempt's folder. */
  readonly cwd: string
  /** What a fresh process would get; for the log. */
  readonly args: readonly string[]
  readonly hangMs: number
  /** Decides where the frames are rendered to. @throws Error when they cannot be */
  onPlan(plan: RenderPlan): Promise<RenderAnswer>
  /** A line as the log shows it. */
  shown(line: string): string
  /** A line as Blender wrote it. */
  onLine(line: string): void
}

/** While the worker checks existing files, Blender waits and is not hanging. */
const SIGN_OF_LIFE_MS = 1_000

export class OpenBlender implements WarmDriver {
  readonly ended: Promise<string>
  memoryBytes = 0
  /** What the scene is made from, as it was when it was opened. */
  facts: LoadedFacts = { program: '' }
  private readonly marks = new Map<string, string>()
  private tasks = 0
  private cpuSeconds = 0
  private onReply: (reply: Reply) => void = () => undefined

  private constructor(
    private readonly app: Application,
    private readonly exe: string,
    private readonly marker: string,
  ) {
    this.ended = app.ended
  }

  /** Starts Blender and opens the scene. @throws DeclinedError when the scene is not for a session; Error when it does not open */
  static async open(
    { exe, openArgs, blendfile }: { exe: string; openArgs: readonly string[]; blendfile: string },
    context: CommandContext,
    folder: string,
  ): Promise<OpenBlender> {
    const script = join(folder, 'blender_bridge.py')
    for (const name of ['blender_bridge.py', 'blender_facts.py', 'blender_places.py']) {
      await writeFile(join(folder, name), await readSessionScript(name), { mode: 0o600 })
    }
    const marker = `framehouse-${randomBytes(12).toString('hex')}`
    const args = [...openArgs, blendfile, '--python', script]
    const env = { ...context.env, FRAMEHOUSE_BRIDGE: `3 4 ${process.pid} ${marker}` }
    context.log('farm', `opening Blender for several tasks:\n\n    ${shellJoin([exe, ...args])}\n`)
    const app = await Application.start({ exe, args, cwd: folder, env, ownPipes: true }, context)
    const blender = new OpenBlender(app, exe, marker)
    const stop = () => void app.close()
    context.signal.addEventListener('abort', stop, { once: true })
    try {
      await blender.awaitReady(context)
      return blender
    } catch (error) {
      await app.close()
      throw error
    } finally {
      context.signal.removeEventListener('abort', stop)
      app.listener = undefined
    }
  }

  async outdated(): Promise<string | undefined> {
    if (this.app.hasEnded) return 'it ended by itself'
    const changed = await Promise.all([...this.marks].map(async ([path, mark]) => ((await markOf(path)) === mark ? undefined : path)))
    const path = changed.find((found) => found !== undefined)
    return path === undefined ? undefined : `"${path}" has changed`
  }

  close(gently: boolean): Promise<void> {
    // The end of its request pipe makes it quit; when killed, it does not get the time.
    return gently ? this.app.close('') : this.app.close()
  }

  /** Renders the plan's frames; what the scene was is restored afterwards. Never throws for what Blender does. */
  async render(plan: BlenderPlan, { context, cwd, args, hangMs, onPlan, shown, onLine }: RenderRequest): Promise<WarmEnd> {
    const task = ++this.tasks
    context.log('farm', `in a Blender that is open already (pid ${this.app.pid}), instead of:\n\n    ${shellJoin([this.exe, ...args])}\n`)
    const marker = `${this.marker} ${task}`
    const log = new TaskLog({ context, pid: this.app.pid, marker, streams: ['stdout', 'stderr'], shown, onLine })
    const hang = new HangWatch(this.app.pid, hangMs)
    let declined = false
    const answered = new Promise<string | null>((resolveAnswer) => {
      this.onReply = (reply) => {
        if (reply.plan !== undefined) void this.answer(onPlan(reply.plan), hang)
        if (reply.done !== task) return
        declined = typeof reply.declined === 'string'
        resolveAnswer(reply.declined ?? reply.error ?? null)
      }
    })
    this.app.listener = this.listener(log, hang)
    const { scene, steps, frames } = plan
    this.app.say(JSON.stringify({ task, cwd, env: context.env, scene, steps, frames }))
    const done = Promise.all([answered, log.whole]).then(([error]) => (error === null ? undefined : error))
    const broke = this.app.ended.then((how) => `it ended while it rendered: ${how}`)
    const reason = await Promise.race([done, broke, hang.hung])
    this.app.listener = undefined
    const used = await hang.stop()
    log.end()
    this.note(context, used)
    if (reason === undefined) return { ok: true, frames: frames.reduce((sum, [first, last]) => sum + last - first + 1, 0) }
    if (declined) return { ok: false, reason, declined }
    // It may still be writing.
    await this.app.close()
    return { ok: false, reason }
  }

  private async answer(decision: Promise<RenderAnswer>, hang: HangWatch): Promise<void> {
    const alive = setInterval(() => hang.saw(1), SIGN_OF_LIFE_MS)
    const answer = await decision.catch((error: unknown) => ({ stop: error instanceof Error ? error.message : String(error) }))
    clearInterval(alive)
    this.app.say(JSON.stringify({ answer }))
  }

  private note(context: CommandContext, used: { cpuSeconds: number; memoryBytes: number; peakMemoryBytes: number } | undefined): void {
    if (used === undefined) return
    context.metrics.add('cpuSeconds', Math.max(0, used.cpuSeconds - this.cpuSeconds))
    context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
    this.cpuSeconds = used.cpuSeconds
    this.memoryBytes = used.memoryBytes
  }

  private listener(log: TaskLog, hang: HangWatch): ApplicationListener {
    return {
      output: (text, stream) => {
        hang.saw(1)
        return log.push(text, stream)
      },
      replies: (lines) => {
        for (const line of lines) {
          const reply = parsed(line)
          if (!isReply.Check(reply)) continue
          if (reply.rss !== undefined && reply.rss > 0) this.memoryBytes = reply.rss
          this.onReply(reply)
        }
      },
    }
  }

  private async awaitReady(context: CommandContext): Promise<void> {
    const { app } = this
    const hang = new HangWatch(app.pid, context.sessions?.limits.hangMs ?? 0)
    const log = new TaskLog({ context, pid: app.pid, marker: this.marker, streams: ['stdout', 'stderr'] })
    const ready = new Promise<LoadedFacts>((resolveReady, reject) => {
      this.onReply = (reply) => {
        if (typeof reply.declined === 'string') reject(new DeclinedError(reply.declined))
        else if (reply.ready === true && reply.facts !== undefined) resolveReady(reply.facts)
      }
    })
    app.listener = this.listener(log, hang)
    const broke = Promise.race([app.ended.then((how) => `it ended while it opened the scene: ${how}`), hang.hung])
    try {
      this.facts = await Promise.race([
        Promise.all([ready, log.whole]).then(([facts]) => facts),
        broke.then((reason) => {
          throw new Error(reason)
        }),
      ])
      context.signal.throwIfAborted()
      const files = this.facts.files
      if (files === undefined) throw new DeclinedError('what the scene reads is not known')
      if (files.length > MAX_FILES) throw new DeclinedError(`the scene has ${files.length} files, too many to watch for changes`)
      await Promise.all(files.map(async (path) => this.marks.set(path, await markOf(path))))
    } finally {
      await hang.stop()
      log.end()
    }
  }
}

/** Undefined for what is no JSON: a script of the file may write to the same pipe before ours has it for itself. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

/** Size, change time and file number; differs when a file was written again. Empty when there is none. */
async function markOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found === undefined ? '' : `${found.size} ${found.mtimeNs} ${found.ino}`
}
