/**
 * One attempt: runs a task's commands one after the other, counts steps, enforces its time limits, and tells a sink what
 * happens. The same for every adapter; only the sink differs.
 */
import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogStream, Outcome } from '../../shared/enums.ts'
import {
  CommandError,
  CouldNotStartError,
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
} from './commands/types.ts'
import type { AttemptJournal } from './journal.ts'
import type { Logger } from './logger.ts'
import type { SessionPool } from './sessions/sessionPool.ts'
import { settlesWithin } from './timing.ts'
import { makeFolders } from '../system/makeFolders.ts'

/** What to run. Limits are milliseconds; 0 is none. */
export interface AttemptPlan {
  readonly task: TaskFacts
  readonly commands: readonly Command[]
  readonly maxRunMs: number
  readonly maxSilenceMs: number
  /** How much of `maxRunMs` an earlier run of the worker used. */
  readonly ranMs?: number
  /** For what can be taken up after the worker was killed. */
  readonly journal?: AttemptJournal
  /** Makes the commands what this machine can run, e.g. fetches files first. Its errors end the attempt. */
  readonly prepare?: ((signal: AbortSignal) => Promise<readonly Command[]>) | undefined
}

export interface AttemptEnd {
  outcome: Outcome
  exitCode: number | null
  /** Empty on success. */
  reason: string
  result?: unknown
  metrics: Record<string, number>
}

/** Where an attempt's events go. `started` is the first call, `finished` the last. None of them may fail. */
export interface AttemptSink {
  started(): void
  log(stream: LogStream, text: string): void
  congested(): Promise<void> | undefined
  /** Steps done so far, counted over all commands. */
  progress(stepsCompleted: number): void
  activity(text: string): void
  output(file: OutputFile): void
  /** Resolves when all that was told so far would outlive this process. */
  settled(): Promise<void>
  finished(end: AttemptEnd): void
}

/** What all attempts of an agent share. */
export interface AttemptDeps {
  readonly registry: CommandRegistry
  readonly processes: ProcessLedger
  readonly tools: ToolSettings
  readonly limits: ExecLimits
  readonly sessions?: SessionPool
  /** Working folders of attempts are made in here. */
  readonly workRoot: string
  readonly workerName: string
  /** How long a command may take to end after it was told to; then its attempt ends without it. Default 30 s. */
  readonly stopGraceMs?: number
  readonly log: Logger
  now(): number
}

const STOP_GRACE_MS = 30_000
/** How long the size of a saved file may take to find out (a hanging network share) at an attempt's end. */
const STAT_PATIENCE_MS = 2000

export class AttemptRun {
  readonly plan: AttemptPlan
  /** Resolves after the sink was told that it finished. Never rejects. */
  readonly done: Promise<AttemptEnd>
  private readonly sink: AttemptSink
  private readonly deps: AttemptDeps
  private readonly controller = new AbortController()
  private readonly metrics = new Map<string, number>()
  private readonly outputs = new Set<Promise<void>>()
  private steps = 0
  private endsWithinMs = 0
  /** By a clock that stands still while the computer sleeps and that nobody sets: neither must end an attempt. */
  private lastLife = performance.now()
  private result: unknown
  private folder: Promise<string> | undefined

  /** Starts at once. */
  constructor(plan: AttemptPlan, sink: AttemptSink, deps: AttemptDeps) {
    this.plan = plan
    this.sink = sink
    this.deps = deps
    this.done = this.run()
  }

  /** Ends it: what runs is killed, and the attempt finishes with this error's outcome. The first call counts. */
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
      await this.runCommands()
      end = { outcome: 'success', exitCode: 0, reason: '', metrics: {} }
    } catch (error) {
      end = this.failure(error)
    }
    cancelLimits()
    leaveSessions?.()
    if (this.outputs.size > 0) await settlesWithin(Promise.all(this.outputs), STAT_PATIENCE_MS)
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
    const commands = (await this.plan.prepare?.(signal)) ?? this.plan.commands
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

  /** The command's end; or, when it was told to stop and does not, the reason after a while. */
  private orGiveUp(running: Promise<void>): Promise<void> {
    const { signal } = this.controller
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        void settlesWithin(running, Math.max(this.endsWithinMs, this.deps.stopGraceMs ?? STOP_GRACE_MS)).then((settled) => {
          if (settled) return
          this.deps.log.error({ task: this.plan.task.taskId }, 'a command did not end after it was told to; going on without it')
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
    const { task } = this.plan
    const alive = () => {
      this.lastLife = performance.now()
    }
    return {
      task,
      signal: this.controller.signal,
      log: (stream, text) => {
        alive()
        this.plan.journal?.enter(stream, text)
        sink.log(stream, text)
      },
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
      result: (value) => {
        this.result = value
      },
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

  /** Adds the file's size where the command did not know it; the attempt does not finish before that is reported. */
  private reportOutput(file: OutputFile): void {
    if (file.bytes !== undefined) return this.sink.output(file)
    const pending = stat(file.path).then(
      (facts) => this.sink.output({ ...file, bytes: facts.size }),
      () => this.sink.output(file),
    )
    const tracked = pending.finally(() => this.outputs.delete(tracked))
    this.outputs.add(tracked)
  }

  private enforceLimits(): () => void {
    const { maxRunMs, maxSilenceMs, ranMs = 0 } = this.plan
    const timers = new Set<NodeJS.Timeout>()
    const later = (ms: number, action: () => void) => {
      const timer = setTimeout(
        () => {
          timers.delete(timer)
          action()
        },
        Math.min(ms, 0x7fff_ffff),
      )
      timers.add(timer)
    }
    if (maxRunMs > 0) later(Math.max(0, maxRunMs - ranMs), () => this.stop(new TimedOutError(`ran longer than ${seconds(maxRunMs)}`)))
    const checkSilence = () => {
      const left = this.lastLife + maxSilenceMs - performance.now()
      if (left > 0) later(left, checkSilence)
      else this.stop(new SilentError(`no log line and no progress for ${seconds(maxSilenceMs)}`))
    }
    if (maxSilenceMs > 0) later(maxSilenceMs, checkSilence)
    return () => timers.forEach((timer) => clearTimeout(timer))
  }

  private async makeFolder(): Promise<string> {
    const { taskId, attempt } = this.plan.task
    const folder = join(this.deps.workRoot, `${taskId}-${attempt}`)
    // Left over from a killed worker, or from another run of the task of a Manager that does not number attempts.
    await rm(folder, { recursive: true, force: true })
    await makeFolders(folder, 0o700)
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
