/** Order and rate of channel entries. Pure, time comes in. */

/**
 * Where a new entry belongs: entries of one sender are in the order of their sequences, those of different senders in
 * the order of their arrival.
 */
export function insertAt(
  log: readonly { senderId: string; sequence: bigint }[],
  { senderId, sequence }: { senderId: string; sequence: bigint },
): number {
  let at = log.length
  for (let i = log.length - 1; i >= 0; i--) {
    const before = log[i]
    if (before?.senderId !== senderId) continue
    if (before.sequence <= sequence) break
    at = i
  }
  return at
}

const PER_SECOND = 100
const BURST = 500

/** A token bucket for each process. */
export class RateLimit {
  private tokens = BURST
  private filledAt: number | undefined

  /** False: too many. @param now milliseconds */
  take(now: number): boolean {
    const passed = Math.max(0, now - (this.filledAt ?? now))
    this.filledAt = now
    this.tokens = Math.min(BURST, this.tokens + (passed * PER_SECOND) / 1_000)
    if (this.tokens < 1) return false
    this.tokens--
    return true
  }
}
