/** How open applications affect the assignment of tasks: pure decisions over values. */

export interface WaiterFacts {
  /** Jobs whose application it has open. */
  readonly warmFor: ReadonlySet<number>
}

/**
 * The order in which waiting workers choose, each the best task for it, when there is work for some or all of them.
 * Those with nothing open come first, the longest waiting before others, so that they take the tasks that the open
 * applications of the rest are not for. This delays no worker: all choose at the same moment, and each still takes the
 * task of highest rank that it is eligible for.
 */
export function choosingOrder<W extends WaiterFacts>(waiting: readonly W[]): W[] {
  const cold = waiting.filter(({ warmFor }) => warmFor.size === 0)
  return cold.length === waiting.length ? [...waiting] : [...cold, ...waiting.filter(({ warmFor }) => warmFor.size > 0)]
}

/** The worker that goes before one which is about to get a task of this job without having its scene open; undefined: none. */
export function betterPlaced<W extends WaiterFacts>(jobId: number, worker: W, others: readonly W[]): W | undefined {
  if (worker.warmFor.has(jobId)) return undefined
  return others.find(({ warmFor }) => warmFor.has(jobId))
}

export interface WarmAppJobFacts {
  /** The job's status allows it to assign tasks. */
  readonly runnable: boolean
  /** It has a task of the session's kind that waits only for a worker. */
  readonly hasReady: boolean
  /** Running tasks of the session's kind, on any worker: one of them may return to the queue. */
  readonly active: number
}

/** Whether the job no longer needs an application that is open for it. */
export function nothingLeft({ runnable, hasReady, active }: WarmAppJobFacts): boolean {
  return !runnable || (!hasReady && active === 0)
}
