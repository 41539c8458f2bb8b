/**
 * What is decided about a task when it is handed out rather than when it was submitted: the current image of an actor, its state, secrets
 * that must not lie in the database. A dialect registers one function for a kind of task.
 */
import type { ActorGrant } from '../../../shared/schemas/actorRun.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { WorkerState } from './model.ts'

export interface HandOutFacts {
  /** Public ids, and the internal keys. */
  readonly taskId: string
  readonly taskKey: number
  readonly jobId: string
  readonly jobKey: number
  readonly attempt: number
  readonly worker: WorkerState
  /** As stored with the task, variables replaced for the worker. */
  readonly commands: readonly Command[]
}

export interface HandedOut {
  commands: Command[]
  actor?: ActorGrant
}

/** An error ends the attempt as `could-not-start`, with the error's message. */
export type HandOut = (facts: HandOutFacts) => HandedOut | Promise<HandedOut>

/** By kind of task. */
export class HandOuts {
  private readonly byKind = new Map<string, HandOut>()

  register(kind: string, handOut: HandOut): void {
    this.byKind.set(kind, handOut)
  }

  of(kind: string): HandOut | undefined {
    return this.byKind.get(kind)
  }
}
