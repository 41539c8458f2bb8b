/** What open applications mean for who gets which task: pure decisions over values. */

export interface WaiterFacts {
  /** Jobs whose application it has open. */
  readonly warmFor: ReadonlySet<number>
}

/**
 * In which order workers that wait choose, each the best task for it, when there is something for all of them or for some.
 * Those with nothing open come first, the longest waiting before others, so that they take what is foreign to the open
 * applications of the rest. Nobody waits longer for that: all of them choose in the same moment, and each still takes the
 * task of highest rank that it may have.
 */
export function choosingOrder<W extends WaiterFacts>(waiting: readonly W[]): W[] {
  const cold = waiting.filter(({ warmFor }) => warmFor.size === 0)
  return cold.length === waiting.length ? [...waiting] : [...cold, ...waiting.filter(({ warmFor }) => warmFor.size > 0)]
}

/** Who is let past a worker that is about to get a task of this job without having its scene open; undefined: nobody. */
export function betterPlaced<W extends WaiterFacts>(jobId: number, worker: W, others: readonly W[]): W | undefined {
  if (worker.warmFor.has(jobId)) return undefined
  return others.find(({ warmFor }) => warmFor.has(jobId))
}

export interface SessionJobFacts {
  /** The job may hand out tasks, as far as its status goes. */
  readonly runnable: boolean
  /** It has a task of the session's kind that waits for nothing but a worker. */
  readonly hasReady: boolean
  /** Tasks of the session's kind that run, wherever: one of them may come back. */
  readonly active: number
}

/** Whether the job has nothing left for an application that is open for it. */
export function nothingLeft({ runnable, hasReady, active }: SessionJobFacts): boolean {
  return !runnable || (!hasReady && active === 0)
}
