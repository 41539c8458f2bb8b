/**
 * Time limits that count only while this program runs. A suspended worker (SIGSTOP, a frozen container, a paused virtual
 * machine) would otherwise end an attempt when it resumes, before it has read the attempt's output.
 */

/** Longest interval of one timer: a timer's delay is not counted, so a suspension never costs more than this of the limit. */
const LOOK_MS = 1_000
/** A timer on a busy computer may be late by this much and its time still counts. */
const LATE_MS = 2_000

/** Counted time between two clock readings with a timer of `lookMs` between them. Pure. */
export function countedMs(passedMs: number, lookMs: number): number {
  return passedMs > lookMs + LATE_MS ? Math.min(passedMs, lookMs) : passedMs
}

/**
 * Calls `action` once after `ms` of running time. Returns a function that cancels it.
 * @param onStop called after a suspension, with its length in milliseconds of the monotonic clock
 */
export function afterRunning(
  ms: number,
  action: () => void,
  onStop: (missedMs: number) => void = () => undefined,
  clock: () => number = () => performance.now(),
): () => void {
  let left = ms
  let timer: NodeJS.Timeout
  const look = (): void => {
    const lookMs = Math.max(0, Math.min(left, LOOK_MS))
    const began = clock()
    timer = setTimeout(() => {
      const passed = clock() - began
      const counted = countedMs(passed, lookMs)
      if (counted < passed) onStop(passed - counted)
      left -= counted
      if (left > 0 || counted < passed) look()
      else action()
    }, lookMs)
  }
  look()
  return () => clearTimeout(timer)
}
