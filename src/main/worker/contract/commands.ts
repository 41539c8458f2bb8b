/**
 * The contract between the agent (which runs attempts) and the commands (one file each below `../commands`).
 * A command does its work through its context only: it never talks to a manager, so the same command serves every adapter.
 */
import type { Readable } from 'node:stream'
import type { ActorGrant, BlobRef } from '../../../shared/schemas/actorRun.ts'
import type { LogStream, Outcome } from '../../../shared/enums.ts'
import type { ContainerGrant } from '../../../shared/schemas/agent.ts'
import type { Existing, FrameCheck, Inputs } from '../../../shared/schemas/jobs/existing.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { NewWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { Load, MachineReport } from '../../../shared/schemas/worker.ts'
import type { CommandJournal } from '../reporting/journal.ts'

export type { Command }

/**
 * Runs one command of a task. Resolves when it is done; throws a CommandError when it failed (anything else thrown counts
 * as `could-not-start`). When `context.signal` aborts, it ends everything it started (whole process trees) and throws
 * `context.signal.reason`, which is a CommandError.
 */
export type CommandRunner = (command: Command, context: CommandContext) => Promise<void>

/** Everything a command may use. */
export interface CommandContext {
  /** Whose command this is; for messages and for the environment of children. */
  readonly task: TaskFacts
  /** Aborts on cancellation, time-out and silence. Its `reason` is the CommandError to throw. */
  readonly signal: AbortSignal
  /**
   * Appends to the attempt's log: one or many whole lines in one call (a missing newline at the end is added).
   * Never fails. Counts as a sign of life. Readers of pipes must honour `congested()` after calling it.
   */
  log(stream: LogStream, text: string): void
  /**
   * The same for what a program wrote: text of `decodeRaw`, appended as it is. Its lines may come in pieces, and the last one need not
   * end in a newline.
   */
  write(stream: 'stdout' | 'stderr', text: string): void
  /**
   * Undefined while there is room for more log text. Otherwise a promise that resolves when there is: stop reading the
   * pipe until then, so that a child which writes faster than the disk takes it waits instead of filling our memory.
   */
  congested(): Promise<void> | undefined
  /** Adds to the steps done; only for commands with `totalStepCount` > 0 (the agent itself counts one step for the others). */
  progress(stepsDelta: number): void
  /** What it does just now, in a few words, e.g. `frame 12, sample 64/128`. Shown in the task list; the newest one wins. */
  activity(text: string): void
  /** A sign of life without a log line (counts against `maxSilenceMs`), e.g. while a file is being copied. */
  alive(): void
  /** A file that is complete on disk. The agent reports it and has previews made of it. */
  output(file: OutputFile): void
  /**
   * A remark on a result that still counts. Also written to the log. Equal ones (code and text) are merged, so
   * name the subject and leave out what differs from task to task. Never fails.
   */
  warn(warning: NewWarning): void
  /** What to do with files that are there under the names that the command will write (worker/existing). */
  readonly existing: Existing
  /** What the files are made from; to be called once, before the first `output`. What is unknown is left out. */
  inputs(inputs: Inputs): void
  /** The attempt's result as JSON; the last one set is kept. */
  result(value: unknown): void
  /** Bytes that the program hands over while it runs, kept in order beside `result`. Honour `congested()` as after `write`. */
  handOver(bytes: Buffer): void
  /** A file of the manager's store, for what is not read from a disk. Missing where the manager has none. */
  storedFile?(blob: BlobRef): Promise<Readable>
  /** Numbers for the attempt's statistics. */
  readonly metrics: Metrics
  /** Call around every child; the agent remembers it on disk and ends it if the worker itself was killed. */
  readonly processes: ProcessLedger
  /** An empty folder of this attempt's own, made at the first call, removed when the attempt ends. The working directory of children. */
  workDir(): Promise<string>
  readonly tools: ToolSettings
  readonly limits: ExecLimits
  /** Applications that stay open between tasks; missing where there are none. */
  readonly sessions?: Sessions
  /** Added to the scrubbed environment of children: which job, task and attempt this is. */
  readonly env: Readonly<Record<string, string>>
  /** How long the command may take to end after `signal` aborted, when that is longer than usual. */
  endsWithin?(ms: number): void
  /** Which of the task's commands this is, from 0. */
  readonly commandIndex?: number
  /** For commands that can be taken up after the worker was killed; see CommandRegistry.isResumable. */
  readonly journal?: CommandJournal
  /** Milliseconds since the epoch. */
  now(): number
}

export interface TaskFacts {
  readonly taskId: string
  /** 1 for the first run. Foreign managers do not number attempts: 1 there. */
  readonly attempt: number
  readonly jobId: string
  readonly jobName: string
  readonly jobType: string
  readonly taskName: string
  readonly kind: string
  /** What the manager added for a task that runs containers. */
  readonly container?: ContainerGrant
  /** The same for an actor's message. */
  readonly actor?: ActorGrant
  /** False: the job wants a fresh process for each task. */
  readonly sessions?: boolean
}

/** A saved file. What the command does not know it leaves out. */
export interface OutputFile {
  /** Absolute, as this machine sees it. */
  path: string
  frame?: number
  bytes?: number
  width?: number
  height?: number
  /** Render time, without loading and saving if the renderer reports it. */
  renderedMs?: number
  /** What the look at the file found. */
  check?: FrameCheck
  /** Why it is damaged or unchecked. */
  checkReason?: string
  /** It was there before this attempt and was kept. */
  kept?: boolean
  /** Not the main output (a File Output node wrote it): never counts for what the task promised. */
  side?: boolean
  /** Name of the view, of stereo and multiview pictures. */
  view?: string
  sha256?: string
  /** Milliseconds since the epoch, as the file system says. */
  modifiedAt?: number
  /** What the check of it found of its pixels (main/pictures). */
  facts?: { allBlack: boolean; oneColour: boolean }
  /** Whether it shows the same as the file that it replaced; only where `existing.compare` asks for it. */
  sameAsBefore?: boolean
}

export interface Metrics {
  /** Sums over the attempt, e.g. `cpuSeconds`. */
  add(name: string, amount: number): void
  /** Keeps the largest, e.g. `peakMemoryBytes`. */
  max(name: string, amount: number): void
}

export interface ProcessLedger {
  /** A program is about to be started, with this cookie in its environment (worker/tools/process/processTree.ts), which all that it starts inherits. */
  starting(cookie: string): void
  /** It runs: `pid` leads its own process group (POSIX) or is the root of a tree (Windows). */
  started(cookie: string, pid: number): void
  /** It ended, or could not be started. */
  ended(cookie: string): void
}

/** How programs are found; see tools/. */
export interface ToolSettings {
  /** Program name (`blender`, `ffmpeg`) → absolute path; wins over PATH and the usual places. */
  readonly programs: Readonly<Record<string, string>>
}

export interface ExecLimits {
  /** Niceness of children, 0 to 19 (a priority class on Windows). */
  readonly nice: number
  /** Linux: 0 to 1000, how willingly the kernel ends children when memory runs out; null leaves it alone. */
  readonly oomScoreAdjust: number | null
}

/** The commands of this program, by name. */
export interface CommandRegistry {
  find(name: string): CommandRunner | undefined
  /** Kinds of tasks that these commands serve: of Flamenco's own for a foreign Manager, with ours added for our manager. */
  kinds(dialect: 'native' | 'flamenco'): string[]
  /** What this worker has beyond its kinds, for sign-on. */
  capabilities?(): Promise<Record<string, unknown>>
  /** Whether a command goes on without the worker, and can be taken up by its next run. */
  isResumable?(name: string): boolean
  /** Ends what an earlier run left and no attempt owns. `held`: attempts as `taskId attempt`. */
  sweep?(held: () => ReadonlySet<string>): Promise<void>
  /** Tells when kinds or capabilities change, until `stop`. */
  watch?(onChange: () => void): { stop(): void }
}

// Applications that stay open ---------------------------------------------------------------------------------------

/** The applications that this worker keeps open between tasks of a job (worker/sessions). */
export interface Sessions {
  readonly limits: WarmAppLimits
  /** Runs a task in a session, opened first when there is none. Throws only the signal's reason, when the task was stopped. */
  run<D extends WarmDriver>(spec: WarmAppSpec<D>, context: CommandContext, work: (driver: D) => Promise<WarmEnd>): Promise<WarmEnd>
}

export interface WarmAppLimits {
  /** Closed when no task came for this long. */
  readonly idleMs: number
  /** Closed after so many frames: what leaks a little in each of them never adds up to much. */
  readonly maxFrames: number
  /** Closed when it holds more memory than this after a task. */
  readonly maxMemoryBytes: number
  /** Ended when it neither says anything nor uses a processor for this long within a task; 0: never. */
  readonly hangMs: number
}

/** An open application, as the pool sees it. */
export interface WarmDriver {
  /** Resolves, in words, when the process has ended. */
  readonly ended: Promise<string>
  readonly memoryBytes: number
  /** Why it must not be used again, such as a changed file of the scene. */
  outdated(): Promise<string | undefined>
  /** Resolves when the process and everything it started are gone. `gently`: lets it close itself first. */
  close(gently: boolean): Promise<void>
}

/** What kind of application a task wants, and how it is opened. */
export interface WarmAppSpec<D extends WarmDriver> {
  /** Equal for two tasks that may share an application; begins with the kind of application. */
  readonly key: string
  /** For people: `Blender, scene.blend`. */
  readonly title: string
  /** `folder`: of the session's own, there for as long as it is open. @throws DeclinedError, or anything when it cannot be opened */
  open(context: CommandContext, folder: string): Promise<D>
}

/** How a task went in a session: well, or why it has to be run in a fresh process. */
export type WarmEnd =
  | { readonly ok: true; readonly frames: number }
  /** `declined`: nothing went wrong, the task is only not for an open application. */
  | { readonly ok: false; readonly reason: string; readonly declined?: boolean }

/** The application reports that the opened file is not suitable for a warm application. */
export class DeclinedError extends Error {
  override readonly name = 'DeclinedError'
}

// What tools/ gives the agent ----------------------------------------------------------------------------------------

/** worker/tools/machine/machine.ts: what this computer is, for sign-on. `id` is kept by the agent. */
export type DescribeMachine = (id: string, tools: ToolSettings) => Promise<MachineReport>

/** worker/tools/machine/load.ts: a sample each time it is asked (at most every few seconds); shares since the previous sample. */
export interface LoadSampler {
  sample(): Promise<Load>
}

/** worker/tools/pictures/previews.ts. Undefined when the file's format cannot be shown; throws when it should be and is broken. */
export interface PreviewMaker {
  /** JPEGs at most 320 and 1920 wide. */
  previews(path: string): Promise<{ thumbnail: Buffer; large: Buffer; light?: Buffer; width: number; height: number } | undefined>
  /** JPEG of quality 85 in full size, for a foreign Manager's output-produced. */
  fullSize(path: string): Promise<Buffer | undefined>
}

/** worker/tools/process/processTree.ts: what the agent needs to end what a killed worker left behind. */
export interface ProcessTools {
  /** A text that differs between two processes that had the same pid; undefined when there is no such process. */
  startMark(pid: number): Promise<string | undefined>
  /** Immediately ends the process and everything it started. Resolves when they are gone. */
  killTree(pid: number, options?: { cookie?: string }): Promise<void>
  /** Ends the processes that carry the cookie, where the system reveals it. Resolves with whether there were any, when all are gone. */
  killMarked(cookie: string): Promise<boolean>
  /** Ends what is left of the group of a process that is gone and had that mark, where cookies cannot be read. */
  killGroupOf(pid: number, mark: string): Promise<boolean>
}

// Failures -----------------------------------------------------------------------------------------------------------

/** How a command failed. `message` becomes the attempt's reason; the manager's failure policy decides by `outcome`. */
export abstract class CommandError extends Error {
  abstract readonly outcome: Outcome
  readonly exitCode: number | null = null
  override get name(): string {
    return this.constructor.name
  }
}

/** The program ran and reported a failure. `code` is null when a signal ended it. */
export class ExitCodeError extends CommandError {
  readonly outcome = 'exit-code'
  override readonly exitCode: number | null
  constructor(code: number | null, signal: string | null = null) {
    super(code === null ? `command was ended by signal ${signal ?? 'unknown'}` : `command exited abnormally with code ${code}`)
    this.exitCode = code
  }
}

/** The work itself failed without a program's exit code, e.g. the file to copy does not exist. */
export class CommandFailedError extends CommandError {
  readonly outcome = 'exit-code'
}

/** Nothing was run: program not found, unknown command, … */
export class CouldNotStartError extends CommandError {
  readonly outcome = 'could-not-start'
}

/** A parameter is missing or of the wrong type; `parameter` names it. */
export class InvalidParameterError extends CouldNotStartError {
  constructor(
    readonly parameter: string,
    message: string,
  ) {
    super(message)
  }
}

/** It ran longer than the job allows. */
export class TimedOutError extends CommandError {
  readonly outcome = 'timed-out'
}

/** It went without a line of log or progress for longer than the job allows. */
export class SilentError extends CommandError {
  readonly outcome = 'silent'
}

/** Its log reached the limit of the job. */
export class LogLimitError extends CommandError {
  readonly outcome = 'log-limit'
}

/** Stopped deliberately: cancellation, sign-off, a lost lease. */
export class StoppedError extends CommandError {
  readonly outcome = 'stopped'
}
