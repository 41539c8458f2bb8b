/**
 * Shares one reply among all requests that arrive within a moment. The moment is about load, not about the farm's time,
 * so the clock is the process's own.
 */
export function sharedFor<T>(ms: number, make: () => Promise<T>, clock: () => number = () => performance.now()): () => Promise<T> {
  let until = -Infinity
  let current: Promise<T> | undefined
  return () => {
    if (current && clock() < until) return current
    until = clock() + ms
    const fresh = make()
    current = fresh
    fresh.catch(() => {
      if (current === fresh) current = undefined
    })
    return fresh
  }
}
