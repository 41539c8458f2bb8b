/** A list that comes in pages by cursor: more of it as one scrolls, and from its beginning again when it has changed. */
import { ref, shallowRef, type Ref } from 'vue'

export interface Page<T> {
  items: readonly T[]
  next: string | null
}

/** Rows at a time, and the most that a refresh asks for. */
const SIZE = 100
const MOST = 1_000

export function usePages<T extends { id: string }>(fetch: (limit: number, cursor: string | null) => Promise<Page<T>>) {
  const items: Ref<readonly T[]> = shallowRef([])
  const next = ref<string | null>(null)
  /** Changes with each refresh: what comes late from before it does not fit any longer. */
  let version = 0
  /** Changes when another list is wanted. */
  let list = 0
  let busy = false

  /** Empties it: another list is wanted. */
  function clear(): void {
    list++
    version++
    items.value = []
    next.value = null
  }

  /** Rows beyond the first thousand stay as they were. */
  async function refresh(): Promise<void> {
    const mine = ++version
    const page = await fetch(Math.min(MOST, Math.max(SIZE, items.value.length)), null)
    if (mine !== version) return
    const fresh = new Set(page.items.map(({ id }) => id))
    const tail = page.next !== null && items.value.length > MOST ? items.value.slice(MOST).filter(({ id }) => !fresh.has(id)) : []
    items.value = [...page.items, ...tail]
    if (tail.length === 0) next.value = page.next
  }

  async function more(): Promise<void> {
    if (busy) return
    busy = true
    try {
      for (let isDone = false; !isDone;) isDone = await grow()
    } finally {
      busy = false
    }
  }

  /** False: the list was refreshed meanwhile, and the page must be asked for again. */
  async function grow(): Promise<boolean> {
    const cursor = next.value
    if (cursor === null) return true
    const [mine, mineVersion] = [list, version]
    const page = await fetch(SIZE, cursor)
    if (mine !== list) return true
    // Also while a refresh is on its way, whose rows take the place of all.
    if (mineVersion !== version) return false
    const known = new Set(items.value.map(({ id }) => id))
    items.value = [...items.value, ...page.items.filter(({ id }) => !known.has(id))]
    next.value = page.next
    return true
  }
  return { items, next, clear, refresh, more }
}
