/**
 * The applications that this worker keeps open between tasks of a job. A command asks `run`; what cannot be done in a
 * session, or goes wrong in one, is answered with a reason, and the command runs in a fresh process instead.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import type { SessionReport } from '../../../shared/schemas/session.ts'
import type { CommandContext, SessionLimits, Sessions, SessionSpec, WarmDriver, WarmEnd } from '../commands/types.ts'
import { DeclinedError } from '../commands/types.ts'
import type { Logger } from '../logger.ts'
import { closeReason, makeRoom, STRIKES_ALLOWED } from './sessionPolicy.ts'
import { makeFolders } from '../../system/makeFolders.ts'

interface Entry {
  readonly news: SessionReport
  readonly key: string
  readonly folder: string
  driver: WarmDriver | undefined
  firstMemoryBytes: number
  jobOver: boolean
  idleSince: number
  idleTimer: NodeJS.Timeout | undefined
  closing: Promise<void> | undefined
}

export interface SessionPoolOptions {
  readonly slots: number
  readonly limits: SessionLimits
  /** Working folders are made in here. */
  readonly workRoot: string
  readonly log: Logger
  now(): number
}

/** Keys that are known not to work; the oldest are forgotten first. */
const MAX_REMEMBERED = 500
/** Closed sessions that the manager has not heard of. */
const MAX_UNTOLD = 100

export class SessionPool implements Sessions {
  readonly limits: SessionLimits
  private readonly entries = new Map<string, Entry>()
  private readonly untold: SessionReport[] = []
  private readonly declined = new Map<string, string>()
  private readonly strikes = new Map<string, number>()
  private active = 0
  private closed = false
  /** Counts changes, so that who tells the manager knows whether there is something new. */
  version = 0

  constructor(private readonly options: SessionPoolOptions) {
    this.limits = options.limits
  }

  /** An attempt begins; idle applications make room for it. The answer is to be called when it has ended. */
  enter(jobId: string): () => void {
    this.active++
    const ours = [...this.entries.values()].filter((entry) => isIdle(entry) && entry.news.jobId === jobId)
    // One of its own job is what the attempt will want; if it does not, `run` makes the room.
    this.makeRoom(jobId, ours.length > 0 ? this.active - 1 : this.active)
    return () => {
      this.active--
    }
  }

  /** Runs a task in a session, opened first when there is none. Throws only the signal's reason, when the task was stopped. */
  async run<D extends WarmDriver>(spec: SessionSpec<D>, context: CommandContext, work: (driver: D) => Promise<WarmEnd>): Promise<WarmEnd> {
    if (this.closed) return { ok: false, reason: 'the worker stops' }
    if (context.task.sessions === false) return { ok: false, reason: 'the job wants a fresh process for each task' }
    const known = this.declined.get(spec.key)
    if (known !== undefined) return this.fresh(context, known)
    const entry = (await this.reuse(spec.key, context)) ?? this.create(spec, context)
    const gone = onAbort(context.signal, () => void this.close(entry, 'its task was stopped', false))
    try {
      if (entry.driver === undefined) {
        await makeFolders(entry.folder, 0o700)
        const driver = await spec.open(context, entry.folder)
        entry.driver = driver
        void driver.ended.then((how) => this.close(entry, `it ended by itself: ${how}`, false))
        if (entry.closing !== undefined) await driver.close(false)
      }
      this.change(entry, 'busy')
      // The key names the kind of application, so what was opened under it is a driver of that kind.
      const end = await work(entry.driver as D)
      context.signal.throwIfAborted()
      if (!end.ok) return await this.failed(entry, spec.key, context, end.reason)
      this.done(entry, end.frames)
      return end
    } catch (error) {
      if (context.signal.aborted) {
        await this.close(entry, 'its task was stopped', false)
        throw context.signal.reason
      }
      if (error instanceof DeclinedError) remember(this.declined, spec.key, error.message)
      const reason = error instanceof Error ? error.message : String(error)
      if (!(error instanceof DeclinedError)) return await this.failed(entry, spec.key, context, reason)
      await this.close(entry, reason, false)
      return this.fresh(context, reason)
    } finally {
      gone()
    }
  }

  /** The manager has nothing left for this job here: its application is closed when it has no task. */
  jobOver(jobId: string): void {
    for (const entry of this.entries.values()) {
      if (entry.news.jobId !== jobId) continue
      entry.jobOver = true
      if (isIdle(entry)) void this.close(entry, 'its job has nothing left for it', true)
    }
  }

  /** The worker is wanted for something else. */
  closeIdle(reason: string): void {
    for (const entry of this.entries.values()) if (isIdle(entry)) void this.close(entry, reason, true)
  }

  /** Closes all, also what works, for good. Resolves when no process is left. */
  async end(): Promise<void> {
    this.closed = true
    await Promise.all([...this.entries.values()].map((entry) => this.close(entry, 'the worker stopped', isIdle(entry))))
  }

  /** All that are open, and those that were closed since `told`. */
  news(): SessionReport[] {
    return [...this.untold, ...[...this.entries.values()].map(({ news }) => news)].map((news) => ({ ...news }))
  }

  /** The manager has heard these. */
  told(heard: readonly SessionReport[]): void {
    const closed = new Set(heard.filter(({ state }) => state === 'closed').map(({ id }) => id))
    for (let at = this.untold.length - 1; at >= 0; at--) if (closed.has(this.untold[at]?.id ?? '')) this.untold.splice(at, 1)
  }

  private async reuse(key: string, context: CommandContext): Promise<Entry | undefined> {
    for (const entry of [...this.entries.values()]) {
      if (!isIdle(entry) || entry.key !== key || entry.news.jobId !== context.task.jobId || entry.driver === undefined) continue
      this.change(entry, 'busy')
      clearTimeout(entry.idleTimer)
      const outdated = await entry.driver.outdated()
      if (outdated === undefined && entry.closing === undefined) return entry
      await this.close(entry, outdated ?? 'it ended', false)
    }
    return undefined
  }

  private create(spec: { key: string; title: string }, context: CommandContext): Entry {
    this.makeRoom(context.task.jobId, this.active)
    const id = randomUUID()
    const { jobId, kind } = context.task
    const entry: Entry = {
      news: {
        id,
        jobId,
        kind,
        title: spec.title.slice(0, 200),
        state: 'opening',
        openedAt: this.options.now(),
        closedAt: null,
        reason: '',
        tasks: 0,
        frames: 0,
        memoryBytes: 0,
      },
      key: spec.key,
      folder: join(this.options.workRoot, `session-${id}`),
      driver: undefined,
      firstMemoryBytes: 0,
      jobOver: false,
      idleSince: 0,
      idleTimer: undefined,
      closing: undefined,
    }
    this.entries.set(id, entry)
    this.version++
    return entry
  }

  private done(entry: Entry, frames: number): void {
    const { news, driver } = entry
    news.tasks++
    news.frames += frames
    news.memoryBytes = driver?.memoryBytes ?? 0
    if (news.tasks === 1) entry.firstMemoryBytes = news.memoryBytes
    this.strikes.delete(entry.key)
    const reason = closeReason({ ...news, firstMemoryBytes: entry.firstMemoryBytes, jobOver: entry.jobOver }, this.limits)
    if (reason !== undefined) return void this.close(entry, reason, true)
    this.change(entry, 'idle')
    entry.idleSince = this.options.now()
    entry.idleTimer = setTimeout(() => void this.close(entry, 'no task came for it', true), this.limits.idleMs)
    entry.idleTimer.unref()
  }

  private async failed(entry: Entry, key: string, context: CommandContext, reason: string): Promise<WarmEnd> {
    await this.close(entry, reason, false)
    const strikes = (this.strikes.get(key) ?? 0) + 1
    remember(this.strikes, key, strikes)
    if (strikes >= STRIKES_ALLOWED) remember(this.declined, key, `it went wrong ${strikes} times in an open application: ${reason}`)
    context.log('farm', `${entry.news.title}: ${reason}; running the task again in a fresh process\n`)
    return { ok: false, reason }
  }

  private fresh(context: CommandContext, reason: string): WarmEnd {
    this.makeRoom(context.task.jobId, this.active)
    context.log('farm', `in a fresh process, since ${reason}\n`)
    return { ok: false, reason }
  }

  private makeRoom(jobId: string, active: number): void {
    const idle = [...this.entries.values()]
      .filter(isIdle)
      .map(({ news, idleSince }) => ({ id: news.id, jobId: news.jobId, since: idleSince }))
    for (const id of makeRoom(idle, active, this.options.slots, jobId)) {
      const entry = this.entries.get(id)
      if (entry !== undefined) void this.close(entry, 'the worker has something else to do', true)
    }
  }

  private change(entry: Entry, state: SessionReport['state']): void {
    if (entry.closing !== undefined) return
    entry.news.state = state
    this.version++
  }

  /** Closes a session once; the same promise for everybody who asks. */
  private close(entry: Entry, reason: string, gently: boolean): Promise<void> {
    entry.closing ??= this.closeNow(entry, reason, gently)
    return entry.closing
  }

  private async closeNow(entry: Entry, reason: string, gently: boolean): Promise<void> {
    const { news, driver } = entry
    clearTimeout(entry.idleTimer)
    news.state = 'closed'
    news.closedAt = this.options.now()
    news.reason = reason.slice(0, 1000)
    this.entries.delete(news.id)
    this.untold.push(news)
    if (this.untold.length > MAX_UNTOLD) this.untold.shift()
    this.version++
    this.options.log.info({ session: news.title, tasks: news.tasks, reason }, 'closing an application')
    try {
      await driver?.close(gently)
      await rm(entry.folder, { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      this.options.log.warn({ err: error }, 'could not clear away an application that was closed')
    }
  }
}

function isIdle(entry: Entry): boolean {
  return entry.news.state === 'idle'
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > MAX_REMEMBERED && oldest !== undefined) map.delete(oldest)
}

/** Calls back when the signal aborts; the answer takes that back. */
function onAbort(signal: AbortSignal, action: () => void): () => void {
  signal.addEventListener('abort', action, { once: true })
  return () => signal.removeEventListener('abort', action)
}
