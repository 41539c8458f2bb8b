/** Slows down guessing: after some failures a name or address must wait. Counts per key in a sliding window. */
const MAX_KEYS = 10_000

export class Throttle {
  private readonly failures = new Map<string, number[]>()

  /** @param max failures allowed within `windowMs` */
  constructor(
    private readonly max: number,
    private readonly windowMs: number,
    private readonly now: () => number,
  ) {}

  /** Milliseconds until the key may try again; 0: now. */
  waitMs(key: string): number {
    const recent = this.recent(key)
    const first = recent[recent.length - this.max]
    return first === undefined ? 0 : first + this.windowMs - this.now()
  }

  failed(key: string): void {
    const recent = this.recent(key)
    recent.push(this.now())
    // Keeps the newest at the end, so that a flood pushes out old keys, not all of them.
    this.failures.delete(key)
    this.failures.set(key, recent.slice(-this.max))
    if (this.failures.size > MAX_KEYS) {
      const [oldest] = this.failures.keys()
      if (oldest !== undefined) this.failures.delete(oldest)
    }
  }

  succeeded(key: string): void {
    this.failures.delete(key)
  }

  private recent(key: string): number[] {
    const since = this.now() - this.windowMs
    return (this.failures.get(key) ?? []).filter((at) => at > since)
  }
}
