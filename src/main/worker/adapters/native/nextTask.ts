/**
 * The task that this worker will run next: held while every slot is taken, started when one becomes free. Until then the manager may
 * request it back; a returned task is not started, even when it arrives after the request.
 */
import type { Assignment, Fence } from '../../../../shared/schemas/agent.ts'

export class NextTask {
  private assignment: Assignment | undefined
  /** Returned, and not yet acknowledged. */
  private givenBack: Fence[] = []

  /** The held task; undefined: none. */
  get fence(): Fence | undefined {
    return this.assignment && fenceOf(this.assignment)
  }

  /** Nothing needs to be reported to the manager. */
  get isSettled(): boolean {
    return this.givenBack.length === 0
  }

  hold(assignment: Assignment): void {
    const fence = fenceOf(assignment)
    if (!this.givenBack.some((other) => isSame(other, fence))) this.assignment = assignment
  }

  /** To be started now. */
  take(): Assignment | undefined {
    const taken = this.assignment
    this.assignment = undefined
    return taken
  }

  /** The manager wants it back; it may still be in transit to this worker. */
  giveBack(fence: Fence): void {
    if (this.assignment && isSame(fenceOf(this.assignment), fence)) this.assignment = undefined
    if (!this.givenBack.some((other) => isSame(other, fence))) this.givenBack.push(fence)
  }

  /** What the next call must list as returned. */
  returned(): Fence[] {
    return [...this.givenBack]
  }

  /** The call that listed it was answered. */
  acknowledge(returned: readonly Fence[]): void {
    this.givenBack = this.givenBack.filter((fence) => !returned.includes(fence))
  }

  /** The connection is gone, and with it all agreements. */
  forget(): void {
    this.assignment = undefined
    this.givenBack = []
  }
}

function fenceOf({ taskId, attempt }: Assignment): Fence {
  return { taskId, attempt }
}

function isSame(a: Fence, b: Fence): boolean {
  return a.taskId === b.taskId && a.attempt === b.attempt
}
