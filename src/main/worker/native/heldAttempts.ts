/**
 * The attempts that this worker answers for: those that run, and those that ended but whose end the manager has not
 * heard yet. Both are named in every call, so that the manager neither times them out nor gives them to somebody else.
 */
import type { Assignment, Fence } from '../../../shared/schemas/agent.ts'
import { AttemptRun, type AttemptDeps, type AttemptEnd } from '../attempt.ts'
import { StoppedError, type CommandError, type OutputFile } from '../commands/types.ts'
import type { AttemptJournal, Journals } from '../journal.ts'
import type { Outbox } from '../outbox.ts'
import { NativeSink } from './attemptSink.ts'
import type { CheckoutCopies } from './checkouts.ts'
import { NextTask } from './nextTask.ts'

interface Held {
  fence: Fence
  assignment: Assignment | undefined
  /** Undefined for an attempt that ended in an earlier run of this worker. */
  run: AttemptRun | undefined
  startedAt: number
  journal: AttemptJournal | undefined
  /** The outbox entry that tells its end; undefined while it runs. */
  finishedSeq: number | undefined
}

export interface HeldAttemptsOptions {
  capacity: number
  outbox: Outbox
  deps: AttemptDeps
  journals: Journals
  checkouts: CheckoutCopies
  onOutput(fence: Fence, file: OutputFile, seq: number): void
  /** Whether new attempts are welcome now. */
  accepting(): boolean
  /** An attempt ended (its end is in the outbox). */
  onEnded(): void
}

/** What runs now, for status displays. */
export interface RunningAttempt extends Fence {
  jobName: string
  taskName: string
  startedAt: number
}

export class HeldAttempts {
  private readonly options: HeldAttemptsOptions
  private readonly held = new Map<string, Held>()
  /** The last entry of the outbox that an earlier run of the worker wrote. */
  private readonly lastSeqBefore: number
  /** What comes after what runs. */
  readonly next = new NextTask()
  /** The outbox entry that tells of an attempt's beginning, with which the manager is to be asked for the task after it. */
  private asksNextAt: number | undefined

  constructor(options: HeldAttemptsOptions) {
    this.options = options
    this.lastSeqBefore = options.outbox.lastSeq
  }

  /** An attempt of an earlier run of this worker whose end still waits in the outbox. */
  addEnded(fence: Fence, finishedSeq: number): void {
    this.held.set(keyOf(fence), { fence, assignment: undefined, run: undefined, startedAt: 0, journal: undefined, finishedSeq })
  }

  /** An attempt that an earlier run of this worker began and whose work goes on without it; `resume` takes it up. */
  addInterrupted(journal: AttemptJournal): void {
    const { assignment } = journal
    const fence = { taskId: assignment.taskId, attempt: assignment.attempt }
    const known = this.held.get(keyOf(fence))
    // Its end is in the outbox already.
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

  /** Takes up what was interrupted, or lets go of it where the manager has given it to somebody else. */
  resume(keep: readonly Fence[]): void {
    const kept = new Set(keep.map(keyOf))
    // Not the outbox's last one now: those taken up first add to it, under the numbers of what was lost.
    const lastSeq = Math.max(this.lastSeqBefore, this.options.outbox.acked)
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

  /** As `framehouse` labels name attempts: `taskId attempt`. */
  keys(): ReadonlySet<string> {
    return new Set(this.held.keys())
  }

  /** Begins to run it. An attempt that is held already is left alone (the manager repeated itself). */
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
    this.asksNextAt = this.options.outbox.lastSeq
  }

  /** Whether the report up to `seq` asks for a task to hold: once for each attempt that begins, while no slot is free. */
  wantsNext(seq: number): boolean {
    const isDue = this.asksNextAt !== undefined && this.asksNextAt <= seq
    return isDue && this.next.fence === undefined && this.busy >= this.options.capacity
  }

  /** The manager's answer to the report up to `seq`. */
  hold(assignment: Assignment | undefined, seq: number): void {
    if (this.asksNextAt !== undefined && this.asksNextAt <= seq) this.asksNextAt = undefined
    if (assignment === undefined || this.held.has(keyOf(assignment))) return
    this.next.hold(assignment)
    this.beginNext()
  }

  /** The manager wants these back; what has begun goes on. */
  recall(fences: readonly Fence[]): void {
    for (const fence of fences) if (!this.held.has(keyOf(fence))) this.next.giveBack(fence)
  }

  /** What is held will not be begun here. */
  giveNextBack(): void {
    const { fence } = this.next
    if (fence !== undefined) this.next.giveBack(fence)
  }

  private beginNext(): void {
    if (this.busy >= this.options.capacity || !this.options.accepting()) return
    const assignment = this.next.take()
    if (assignment !== undefined) this.start(assignment)
  }

  /** Says that an attempt it was given will not be run, so that the manager requeues it at once. */
  refuse(assignment: Assignment, error: CommandError): void {
    const fence = { taskId: assignment.taskId, attempt: assignment.attempt }
    if (this.held.has(keyOf(fence))) return
    const startedAt = this.options.deps.now()
    const held: Held = { fence, assignment, run: undefined, startedAt, journal: undefined, finishedSeq: undefined }
    this.held.set(keyOf(fence), held)
    this.sink(held).finished({ outcome: error.outcome, exitCode: null, reason: error.message, metrics: {} })
  }

  /** Stops one; nothing happens when it is not running. */
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
      if (!kept.has(key)) held.run?.stop(new StoppedError('the manager has given the task up or to somebody else'))
    }
  }

  /** The manager has heard everything up to `seq`: ends among it are done with. Returns how many. */
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

  /** How many slots are free once the manager has heard the ends up to `seq`: what begins by itself has taken its own. */
  freedBy(seq: number): number {
    let ended = 0
    for (const held of this.held.values()) if (held.finishedSeq !== undefined && held.finishedSeq <= seq) ended++
    return Math.max(0, Math.min(ended, this.options.capacity - (this.held.size - ended)))
  }

  /** All of them, as the protocol's `running`. */
  fences(): Fence[] {
    return [...this.held.values()].map((held) => held.fence)
  }

  /** Attempts that are still at work. */
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

  /** Slots that are free for certain: an attempt whose end the manager has not heard still holds its slot. */
  get free(): number {
    return Math.max(0, this.options.capacity - this.held.size)
  }

  /** Resolves when nothing is at work any more. */
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
    const { maxRunMs, maxSilenceMs, commands, checkout, ...task } = held.assignment
    const prepare = checkout && ((signal: AbortSignal) => this.options.checkouts.localise(commands, checkout, signal))
    const ranMs = this.options.deps.now() - held.startedAt
    const plan = { task, commands, maxRunMs, maxSilenceMs, ranMs, journal: held.journal, prepare }
    held.run = new AttemptRun(plan, this.sink(held), this.options.deps)
  }

  private sink(held: Held): NativeSink {
    const { outbox, deps, onOutput, onEnded } = this.options
    return new NativeSink({
      fence: held.fence,
      outbox,
      journal: held.journal,
      now: () => deps.now(),
      onOutput: (file, seq) => onOutput(held.fence, file, seq),
      onFinished: (_end: AttemptEnd, seq) => {
        held.finishedSeq = seq
        this.beginNext()
        onEnded()
      },
    })
  }
}

function keyOf(fence: Fence): string {
  return `${fence.taskId} ${fence.attempt}`
}
