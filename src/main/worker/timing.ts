/** Waiting: pure delays for retries, sleeps that can be cut short, promises with a time limit. */

export interface BackoffRule {
  firstMs: number
  maxMs: number
  factor: number
  /** Share of the delay by which it is spread, both ways: 0.1 gives 90 % to 110 %. */
  jitter: number
}

/** Spreads a delay by ± `jitter` (a share); `random` is in [0, 1). */
export function jittered(delayMs: number, jitter: number, random: number): number {
  return Math.round(delayMs * (1 - jitter + 2 * jitter * random))
}

/** How long to wait after the `failures`-th failure in a row (from 1), in milliseconds. */
export function backoffDelay(failures: number, rule: BackoffRule, random: number): number {
  const exponent = Math.max(0, failures - 1)
  // Beyond 60 doublings the power is no longer a useful number; the maximum has long been reached.
  const delay = Math.min(rule.maxMs, rule.firstMs * rule.factor ** Math.min(exponent, 60))
  return jittered(delay, rule.jitter, random)
}

/** Resolves after `ms`, or at once when the signal aborts. Never rejects: callers look at the signal. */
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

/** Waits for the promise, but no longer than `ms`. True when it settled in time (however it settled). */
export async function settlesWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
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
