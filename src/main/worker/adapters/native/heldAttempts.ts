/**
 * The attempts that this worker is responsible for: running ones, and ended ones whose end the manager has not received
 * yet. Every call lists both, so that the manager neither times them out nor assigns them to another worker.
 */
import type { Readable } from 'node:stream'
import type { BlobRef } from '../../../../shared/schemas/actorRun.ts'
import type { Assignment, Fence } from '../../../../shared/schemas/agent.ts'
import { AttemptRun, type AttemptDeps, type AttemptEnd } from '../../attempt/attempt.ts'
import { StoppedError, type CommandError, type OutputFile } from '../../contract/commands.ts'
import { fitWarning, type ReportedWarning } from '../../../../shared/schemas/jobs/warning.ts'
import type { AttemptJournal, Journals } from '../../reporting/journal.ts'
import type { ReportLog } from '../../reporting/reportLog.ts'
import { NativeSink } from './attemptSink.ts'
import type { CheckoutCopies } from './checkouts.ts'
import type { AttemptResults, JobResults } from './results/jobResults.ts'
import { framesOfTask } from '../../../../shared/frames/taskFrames.ts'
import { NextTask } from './nextTask.ts'

interface Held {
  fence: Fence
  assignment: Assignment | undefined
  /** Undefined for an attempt that ended in an earlier run of this worker. */
  run: AttemptRun | undefined
  startedAt: number
  journal: AttemptJournal | undefined
  /** The report log entry of its end; undefined while it runs. */
  finishedSeq: number | undefined
}

export interface HeldAttemptsOptions {
  capacity: number
  reportLog: ReportLog
  deps: AttemptDeps
  journals: Journals
  checkouts: CheckoutCopies
  results: JobResults
  /** A file of the manager's store. */
  storedFile(blob: BlobRef, signal: AbortSignal): Promise<Readable>
  /** `shownPath`: the file as the manager knows it. */
  onOutput(fence: Fence, file: OutputFile, seq: number, shownPath: string): void
  /** Whether new attempts are accepted now. */
  accepting(): boolean
  /** An attempt ended (its end is in the report log). */
  onEnded(): void
}

/** What is running now, for status displays. */
export interface RunningAttempt extends Fence {
  jobName: string
  taskName: string
  startedAt: number
}

export class HeldAttempts {
  private readonly options: HeldAttemptsOptions
  private readonly held = new Map<string, Held>()
  /** The last entry of the report log from an earlier run of the worker. */
  private readonly lastSeqBefore: number
  /** The task to run next. */
  readonly next = new NextTask()
  /** The report log entry of an attempt's start, whose report asks the manager for the task after it. */
  private asksNextAt: number | undefined

  constructor(options: HeldAttemptsOptions) {
    this.options = options
    this.lastSeqBefore = options.reportLog.lastSeq
  }

  /** An attempt of an earlier run of this worker whose end is still in the report log. */
  addEnded(fence: Fence, finishedSeq: number): void {
    this.held.set(keyOf(fence), { fence, assignment: undefined, run: undefined, startedAt: 0, journal: undefined, finishedSeq })
  }

  /** An attempt that an earlier run of this worker began and whose work continues without it; `resume` takes it over. */
  addInterrupted(journal: AttemptJournal): void {
    const { assignment } = journal
    const fence = { taskId: assignment.taskId, attempt: assignment.attempt }
    const known = this.held.get(keyOf(fence))
    // Its end is already in the report log.
    if (known !== undefined) known.journal = journal
    else
      this.held.set(keyOf(fence), {
        fence,
        assignment,
        run: undefined,
        startedAt: journal.startedAt,
        journal,
        finishedSeq: undefined,
      })
  }

  /** Resumes interrupted attempts, or drops them if the manager reassigned them. */
  resume(keep: readonly Fence[]): void {
    const kept = new Set(keep.map(keyOf))
    // Not the current last entry of the report log: attempts resumed first add to it, reusing the numbers of lost entries.
    const lastSeq = Math.max(this.lastSeqBefore, this.options.reportLog.acked)
    for (const [key, held] of this.held) {
      if (held.run !== undefined || held.finishedSeq !== undefined || held.journal === undefined) continue
      if (kept.has(key)) {
        held.journal.resume(lastSeq)
        this.run(held)
      } else {
        held.journal.remove()
        this.held.delete(key)
      }
    }
  }

  /** In the notation of `framehouse` labels: `taskId attempt`. */
  keys(): ReadonlySet<string> {
    return new Set(this.held.keys())
  }

  /** Starts an attempt. Ignores one that is held already (a repeated reply). */
  start(assignment: Assignment): void {
    const fence = { taskId: assignment.taskId, attempt: assignment.attempt }
    if (this.held.has(keyOf(fence))) return
    const { deps, journals } = this.options
    const isResumable = assignment.commands.some(({ name }) => deps.registry.isResumable?.(name))
    const startedAt = deps.now()
    const journal = isResumable ? journals.begin(assignment, startedAt) : undefined
    const held: Held = { fence, assignment, run: undefined, startedAt, journal, finishedSeq: undefined }
    this.held.set(keyOf(fence), held)
    this.run(held)
    this.asksNextAt = this.options.reportLog.lastSeq
  }

  /** Whether the report up to `seq` asks for a task to hold: once for each attempt that starts while no slot is free. */
  wantsNext(seq: number): boolean {
    const isDue = this.asksNextAt !== undefined && this.asksNextAt <= seq
    return isDue && this.next.fence === undefined && this.busy >= this.options.capacity
  }

  /** The manager's reply to the report up to `seq`. */
  hold(assignment: Assignment | undefined, seq: number): void {
    if (this.asksNextAt !== undefined && this.asksNextAt <= seq) this.asksNextAt = undefined
    if (assignment === undefined || this.held.has(keyOf(assignment))) return
    this.next.hold(assignment)
    this.beginNext()
  }

  /** The manager wants these back; started ones continue. */
  recall(fences: readonly Fence[]): void {
    for (const fence of fences) if (!this.held.has(keyOf(fence))) this.next.giveBack(fence)
  }

  /** The held task will not start here. */
  giveNextBack(): void {
    const { fence } = this.next
    if (fence !== undefined) this.next.giveBack(fence)
  }

  private beginNext(): void {
    if (this.busy >= this.options.capacity || !this.options.accepting()) return
    const assignment = this.next.take()
    if (assignment !== undefined) this.start(assignment)
  }

  /** Reports that an assigned attempt will not run, so that the manager requeues it immediately. */
  refuse(assignment: Assignment, error: CommandError): void {
    const fence = { taskId: assignment.taskId, attempt: assignment.attempt }
    if (this.held.has(keyOf(fence))) return
    const startedAt = this.options.deps.now()
    const held: Held = { fence, assignment, run: undefined, startedAt, journal: undefined, finishedSeq: undefined }
    this.held.set(keyOf(fence), held)
    this.sink(held).finished({ outcome: error.outcome, exitCode: null, reason: error.message, metrics: {} })
  }

  /** Stops an attempt; does nothing when it is not running. */
  stop(fence: Fence, error: CommandError): void {
    this.held.get(keyOf(fence))?.run?.stop(error)
  }

  stopAll(error: (fence: Fence) => CommandError): void {
    for (const { fence, run } of this.held.values()) run?.stop(error(fence))
  }

  /** Stops what the manager does not let it keep after a sign-on. */
  keepOnly(keep: readonly Fence[]): void {
    const kept = new Set(keep.map(keyOf))
    for (const [key, held] of this.held) {
      if (!kept.has(key)) held.run?.stop(new StoppedError('the manager dropped or reassigned the task'))
    }
  }

  /** The manager has received everything up to `seq`: attempts that ended are done. Returns how many. */
  delivered(seq: number): number {
    let count = 0
    for (const [key, held] of this.held) {
      if (held.finishedSeq === undefined || held.finishedSeq > seq) continue
      held.journal?.remove()
      this.held.delete(key)
      count++
    }
    return count
  }

  /** Number of free slots once the manager has received the ends up to `seq`; a held task that starts has already taken its slot. */
  freedBy(seq: number): number {
    let ended = 0
    for (const held of this.held.values()) if (held.finishedSeq !== undefined && held.finishedSeq <= seq) ended++
    return Math.max(0, Math.min(ended, this.options.capacity - (this.held.size - ended)))
  }

  /** All of them, as the protocol's `running`. */
  fences(): Fence[] {
    return [...this.held.values()].map((held) => held.fence)
  }

  /** Attempts that are still running. */
  running(): RunningAttempt[] {
    const running: RunningAttempt[] = []
    for (const { fence, assignment, startedAt, finishedSeq } of this.held.values()) {
      if (finishedSeq !== undefined || assignment === undefined) continue
      running.push({ ...fence, jobName: assignment.jobName, taskName: assignment.taskName, startedAt })
    }
    return running
  }

  get busy(): number {
    let count = 0
    for (const held of this.held.values()) if (held.finishedSeq === undefined) count++
    return count
  }

  /** Slots that are certainly free: an attempt whose end the manager has not received still holds its slot. */
  get free(): number {
    return Math.max(0, this.options.capacity - this.held.size)
  }

  /** Resolves when nothing is running. */
  async idle(): Promise<void> {
    for (;;) {
      const ends = [...this.held.values()].flatMap((held) =>
        held.finishedSeq === undefined && held.run !== undefined ? [held.run.done] : [],
      )
      if (ends.length === 0) return
      await Promise.all(ends)
    }
  }

  private run(held: Held): void {
    if (held.assignment === undefined) return
    const { maxRunMs, maxSilenceMs, maxLogBytes, commands, checkout, results: home, existing, ...task } = held.assignment
    const { checkouts } = this.options
    const results = home && this.options.results.of(held.fence, home)
    const sink = this.sink(held, results)
    const prepare = async (signal: AbortSignal, say: (activity: string) => void) => {
      const own = checkout ? await checkouts.localise(commands, checkout, signal, framesOfTask(commands)) : commands
      return results ? results.localise(own, say, signal) : own
    }
    const conclude = results && (async (succeeded: boolean) => sink.results(await results.conclude(succeeded)))
    // The clock may have been set back in the meantime.
    const ranMs = Math.max(0, this.options.deps.now() - held.startedAt)
    const plan = {
      task,
      commands,
      maxRunMs,
      maxSilenceMs,
      maxLogBytes,
      existing,
      ranMs,
      journal: held.journal,
      conclude,
      storedFile: this.options.storedFile,
    }
    held.run = new AttemptRun(checkout || results ? { ...plan, prepare } : plan, sink, this.options.deps)
  }

  private sink(held: Held, results?: AttemptResults): NativeSink {
    const { reportLog, deps, onOutput, onEnded } = this.options
    const sink = new NativeSink({
      fence: held.fence,
      reportLog,
      journal: held.journal,
      now: () => deps.now(),
      shownPath: (file) => results?.shownPath(file) ?? file,
      onOutput: (file, seq) => {
        if (results?.saved(file.path, seq) === false) sink.warning(leftBehind(file.path))
        onOutput(held.fence, file, seq, results?.shownPath(file.path) ?? file.path)
      },
      onFinished: (_end: AttemptEnd, seq) => {
        results?.end(seq)
        held.finishedSeq = seq
        this.beginNext()
        onEnded()
      },
    })
    return sink
  }
}

/** A result outside of the folder that is sent home. */
function leftBehind(path: string): ReportedWarning {
  return fitWarning({
    code: 'output-outside',
    text: `"${path}" is outside of the job's output folder and stays on the worker that saved it`,
  })
}

function keyOf(fence: Fence): string {
  return `${fence.taskId} ${fence.attempt}`
}
