/** Asynchronous helpers: deferred promises, backoff, abortable sleeps, promises with a time limit, sequences by key, signals. */

export interface BackoffRule {
  firstMs: number
  maxMs: number
  factor: number
  /** Relative jitter, applied in both directions: 0.1 gives 90 % to 110 %. */
  jitter: number
}

/** Spreads a delay by ± `jitter` (a share); `random` is in [0, 1). */
export function jittered(delayMs: number, jitter: number, random: number): number {
  return Math.round(delayMs * (1 - jitter + 2 * jitter * random))
}

/** Delay after the `failures`-th consecutive failure (from 1), in milliseconds. */
export function backoffDelay(failures: number, rule: BackoffRule, random: number): number {
  const exponent = Math.max(0, failures - 1)
  // Beyond 60 doublings the power is not a useful number; the delay reached its maximum long before.
  const delay = Math.min(rule.maxMs, rule.firstMs * rule.factor ** Math.min(exponent, 60))
  return jittered(delay, rule.jitter, random)
}

/** Resolves after `ms`, or immediately when the signal aborts. Never rejects: callers check the signal. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Waits for the promise for at most `ms`. True when it settled in time, whether it resolved or rejected. */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  const settled = promise.then(
    () => true,
    () => true,
  )
  const inTime = await Promise.race([settled, late])
  clearTimeout(timer)
  return inTime
}

/** A promise with exposed resolve and reject (Promise.withResolvers, which Node 20 lacks). */
export interface Deferred<T> {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
}

export function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** An event of one object for others in the same process: listeners are called synchronously, in order of their subscription. */
export class Signal<Args extends unknown[] = []> {
  private readonly listeners = new Set<(...args: Args) => void>()

  /** Returns the unsubscribe function. */
  on(listener: (...args: Args) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }

  emit(...args: Args): void {
    for (const listener of this.listeners) listener(...args)
  }
}

/** Runs the operations of each key one after the other, in the order of the calls; those of different keys at the same time. */
export class Sequencer<Key = string> {
  private readonly running = new Map<Key, { last: Promise<unknown>; count: number }>()

  /** Resolves or rejects as `work` does. A failure does not stop the operations behind it. */
  async run<T>(key: Key, work: () => T | Promise<T>): Promise<T> {
    const before = this.running.get(key)
    const result = (before?.last ?? Promise.resolve()).then(work)
    const turn = before ?? { last: result, count: 0 }
    turn.last = result.catch(() => undefined)
    turn.count++
    this.running.set(key, turn)
    try {
      return await result
    } finally {
      if (--turn.count === 0) this.running.delete(key)
    }
  }

  /** Operations of the key that run or wait. */
  count(key: Key): number {
    return this.running.get(key)?.count ?? 0
  }

  /** Resolves when everything that runs or waits now has ended, whatever its result. */
  async settled(): Promise<void> {
    await Promise.all([...this.running.values()].map(({ last }) => last))
  }
}
