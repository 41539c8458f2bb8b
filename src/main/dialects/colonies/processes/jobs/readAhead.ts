/**
 * What never changes of single processes, read ahead: they are handed out nearly in the order of their rows, so that one
 * query serves many assignments.
 */
import type { ReadDatabase } from '../../../../store/connection.ts'
import { factsFrom, type ProcessFacts } from '../../store/sharedJobs.ts'

const AT_ONCE = 128
const MOST_KEPT = 2_048

export class ReadAhead {
  /** By internal id of the task, the oldest first. */
  private readonly known = new Map<number, ProcessFacts>()
  /** Reads that are on their way, by the first id that they ask for. */
  private readonly reading = new Map<number, Promise<Map<number, ProcessFacts>>>()
  private removals = 0

  constructor(private readonly db: ReadDatabase) {}

  /** Undefined: it is none of a shared job, it is very large, or it was removed. */
  async take(taskKey: number): Promise<ProcessFacts | undefined> {
    const known = this.known.get(taskKey)
    if (known) {
      this.known.delete(taskKey)
      return known
    }
    // Another call may be reading it: then it asked for one a little before it.
    for (const [first, reading] of this.reading) {
      if (first > taskKey || first + AT_ONCE <= taskKey) continue
      const found = (await reading).get(taskKey)
      this.known.delete(taskKey)
      if (found) return found
    }
    const reading = this.read(taskKey)
    this.reading.set(taskKey, reading)
    try {
      return (await reading).get(taskKey)
    } finally {
      this.reading.delete(taskKey)
      this.known.delete(taskKey)
    }
  }

  /** These processes were removed. */
  forget(taskKeys: readonly number[]): void {
    this.removals++
    for (const key of taskKeys) this.known.delete(key)
  }

  private async read(first: number): Promise<Map<number, ProcessFacts>> {
    const { removals } = this
    const found = new Map(await factsFrom(this.db, first, AT_ONCE))
    // What was read may have been removed meanwhile.
    if (removals !== this.removals) return found
    for (const [key, facts] of found) if (key > first) this.known.set(key, facts)
    for (const [key] of this.known) {
      if (this.known.size <= MOST_KEPT) break
      this.known.delete(key)
    }
    return found
  }
}
