/** A Blender that stays open with its scene; see resources/sessions/blender_bridge.py for what is said to it. */
import { randomBytes } from 'node:crypto'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Type, type Static } from 'typebox'
import { Compile } from 'typebox/compile'
import type { CommandContext, SessionSpec, WarmDriver, WarmEnd } from '../commands/types.ts'
import { DeclinedError } from '../commands/types.ts'
import { shellJoin } from '../../../shared/shellWords.ts'
import { Application, type LinesListener } from './application.ts'
import type { BlenderPlan } from './blenderPlan.ts'
import { HangWatch } from './hangWatch.ts'
import { TaskLog } from './taskLog.ts'

const Reply = Type.Object({
  ready: Type.Optional(Type.Boolean()),
  files: Type.Optional(Type.Array(Type.String())),
  declined: Type.Optional(Type.String()),
  frame: Type.Optional(Type.Integer()),
  path: Type.Optional(Type.String()),
  existed: Type.Optional(Type.Boolean()),
  done: Type.Optional(Type.Integer()),
  error: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  alive: Type.Optional(Type.Number()),
  rss: Type.Optional(Type.Integer()),
})
type Reply = Static<typeof Reply>
const isReply = Compile(Reply)

/** A scene of more files than this would take too long to look at before each task. */
const MAX_FILES = 5_000

export async function blenderSession(exe: string, plan: BlenderPlan): Promise<SessionSpec<OpenBlender>> {
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
  onLine(line: string): void
}

/** A frame that is being rendered: its file is whole only when the next frame begins, or the task ends. */
interface FrameAtWork {
  path: string
  existed: boolean
}

export class OpenBlender implements WarmDriver {
  readonly ended: Promise<string>
  memoryBytes = 0
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
    await writeFile(script, await bridgeSource(), { mode: 0o600 })
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
    // The end of its requests is what tells it to go; by force it does not get the time.
    return gently ? this.app.close('') : this.app.close()
  }

  /** Renders the plan's frames; what the scene was is restored afterwards. Never throws for what Blender does. */
  async render(plan: BlenderPlan, { context, cwd, args, hangMs, onLine }: RenderRequest): Promise<WarmEnd> {
    const task = ++this.tasks
    context.log('farm', `in a Blender that is open already (pid ${this.app.pid}), instead of:\n\n    ${shellJoin([this.exe, ...args])}\n`)
    let atWork: FrameAtWork | undefined
    const log = new TaskLog({ context, pid: this.app.pid, marker: `${this.marker} ${task}`, streams: ['stdout', 'stderr'], onLine })
    const hang = new HangWatch(this.app.pid, hangMs)
    const answered = new Promise<string | null>((resolveAnswer) => {
      this.onReply = (reply) => {
        if (reply.path !== undefined) atWork = { path: resolve(cwd, reply.path), existed: reply.existed === true }
        if (reply.done === task) resolveAnswer(reply.error ?? null)
      }
    })
    this.app.listener = this.listener((lines, stream) => {
      hang.saw(lines.length)
      return log.lines(lines, stream)
    })
    const { scene, steps, frames } = plan
    this.app.say(JSON.stringify({ task, cwd, env: context.env, scene, steps, frames }))
    const done = Promise.all([answered, log.whole]).then(([error]) => (error === null ? undefined : error))
    const broke = this.app.ended.then((how) => `it ended while it rendered: ${how}`)
    const reason = await Promise.race([done, broke, hang.hung])
    this.app.listener = undefined
    const used = await hang.stop()
    log.flush()
    this.note(context, used)
    if (reason === undefined) return { ok: true, frames: frames.reduce((sum, [first, last]) => sum + last - first + 1, 0) }
    if (atWork !== undefined && !atWork.existed) {
      // Half a picture would be taken for a whole one by whoever skips what is there.
      await this.app.close()
      if (!log.saved(atWork.path)) await rm(atWork.path, { force: true })
    }
    return { ok: false, reason }
  }

  private note(context: CommandContext, used: { cpuSeconds: number; memoryBytes: number; peakMemoryBytes: number } | undefined): void {
    if (used === undefined) return
    context.metrics.add('cpuSeconds', Math.max(0, used.cpuSeconds - this.cpuSeconds))
    context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
    this.cpuSeconds = used.cpuSeconds
    this.memoryBytes = used.memoryBytes
  }

  private listener(log: (lines: readonly string[], stream: 'stdout' | 'stderr') => Promise<void> | undefined): LinesListener {
    return (lines, stream) => {
      if (stream !== 'replies') return log(lines, stream)
      for (const line of lines) {
        const reply = parsed(line)
        if (!isReply.Check(reply)) continue
        if (reply.rss !== undefined && reply.rss > 0) this.memoryBytes = reply.rss
        this.onReply(reply)
      }
      return undefined
    }
  }

  private async awaitReady(context: CommandContext): Promise<void> {
    const { app } = this
    const hang = new HangWatch(app.pid, context.sessions?.limits.hangMs ?? 0)
    const log = new TaskLog({ context, pid: app.pid, marker: this.marker, streams: [], onLine: () => undefined })
    const ready = new Promise<readonly string[]>((resolveReady, reject) => {
      this.onReply = (reply) => {
        if (reply.declined !== undefined) reject(new DeclinedError(reply.declined))
        else if (reply.ready === true) resolveReady(reply.files ?? [])
      }
    })
    app.listener = this.listener((lines, stream) => {
      hang.saw(lines.length)
      return log.lines(lines, stream)
    })
    const broke = Promise.race([app.ended.then((how) => `it ended while it opened the scene: ${how}`), hang.hung])
    try {
      const files = await Promise.race([
        ready,
        broke.then((reason) => {
          throw new Error(reason)
        }),
      ])
      context.signal.throwIfAborted()
      if (files.length > MAX_FILES) throw new DeclinedError(`the scene has ${files.length} files, too many to watch for changes`)
      await Promise.all(files.map(async (path) => this.marks.set(path, await markOf(path))))
    } finally {
      await hang.stop()
      log.flush()
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

let source: Promise<string> | undefined

/** The text of the script, from the resources beside the program or in it. */
function bridgeSource(): Promise<string> {
  source ??= findResource(join('sessions', 'blender_bridge.py'))
  return source
}

async function findResource(name: string): Promise<string> {
  const places: string[] = []
  for (let folder = import.meta.dirname, above = ''; folder !== above; above = folder, folder = dirname(folder)) {
    places.push(join(folder, 'resources', name))
  }
  const packaged = (process as { resourcesPath?: string }).resourcesPath
  if (packaged !== undefined) places.push(join(packaged, name), join(packaged, 'resources', name))
  for (const place of places) {
    const text = await readFile(place, 'utf8').catch(() => undefined)
    if (text !== undefined) return text
  }
  throw new Error(`no file resources/${name} beside this program`)
}
