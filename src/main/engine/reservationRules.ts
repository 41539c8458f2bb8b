/** Which task a busy worker may hold as its next one, and when it has to give it back: pure decisions over values. */

export interface HoldableFacts {
  /** The job has limits, a lane or a maximum of workers, or its task a lane: their units are counted when a task begins. */
  readonly counted: boolean
  /** Some worker that waits could begin it now. */
  readonly wanted: boolean
  /** Every slot of the worker is taken. */
  readonly busy: boolean
}

/** Whether the task may be held for a worker that is at another one. */
export function mayBeHeld({ counted, wanted, busy }: HoldableFacts): boolean {
  return busy && !counted && !wanted
}

export interface HeldFacts {
  /** Its worker was asked to give it back already. */
  readonly recalled: boolean
  /** Some worker that waits could begin it now. */
  readonly wanted: boolean
  /** Its worker could have a task of a job of higher rank. */
  readonly outranked: boolean
  /** Its job may not hand out any more. */
  readonly jobHeld: boolean
}

/**
 * Which of the held tasks are asked back, the best ones first in `held`: those that are overtaken or may not be begun, and for
 * each free slot of workers that wait one that it could begin.
 */
export function toRecall<H extends HeldFacts>(held: readonly H[], freeSlots: number): H[] {
  let left = freeSlots - held.filter(({ recalled, wanted }) => recalled && wanted).length
  return held.filter(({ recalled, wanted, outranked, jobHeld }) => {
    if (recalled) return false
    if (outranked || jobHeld) return true
    return wanted && left-- > 0
  })
}

/** A worker that was asked and neither gives it back nor says that it began it: the connection is gone, or the worker. */
export const RECALL_PATIENCE_MS = 5_000

export function recallIsOverdue(recalledAt: number | null, now: number): boolean {
  return recalledAt !== null && now - recalledAt >= RECALL_PATIENCE_MS
}
