/**
 * External executors as dialects see them (`farm.external`): programs that pull single tasks when they like, hold any
 * number at once, and never call home. Such a worker has the adapter `external`. Ids are public ones.
 */
import type { CancelSignal } from './cancelSignal.ts'

/** What an external executor asks for. */
export interface ExternalTake {
  /** Those of its kinds that it wants now. */
  kinds: readonly string[]
  /** Long poll, milliseconds: 0 answers at once. */
  waitMs: number
  signal: CancelSignal
}

/** A task that an external executor got. `taskKey` is the internal id, for the dialect's own rows. */
export interface ExternalTask {
  taskId: string
  jobId: string
  taskKey: number
  attempt: number
  priority: number
  /** How often its time was over before. */
  retries: number
  /** By when it had to start; null: whenever. Milliseconds since the epoch, as the next two. */
  startBy: number | null
  startedAt: number
  /** Null: without an end. */
  leaseUntil: number | null
}

export interface ExternalEnding {
  succeeded: boolean
  /** Why it failed; empty otherwise. */
  reason: string
  /** JSON; absent: what setResult stored stays. */
  result?: unknown
}

export interface ExternalEngine {
  /** The executor serves these kinds from now on, awake for as long as it exists. @throws NotFoundError */
  serve(workerId: string, kinds: readonly string[]): Promise<void>
  /** The best task of these kinds, or undefined when the time is up or its call ended. @throws NotFoundError */
  take(workerId: string, take: ExternalTake): Promise<ExternalTask | undefined>
  /** The reply with the task could not be sent: it is requeued. */
  undo(workerId: string, taskId: string): Promise<void>
  holds(workerId: string, taskId: string): boolean
  /** @throws StaleAttemptError when it does not hold the task */
  end(workerId: string, taskId: string, ending: ExternalEnding): Promise<void>
  /** The result so far, JSON. @throws StaleAttemptError */
  setResult(workerId: string, taskId: string, result: unknown): Promise<void>
  /** A text for the log of the task. @throws StaleAttemptError */
  log(workerId: string, taskId: string, text: string): Promise<void>
  /** Ends all its open calls without a task: what it may take has changed. */
  nudge(workerId: string): void
}
