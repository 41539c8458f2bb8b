/**
 * Objects whose newest state is in memory and may not be on disk yet. A load that began before a commit may end after
 * it and return the old row: so a committed object also stays here until every load that was running then has ended.
 */
export class Unsaved<K, T> {
  private readonly entries = new Map<K, { value: T; saves: number }>()
  private readonly loading = new Map<K, Promise<T | undefined>>()
  /** Committed while loads were under way. */
  private readonly settled = new Set<K>()
  private loads = 0

  get(key: K): T | undefined {
    return this.entries.get(key)?.value
  }

  has(key: K): boolean {
    return this.entries.has(key)
  }

  get size(): number {
    return this.entries.size
  }

  values(): T[] {
    return Array.from(this.entries.values(), ({ value }) => value)
  }

  /** The object changed; call the returned function after the commit. */
  change(key: K, value: T): () => void {
    let entry = this.entries.get(key)
    if (entry) entry.value = value
    else this.entries.set(key, (entry = { value, saves: 0 }))
    const mine = entry
    mine.saves++
    this.settled.delete(key)
    return () => {
      if (--mine.saves > 0 || this.entries.get(key) !== mine) return
      if (this.loads === 0) this.entries.delete(key)
      else this.settled.add(key)
    }
  }

  /** Runs a load and the processing of its rows; inside, `get` returns every object for which the rows may be too old. */
  async during<R>(load: () => Promise<R>): Promise<R> {
    this.loads++
    try {
      return await load()
    } finally {
      if (--this.loads === 0) {
        for (const key of this.settled) this.entries.delete(key)
        this.settled.clear()
      }
    }
  }

  /** The one object with this key: from memory, or loaded once for all concurrent callers. */
  find(key: K, load: () => Promise<T | undefined>): Promise<T | undefined> {
    const known = this.get(key)
    if (known !== undefined) return Promise.resolve(known)
    let pending = this.loading.get(key)
    if (!pending) {
      pending = this.during(async () => {
        const loaded = await load()
        return this.get(key) ?? loaded
      }).finally(() => this.loading.delete(key))
      this.loading.set(key, pending)
    }
    return pending
  }

  /** Everything is on disk, and changed there since: memory is invalid. */
  clear(): void {
    this.entries.clear()
    this.settled.clear()
  }
}
