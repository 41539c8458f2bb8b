/**
 * One attempt: runs a task's commands in order, counts steps, enforces time limits, and reports events to a sink.
 * The same for every adapter; only the sink differs.
 */
import { rm, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { join } from 'node:path'
import type { LogStream, Outcome } from '../../../shared/enums.ts'
import type { BlobRef } from '../../../shared/schemas/actorRun.ts'
import { fitWarning, MAX_WARNINGS_OF_ATTEMPT, type NewWarning, type ReportedWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { Existing, Inputs } from '../../../shared/schemas/jobs/existing.ts'
import {
  CommandError,
  CouldNotStartError,
  LogLimitError,
  SilentError,
  TimedOutError,
  type Command,
  type CommandContext,
  type CommandRegistry,
  type ExecLimits,
  type OutputFile,
  type ProcessLedger,
  type TaskFacts,
  type ToolSettings,
} from '../contract/commands.ts'
import { afterRunning } from './awakeTimer.ts'
import type { AttemptJournal } from '../reporting/journal.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { WarmAppPool } from '../apps/warmAppPool.ts'
import { settlesWithin } from '../../../shared/async.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import { LogAllowance } from './logAllowance.ts'

/** What to run. Limits are milliseconds; 0: none. */
export interface AttemptPlan {
  readonly task: TaskFacts
  readonly commands: readonly Command[]
  readonly maxRunMs: number
  readonly maxSilenceMs: number
  /** The attempt ends when its log reaches so many bytes; 0 or missing: no limit. */
  readonly maxLogBytes?: number | undefined
  /** How to treat existing files; missing: replace them. */
  readonly existing?: Existing | undefined
  /** The part of `maxRunMs` that an earlier run of the worker used. */
  readonly ranMs?: number
  /** For commands that can be resumed after the worker was killed. */
  readonly journal?: AttemptJournal
  /** Reads a file of the manager's store. */
  readonly storedFile?: ((blob: BlobRef, signal: AbortSignal) => Promise<Readable>) | undefined
  /** Adapts the commands to this machine, e.g. downloads files first. Its errors end the attempt. */
  readonly prepare?: ((signal: AbortSignal, say: (activity: string) => void) => Promise<readonly Command[]>) | undefined
  /** Called when the commands are over and their files are reported, before `finished`. Never rejects. */
  readonly conclude?: ((succeeded: boolean) => Promise<void>) | undefined
}

export interface AttemptEnd {
  outcome: Outcome
  exitCode: number | null
  /** Empty on success. */
  reason: string
  result?: unknown
  metrics: Record<string, number>
}

/** Receives an attempt's events. `started` is the first call, `finished` the last. None of them may fail. */
export interface AttemptSink {
  started(): void
  log(stream: LogStream, text: string): void
  congested(): Promise<void> | undefined
  /** Completed steps so far, over all commands. */
  progress(stepsCompleted: number): void
  activity(text: string): void
  output(file: OutputFile): void
  warning(warning: ReportedWarning): void
  inputs(inputs: Inputs): void
  /** Bytes that the program handed over. */
  handOver(bytes: Buffer): void
  /** Resolves when everything reported so far would survive this process. */
  settled(): Promise<void>
  finished(end: AttemptEnd): void
}

/** Shared by all attempts of an agent. */
export interface AttemptDeps {
  readonly registry: CommandRegistry
  readonly processes: ProcessLedger
  readonly tools: ToolSettings
  readonly limits: ExecLimits
  readonly sessions?: WarmAppPool
  /** Parent folder of the attempts' working folders. */
  readonly workRoot: string
  readonly workerName: string
  /** Time limit for a command to end after it was stopped; then its attempt ends without it. Default 30 s. */
  readonly stopGraceMs?: number
  readonly log: Logger
  now(): number
}

const REPLACE: Existing = { mode: 'replace' }
const STOP_GRACE_MS = 30_000
/** Time limit at an attempt's end for finding the size of a saved file (a hanging network share). */
const STAT_PATIENCE_MS = 2000

const MORE_WARNINGS = fitWarning({ code: 'more-warnings', text: 'more warnings of a task are only in its log' })

export class AttemptRun {
  readonly plan: AttemptPlan
  /** Resolves after the sink received `finished`. Never rejects. */
  readonly done: Promise<AttemptEnd>
  private readonly sink: AttemptSink
  private readonly deps: AttemptDeps
  private readonly controller = new AbortController()
  private readonly metrics = new Map<string, number>()
  private readonly outputs = new Set<Promise<void>>()
  private readonly warned = new Set<string>()
  private readonly allowance: LogAllowance
  private steps = 0
  private endsWithinMs = 0
  /** A clock that stops while the computer sleeps and that cannot be set: neither must end an attempt. */
  private lastLife = performance.now()
  private result: unknown
  private folder: Promise<string> | undefined

  /** Starts immediately. */
  constructor(plan: AttemptPlan, sink: AttemptSink, deps: AttemptDeps) {
    this.plan = plan
    this.sink = sink
    this.deps = deps
    this.allowance = new LogAllowance(plan.maxLogBytes ?? 0, plan.journal?.enteredBefore ?? 0)
    this.done = this.run()
  }

  /** Ends the attempt: kills its processes, and finishes with this error's outcome. Only the first call counts. */
  stop(error: CommandError): void {
    this.controller.abort(error)
  }

  private async run(): Promise<AttemptEnd> {
    const { sink } = this
    const startedAt = performance.now()
    const cancelLimits = this.enforceLimits()
    const leaveSessions = this.deps.sessions?.enter(this.plan.task.jobId)
    let end: AttemptEnd
    try {
      sink.started()
      if (this.allowance.isUsedUp) this.stopAtLimit()
      await this.runCommands()
      end = { outcome: 'success', exitCode: 0, reason: '', metrics: {} }
    } catch (error) {
      end = this.failure(error)
    }
    cancelLimits()
    leaveSessions?.()
    if (this.outputs.size > 0) await settlesWithin(Promise.all(this.outputs), STAT_PATIENCE_MS)
    await this.plan.conclude?.(end.outcome === 'success')
    end.metrics = { wallMs: Math.round(performance.now() - startedAt), ...Object.fromEntries(this.metrics) }
    if (this.result !== undefined) end.result = this.result
    sink.finished(end)
    void this.removeFolder()
    return end
  }

  private async runCommands(): Promise<void> {
    const context = this.context()
    const { signal } = this.controller
    const { journal } = this.plan
    const commands = (await this.plan.prepare?.(signal, context.activity)) ?? this.plan.commands
    const first = journal?.firstCommand ?? 0
    for (const done of commands.slice(0, first)) context.progress(done.totalStepCount || 1)
    for (const [index, command] of commands.entries()) {
      if (index < first) continue
      signal.throwIfAborted()
      const kept = journal?.forCommand(index, () => this.sink.settled())
      journal?.at(index)
      const runner = this.deps.registry.find(command.name)
      if (runner === undefined) throw new CouldNotStartError(`unknown command: ${JSON.stringify(command.name)}`)
      await this.orGiveUp(runner(command, { ...context, commandIndex: index, journal: kept }))
      signal.throwIfAborted()
      // A command that does not count its own steps is one step.
      if (!command.totalStepCount) context.progress(1)
    }
  }

  /** The command's end; or the stop reason, when it does not end in time after being stopped. */
  private orGiveUp(running: Promise<void>): Promise<void> {
    const { signal } = this.controller
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        void settlesWithin(running, Math.max(this.endsWithinMs, this.deps.stopGraceMs ?? STOP_GRACE_MS)).then((settled) => {
          if (settled) return
          this.deps.log.error({ task: this.plan.task.taskId }, 'a command did not end after it was stopped; continuing without it')
          reject(signal.reason)
        })
      }
      signal.addEventListener('abort', giveUp, { once: true })
      if (signal.aborted) giveUp()
      running.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp))
    })
  }

  private failure(error: unknown): AttemptEnd {
    // Whatever a command throws while it is being stopped, the reason is why it was stopped.
    const cause: unknown = this.controller.signal.aborted ? this.controller.signal.reason : error
    if (cause instanceof CommandError) {
      return { outcome: cause.outcome, exitCode: cause.exitCode, reason: cause.message, metrics: {} }
    }
    this.deps.log.error({ err: cause, task: this.plan.task.taskId }, 'a command failed unexpectedly')
    return { outcome: 'could-not-start', exitCode: null, reason: cause instanceof Error ? cause.message : String(cause), metrics: {} }
  }

  private context(): CommandContext {
    const { deps, sink } = this
    const { task, storedFile } = this.plan
    const alive = () => {
      this.lastLife = performance.now()
    }
    const write = (stream: LogStream, text: string) => {
      alive()
      this.write(stream, text)
    }
    return {
      task,
      signal: this.controller.signal,
      log: (stream, text) => write(stream, text === '' || text.endsWith('\n') ? text : `${text}\n`),
      write,
      congested: () => sink.congested(),
      progress: (delta) => {
        if (!(delta > 0)) return
        alive()
        this.steps += Math.trunc(delta)
        sink.progress(this.steps)
      },
      activity: (text) => {
        alive()
        sink.activity(text)
      },
      alive,
      output: (file) => {
        alive()
        this.reportOutput(file)
      },
      warn: (warning) => {
        alive()
        this.warn(warning)
      },
      existing: this.plan.existing ?? REPLACE,
      inputs: (inputs) => sink.inputs(inputs),
      result: (value) => {
        this.result = value
      },
      handOver: (bytes) => {
        alive()
        sink.handOver(bytes)
      },
      storedFile: storedFile && ((blob) => storedFile(blob, this.controller.signal)),
      metrics: {
        add: (name, amount) => this.metrics.set(name, (this.metrics.get(name) ?? 0) + amount),
        max: (name, amount) => this.metrics.set(name, Math.max(this.metrics.get(name) ?? amount, amount)),
      },
      processes: deps.processes,
      workDir: () => (this.folder ??= this.makeFolder()),
      tools: deps.tools,
      limits: deps.limits,
      sessions: deps.sessions,
      env: {
        FRAMEHOUSE_JOB_ID: task.jobId,
        FRAMEHOUSE_JOB_NAME: task.jobName,
        FRAMEHOUSE_TASK_ID: task.taskId,
        FRAMEHOUSE_TASK_NAME: task.taskName,
        FRAMEHOUSE_ATTEMPT: String(task.attempt),
        FRAMEHOUSE_WORKER: deps.workerName,
      },
      endsWithin: (ms) => {
        this.endsWithinMs = ms
      },
      now: () => deps.now(),
    }
  }

  private write(stream: LogStream, text: string): void {
    const wasUsedUp = this.allowance.isUsedUp
    const kept = this.allowance.take(stream, text)
    if (kept !== '') {
      this.plan.journal?.enter(stream, kept)
      this.sink.log(stream, kept)
    }
    if (this.allowance.isUsedUp && !wasUsedUp) this.stopAtLimit()
  }

  private stopAtLimit(): void {
    const { reason } = this.allowance
    this.sink.log('farm', `The task is ended: ${reason}. What it writes from here on is not kept.\n`)
    this.stop(new LogLimitError(reason))
  }

  /** Each distinct warning is logged once; a program that warns endlessly is reported once. */
  private warn(warning: NewWarning): void {
    const fitted = fitWarning(warning)
    const key = `${fitted.code} ${fitted.text}`
    if (!this.warned.has(key)) {
      if (this.warned.size > MAX_WARNINGS_OF_ATTEMPT) return
      this.warned.add(key)
      if (this.warned.size > MAX_WARNINGS_OF_ATTEMPT) return this.sink.warning(MORE_WARNINGS)
      this.write('farm', `Warning: ${fitted.text}\n`)
    }
    this.sink.warning(fitted)
  }

  /** Adds the file's size and time when the command did not know them; the attempt does not finish before that is reported. */
  private reportOutput(file: OutputFile): void {
    if (file.bytes !== undefined && file.modifiedAt !== undefined) return this.sink.output(file)
    const pending = stat(file.path).then(
      (facts) => this.sink.output({ ...file, bytes: file.bytes ?? facts.size, modifiedAt: file.modifiedAt ?? Math.trunc(facts.mtimeMs) }),
      () => this.sink.output(file),
    )
    const tracked = pending.finally(() => this.outputs.delete(tracked))
    this.outputs.add(tracked)
  }

  private enforceLimits(): () => void {
    const { maxRunMs, maxSilenceMs, ranMs = 0 } = this.plan
    const cancels = new Map<'run' | 'silence', () => void>()
    if (maxRunMs > 0) {
      const tooLong = () => this.stop(new TimedOutError(`ran longer than ${seconds(maxRunMs)}`))
      cancels.set('run', afterRunning(Math.max(0, maxRunMs - ranMs), tooLong))
    }
    const listen = (ms: number) => cancels.set('silence', afterRunning(ms, checkSilence, stopped))
    const stopped = (missedMs: number) => {
      this.lastLife += missedMs
    }
    const checkSilence = () => {
      const left = this.lastLife + maxSilenceMs - performance.now()
      if (left > 0) listen(left)
      else this.stop(new SilentError(`no log line and no progress for ${seconds(maxSilenceMs)}`))
    }
    if (maxSilenceMs > 0) listen(maxSilenceMs)
    return () => cancels.forEach((cancel) => cancel())
  }

  private async makeFolder(): Promise<string> {
    const { taskId, attempt } = this.plan.task
    const folder = join(this.deps.workRoot, `${taskId}-${attempt}`)
    // Left by a killed worker, or by another run of the task of a Manager that does not number attempts.
    await rm(folder, { recursive: true, force: true })
    await ensureDir(folder, 0o700)
    return folder
  }

  private async removeFolder(): Promise<void> {
    if (this.folder === undefined) return
    try {
      await rm(await this.folder, { recursive: true, force: true, maxRetries: 3 })
    } catch (error) {
      this.deps.log.warn({ err: error }, 'cannot remove the working folder of an attempt')
    }
  }
}

function seconds(ms: number): string {
  return `${ms / 1000} s`
}
