/** Builds the assignment that a worker receives: commands with variables replaced for its platform. */
import { taskPublicId } from '../../../shared/ids.ts'
import { ACTOR_KIND, PRIVILEGED_ACTOR_KIND } from '../../../shared/schemas/actorRun.ts'
import type { Assignment, CheckoutRef } from '../../../shared/schemas/agent.ts'
import type { KnownFile } from '../../../shared/schemas/jobs/existing.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import { commandsForFrames } from '../../../shared/frames/taskFrames.ts'
import type { Core } from '../base/core.ts'
import { existingFor, existingRule } from '../rules/existingFiles.ts'
import type { JobRuntime, Lease } from '../queue/jobRuntime.ts'
import type { TaskState, WorkerState } from '../base/model.ts'
import type { Reservation } from '../queue/reservations.ts'

/** Tasks whose commands run containers. */
const CONTAINER_KINDS: readonly string[] = ['container', ACTOR_KIND, PRIVILEGED_ACTOR_KIND]

/** A retry keeps files of earlier attempts: they must be loaded first. */
export function needsKnownFiles(job: JobRuntime, task: TaskState, attempt: number): boolean {
  return attempt > 1 && existingRule(job.state, task, attempt).mode === 'keep-proven'
}

export class Assignments {
  private readonly expanders = new Map<string, (commands: Command[]) => Command[]>()
  private readonly handedOut = new WeakMap<Lease, Command[]>()

  constructor(private readonly core: Core) {}

  /** Variables changed: recreates every platform's expander. */
  forgetExpanders(): void {
    this.expanders.clear()
  }

  async of(lease: Lease): Promise<Assignment> {
    const assignment = await this.assignmentOf(lease)
    this.handedOut.set(lease, assignment.commands)
    return assignment
  }

  /** The commands as the worker received them; after a restart of the manager, as it would receive them now. */
  commandsOf(lease: Lease): Command[] {
    const handedOut = this.handedOut.get(lease)
    if (handedOut !== undefined) return handedOut
    const { job, task, attempt, worker } = lease
    const { frames } = existingRule(job.state, task, attempt.number)
    const commands = job.commandsOf(task)
    return this.expand(frames === undefined ? commands : commandsForFrames(commands, frames), worker.platform)
  }

  private async assignmentOf({ job, task, attempt, worker }: Lease): Promise<Assignment> {
    const known = needsKnownFiles(job, task, attempt.number) ? await this.knownFiles(job, task, attempt.number, worker) : []
    const handOut = this.core.handOuts.of(task.kind)
    if (handOut === undefined) return this.build(job, task, worker, attempt.number, known)
    const { publicId: jobId, id: jobKey } = job.state
    const taskId = taskPublicId(jobId, task.index)
    const commands = this.expanderFor(worker.platform)(job.commandsOf(task))
    const done = await handOut({ taskId, taskKey: task.id, jobId, jobKey, attempt: attempt.number, worker, commands })
    const assignment = this.build(job, task, worker, attempt.number, known, done.commands)
    if (done.actor) assignment.actor = done.actor
    return assignment
  }

  /** The same for a task that the worker may begin later; never one that needs more data (needsKnownFiles, HandOut). */
  ofReservation({ job, task, worker, attempt }: Reservation): Assignment {
    return this.build(job, task, worker, attempt, [])
  }

  /** Files that earlier attempts reported, in the worker's notation. */
  private async knownFiles(job: JobRuntime, task: TaskState, attempt: number, worker: WorkerState): Promise<KnownFile[]> {
    const { since } = existingRule(job.state, task, attempt)
    const known = await this.core.store.loadKnownFiles(task.id, since)
    return known.map(({ platform, ...file }) => ({ ...file, path: this.core.pathFor(file.path, platform, worker.platform) }))
  }

  /** `handedOut`: the commands, where they were decided just now. */
  private build(
    job: JobRuntime,
    task: TaskState,
    worker: WorkerState,
    attempt: number,
    known: KnownFile[],
    handedOut?: Command[],
  ): Assignment {
    const rule = existingRule(job.state, task, attempt)
    const whole = handedOut ?? this.expanderFor(worker.platform)(job.commandsOf(task))
    const commands = rule.frames === undefined ? whole : commandsForFrames(whole, rule.frames)
    const container = CONTAINER_KINDS.includes(task.kind) ? this.core.containerGrant?.(job.state.adminRights, commands) : undefined
    const { checkoutId } = job.state
    // Every task passes here: a literal of one shape, without spreads.
    const assignment: Assignment = {
      taskId: taskPublicId(job.state.publicId, task.index),
      attempt,
      jobId: job.state.publicId,
      jobName: job.state.name,
      jobType: job.state.type,
      taskName: task.name,
      kind: task.kind,
      commands,
      stepsTotal: task.stepsTotal,
      maxRunMs: job.state.policy.maxRunMs,
      maxSilenceMs: job.state.policy.maxSilenceMs,
    }
    const { maxLogBytes } = job.state.policy
    if (maxLogBytes) assignment.maxLogBytes = maxLogBytes
    if (container) assignment.container = container
    if (job.state.policy.sessions === false) assignment.sessions = false
    if (checkoutId !== null) assignment.checkout = this.checkout(checkoutId, worker.platform)
    if (job.state.resultsRoot !== null) assignment.results = { root: this.core.pathOn(job.state.resultsRoot, worker.platform) }
    const existing = existingFor(rule, known)
    if (existing) assignment.existing = existing
    return assignment
  }

  /** A checkout in the notation of that platform's commands. */
  checkout(id: string, platform: string): CheckoutRef {
    return { id, root: this.text(this.core.checkoutFolder(id), platform) }
  }

  /** Commands with the variables of a platform replaced. */
  expand(commands: Command[], platform: string): Command[] {
    return this.expanderFor(platform)(commands)
  }

  /** A text with the variables of a platform replaced, as in commands. */
  text(text: string, platform: string): string {
    const [filled] = this.expand([{ name: '', parameters: { text }, totalStepCount: 0 }], platform)
    const value = filled?.parameters['text']
    return typeof value === 'string' ? value : text
  }

  private expanderFor(platform: string): (commands: Command[]) => Command[] {
    let expander = this.expanders.get(platform)
    if (!expander) this.expanders.set(platform, (expander = this.core.expandFor(platform)))
    return expander
  }
}
