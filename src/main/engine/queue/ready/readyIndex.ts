/**
 * The jobs with tasks to assign, sorted by rank, one list per (namespace, kind, tag). A worker looks at the heads of
 * the lists for its kinds and tags, so the cost of an assignment does not grow with the queue.
 */
import { compareRanks, type Rank } from '../../rules/orderKey.ts'

export interface IndexKey {
  namespaceId: number
  kind: string
  /** 0: jobs without a tag. */
  tagId: number
}

export interface IndexEntry<J> {
  readonly job: J
  readonly key: IndexKey
  rank: Rank
}

export class ReadyIndex<J> {
  private readonly lists = new Map<string, IndexEntry<J>[]>()

  insert(entry: IndexEntry<J>): void {
    const name = listName(entry.key)
    let list = this.lists.get(name)
    if (!list) this.lists.set(name, (list = []))
    list.splice(position(list, entry.rank), 0, entry)
  }

  remove(entry: IndexEntry<J>): void {
    const list = this.lists.get(listName(entry.key))
    if (!list) return
    const at = position(list, entry.rank)
    if (list[at] === entry) list.splice(at, 1)
    if (list.length === 0) this.lists.delete(listName(entry.key))
  }

  /** Entries for a worker's kinds and tags, best rank first: a merge of the lists' heads. */
  *candidates(namespaceId: number, kinds: readonly string[], tagIds: Iterable<number>): Iterable<IndexEntry<J>> {
    const tags = [0, ...tagIds]
    const lists: { list: IndexEntry<J>[]; at: number }[] = []
    for (const kind of kinds) {
      for (const tagId of tags) {
        const list = this.lists.get(listName({ namespaceId, kind, tagId }))
        if (list) lists.push({ list, at: 0 })
      }
    }
    if (lists.length === 1) {
      // The usual case, and the hot one. A copy is not needed: callers stop at the first change they make.
      yield* lists[0]?.list ?? []
      return
    }
    for (;;) {
      let best: { list: IndexEntry<J>[]; at: number } | undefined
      for (const cursor of lists) {
        const entry = cursor.list[cursor.at]
        const bestEntry = best?.list[best.at]
        if (entry && (!bestEntry || compareRanks(entry.rank, bestEntry.rank) < 0)) best = cursor
      }
      const entry = best?.list[best.at]
      if (!best || !entry) return
      best.at++
      yield entry
    }
  }
}

function listName(key: IndexKey): string {
  return `${key.namespaceId}/${key.tagId}/${key.kind}`
}

/** The index of the entry with this rank, or where it belongs. Ranks are unique (they end in the job's id). */
function position(list: readonly { rank: Rank }[], rank: Rank): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const there = list[middle]
    if (there && compareRanks(there.rank, rank) < 0) low = middle + 1
    else high = middle
  }
  return low
}
