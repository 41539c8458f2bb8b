/**
 * The applications that this worker keeps open between tasks of a job. A command calls `run`; when a task cannot run in a
 * warm application, or fails in one, the result is a reason, and the command runs in a new process instead.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomUUID } from 'node:crypto'
import type { WarmAppReport } from '../../../shared/schemas/warmApp.ts'
import type { CommandContext, WarmAppLimits, Sessions, WarmAppSpec, WarmDriver, WarmEnd } from '../contract/commands.ts'
import { DeclinedError } from '../contract/commands.ts'
import type { Logger } from '../../../shared/logger.ts'
import { closeReason, makeRoom, STRIKES_ALLOWED } from './warmAppPolicy.ts'
import { ensureDir } from '../../system/ensureDir.ts'

interface Entry {
  readonly news: WarmAppReport
  readonly key: string
  readonly folder: string
  driver: WarmDriver | undefined
  firstMemoryBytes: number
  jobOver: boolean
  idleSince: number
  idleTimer: NodeJS.Timeout | undefined
  closing: Promise<void> | undefined
}

export interface WarmAppPoolOptions {
  readonly slots: number
  readonly limits: WarmAppLimits
  /** Parent folder of working folders. */
  readonly workRoot: string
  readonly log: Logger
  now(): number
}

/** Keys known not to work; the oldest are dropped first. */
const MAX_REMEMBERED = 500
/** Closed applications that were not yet reported to the manager. */
const MAX_UNREPORTED = 100

export class WarmAppPool implements Sessions {
  readonly limits: WarmAppLimits
  private readonly entries = new Map<string, Entry>()
  private readonly unreported: WarmAppReport[] = []
  private readonly declined = new Map<string, string>()
  private readonly strikes = new Map<string, number>()
  private active = 0
  private closed = false
  /** Counts changes, so that the reporter knows whether there is something new. */
  version = 0

  constructor(private readonly options: WarmAppPoolOptions) {
    this.limits = options.limits
  }

  /** An attempt starts; idle applications make room for it. Call the returned function when it has ended. */
  enter(jobId: string): () => void {
    this.active++
    const ours = [...this.entries.values()].filter((entry) => isIdle(entry) && entry.news.jobId === jobId)
    // The attempt will want one of its own job; if it does not, `run` makes the room.
    this.makeRoom(jobId, ours.length > 0 ? this.active - 1 : this.active)
    return () => {
      this.active--
    }
  }

  /** Runs a task in a warm application, opening one if necessary. Throws only the signal's reason, when the task was stopped. */
  async run<D extends WarmDriver>(spec: WarmAppSpec<D>, context: CommandContext, work: (driver: D) => Promise<WarmEnd>): Promise<WarmEnd> {
    if (this.closed) return { ok: false, reason: 'the worker is stopping' }
    if (context.task.sessions === false) return { ok: false, reason: 'the job requires a new process for each task' }
    const known = this.declined.get(spec.key)
    if (known !== undefined) return this.fresh(context, known)
    const entry = (await this.reuse(spec.key, context)) ?? this.create(spec, context)
    const gone = onAbort(context.signal, () => void this.close(entry, 'its task was stopped', false))
    try {
      if (entry.driver === undefined) {
        await ensureDir(entry.folder, 0o700)
        const driver = await spec.open(context, entry.folder)
        entry.driver = driver
        void driver.ended.then((how) => this.close(entry, `it ended by itself: ${how}`, false))
        if (entry.closing !== undefined) await driver.close(false)
      }
      this.change(entry, 'busy')
      // The key includes the kind of application, so whatever was opened under it is a driver of that kind.
      const end = await work(entry.driver as D)
      context.signal.throwIfAborted()
      if (!end.ok && end.declined !== true) return await this.failed(entry, spec.key, context, end.reason)
      if (!end.ok) {
        this.wait(entry)
        return this.fresh(context, end.reason)
      }
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

  /** The manager has no more tasks of this job for this worker: its application is closed when it is idle. */
  jobOver(jobId: string): void {
    for (const entry of this.entries.values()) {
      if (entry.news.jobId !== jobId) continue
      entry.jobOver = true
      if (isIdle(entry)) void this.close(entry, 'its job no longer needs it', true)
    }
  }

  /** The worker is needed for something else. */
  closeIdle(reason: string): void {
    for (const entry of this.entries.values()) if (isIdle(entry)) void this.close(entry, reason, true)
  }

  /** Closes all for good, including busy ones. Resolves when no process is left. */
  async end(): Promise<void> {
    this.closed = true
    await Promise.all([...this.entries.values()].map((entry) => this.close(entry, 'the worker stopped', isIdle(entry))))
  }

  /** All open applications, and those closed since `acknowledge`. */
  news(): WarmAppReport[] {
    return [...this.unreported, ...[...this.entries.values()].map(({ news }) => news)].map((news) => ({ ...news }))
  }

  /** The manager has acknowledged these. */
  acknowledge(reports: readonly WarmAppReport[]): void {
    const closed = new Set(reports.filter(({ state }) => state === 'closed').map(({ id }) => id))
    for (let at = this.unreported.length - 1; at >= 0; at--) if (closed.has(this.unreported[at]?.id ?? '')) this.unreported.splice(at, 1)
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
    this.wait(entry)
  }

  /** Until its next task. */
  private wait(entry: Entry): void {
    this.change(entry, 'idle')
    entry.idleSince = this.options.now()
    entry.idleTimer = setTimeout(() => void this.close(entry, 'it was idle for too long', true), this.limits.idleMs)
    entry.idleTimer.unref()
  }

  private async failed(entry: Entry, key: string, context: CommandContext, reason: string): Promise<WarmEnd> {
    await this.close(entry, reason, false)
    const strikes = (this.strikes.get(key) ?? 0) + 1
    remember(this.strikes, key, strikes)
    if (strikes >= STRIKES_ALLOWED) remember(this.declined, key, `it failed ${strikes} times in an open application: ${reason}`)
    context.log('farm', `${entry.news.title}: ${reason}; running the task again in a new process\n`)
    return { ok: false, reason }
  }

  private fresh(context: CommandContext, reason: string): WarmEnd {
    this.makeRoom(context.task.jobId, this.active)
    context.log('farm', `in a new process, because ${reason}\n`)
    return { ok: false, reason }
  }

  private makeRoom(jobId: string, active: number): void {
    const idle = [...this.entries.values()]
      .filter(isIdle)
      .map(({ news, idleSince }) => ({ id: news.id, jobId: news.jobId, since: idleSince }))
    for (const id of makeRoom(idle, active, this.options.slots, jobId)) {
      const entry = this.entries.get(id)
      if (entry !== undefined) void this.close(entry, 'the worker needs the memory for other tasks', true)
    }
  }

  private change(entry: Entry, state: WarmAppReport['state']): void {
    if (entry.closing !== undefined) return
    entry.news.state = state
    this.version++
  }

  /** Closes an application once; every caller gets the same promise. */
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
    this.unreported.push(news)
    if (this.unreported.length > MAX_UNREPORTED) this.unreported.shift()
    this.version++
    this.options.log.info({ session: news.title, tasks: news.tasks, reason }, 'closing an application')
    try {
      await driver?.close(gently)
      await rm(entry.folder, { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      this.options.log.warn({ err: error }, 'could not remove the folder of a closed application')
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

/** Calls back when the signal aborts; the returned function cancels it. */
function onAbort(signal: AbortSignal, action: () => void): () => void {
  signal.addEventListener('abort', action, { once: true })
  return () => signal.removeEventListener('abort', action)
}
