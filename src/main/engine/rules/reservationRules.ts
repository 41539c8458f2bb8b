/** Which task a busy worker may hold as its next one, and when it must return it: pure decisions over values. */

export interface HoldableFacts {
  /** The job has limits, a lane or a maximum of workers, or its task a lane: their units are counted when a task begins. */
  readonly counted: boolean
  /** A waiting worker could begin it now. */
  readonly wanted: boolean
  /** Every slot of the worker is taken. */
  readonly busy: boolean
}

/** Whether the task may be held for a worker that is running another one. */
export function mayBeHeld({ counted, wanted, busy }: HoldableFacts): boolean {
  return busy && !counted && !wanted
}

export interface HeldFacts {
  /** Its worker was already asked to return it. */
  readonly recalled: boolean
  /** A waiting worker could begin it now. */
  readonly wanted: boolean
  /** Its worker could get a task of a job of higher rank. */
  readonly outranked: boolean
  /** Its job may no longer assign tasks. */
  readonly jobHeld: boolean
}

/**
 * Which of the held tasks are recalled, the best ones first in `held`: those that are outranked or may not begin, and
 * one for each free slot of waiting workers that could begin it.
 */
export function toRecall<H extends HeldFacts>(held: readonly H[], freeSlots: number): H[] {
  let left = freeSlots - held.filter(({ recalled, wanted }) => recalled && wanted).length
  return held.filter(({ recalled, wanted, outranked, jobHeld }) => {
    if (recalled) return false
    if (outranked || jobHeld) return true
    return wanted && left-- > 0
  })
}

/** How long to wait for a worker that neither returns it nor reports that it began: its connection is lost, or the worker. */
export const RECALL_PATIENCE_MS = 5_000

export function recallIsOverdue(recalledAt: number | null, now: number): boolean {
  return recalledAt !== null && now - recalledAt >= RECALL_PATIENCE_MS
}
