/** What a worker is told of a task that it got: commands with variables replaced for its platform. */
import { taskPublicId } from '../../shared/ids.ts'
import type { Assignment, CheckoutRef } from '../../shared/schemas/agent.ts'
import type { Command } from '../../shared/schemas/job.ts'
import type { Core } from './core.ts'
import type { JobRuntime, Lease } from './jobRuntime.ts'
import type { TaskState, WorkerState } from './model.ts'
import type { Reservation } from './reservations.ts'

/** Tasks whose commands run containers. */
const CONTAINER_KIND = 'container'

export class Assignments {
  private readonly expanders = new Map<string, (commands: Command[]) => Command[]>()

  constructor(private readonly core: Core) {}

  /** Variables changed: every platform's expander is made anew. */
  forgetExpanders(): void {
    this.expanders.clear()
  }

  of({ job, task, attempt, worker }: Lease): Assignment {
    return this.build(job, task, worker, attempt.number)
  }

  /** The same of a task that the worker may begin later. */
  ofReservation({ job, task, worker, attempt }: Reservation): Assignment {
    return this.build(job, task, worker, attempt)
  }

  private build(job: JobRuntime, task: TaskState, worker: WorkerState, attempt: number): Assignment {
    const commands = this.expanderFor(worker.platform)(job.commandsOf(task))
    const container = task.kind === CONTAINER_KIND ? this.core.containerGrant?.(job.state.owner, commands) : undefined
    const { checkoutId } = job.state
    // Each task passes here: a literal of one shape, without spreads.
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
    if (container) assignment.container = container
    if (job.state.policy.sessions === false) assignment.sessions = false
    if (checkoutId !== null) assignment.checkout = this.checkout(checkoutId, worker.platform)
    return assignment
  }

  /** A checkout as commands of that platform name it. */
  checkout(id: string, platform: string): CheckoutRef {
    return { id, root: this.text(this.core.checkoutFolder(id), platform) }
  }

  /** Commands with the variables of a platform filled in. */
  expand(commands: Command[], platform: string): Command[] {
    return this.expanderFor(platform)(commands)
  }

  /** A text with the variables of a platform filled in, as commands get it. */
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
