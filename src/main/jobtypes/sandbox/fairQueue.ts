/**
 * Requests that wait for a script thread, in turns by caller: the second of eight simultaneous submissions waits behind
 * the first one of every other caller. Within a caller the order is kept.
 */
export interface Turn {
  /** Whose work it is; equal for all of one caller's. */
  readonly caller: string
}

export class FairQueue<T extends Turn> {
  private readonly waiting: T[] = []
  /** When each caller was served last, as a count of turns. */
  private readonly served = new Map<string, number>()
  private turns = 0

  get size(): number {
    return this.waiting.length
  }

  add(item: T): void {
    this.waiting.push(item)
  }

  /** Removes the next one, from a caller that is not in `except`; undefined: there is none. */
  next(except: ReadonlySet<string> = new Set()): T | undefined {
    let best: T | undefined
    for (const item of this.waiting) {
      if (except.has(item.caller)) continue
      if (best === undefined || this.lastTurn(item) < this.lastTurn(best)) best = item
    }
    if (best === undefined) return undefined
    this.remove(best)
    this.served.set(best.caller, ++this.turns)
    return best
  }

  /** False: it is no longer waiting. */
  remove(item: T): boolean {
    const at = this.waiting.indexOf(item)
    if (at < 0) return false
    this.waiting.splice(at, 1)
    // Turns count only among those who wait.
    if (this.waiting.length === 0) this.served.clear()
    return true
  }

  clear(): T[] {
    this.served.clear()
    return this.waiting.splice(0)
  }

  private lastTurn({ caller }: T): number {
    return this.served.get(caller) ?? 0
  }
}
