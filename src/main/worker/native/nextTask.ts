/**
 * The task that this worker will run next: held while every slot is taken, begun when one comes free. The manager may ask for
 * it back until then; what was promised back is not begun, also when it arrives later than the question.
 */
import type { Assignment, Fence } from '../../../shared/schemas/agent.ts'

export class NextTask {
  private assignment: Assignment | undefined
  /** Promised back, and not known to be heard. */
  private givenBack: Fence[] = []

  /** What is held; undefined: nothing. */
  get fence(): Fence | undefined {
    return this.assignment && fenceOf(this.assignment)
  }

  /** Nothing waits to be told to the manager. */
  get isSettled(): boolean {
    return this.givenBack.length === 0
  }

  hold(assignment: Assignment): void {
    const fence = fenceOf(assignment)
    if (!this.givenBack.some((other) => isSame(other, fence))) this.assignment = assignment
  }

  /** To be begun now. */
  take(): Assignment | undefined {
    const taken = this.assignment
    this.assignment = undefined
    return taken
  }

  /** The manager wants it back; it may be on its way here still. */
  giveBack(fence: Fence): void {
    if (this.assignment && isSame(fenceOf(this.assignment), fence)) this.assignment = undefined
    if (!this.givenBack.some((other) => isSame(other, fence))) this.givenBack.push(fence)
  }

  /** What the next call must tell as given back. */
  returned(): Fence[] {
    return [...this.givenBack]
  }

  /** The call that told it was answered. */
  heard(told: readonly Fence[]): void {
    this.givenBack = this.givenBack.filter((fence) => !told.includes(fence))
  }

  /** The connection is gone, and with it whatever was agreed on. */
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
