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
  /** Changes with each list: what comes late from another one is dropped. */
  let list = 0
  let busy = false

  /** Empties it: another list is wanted. */
  function clear(): void {
    list++
    items.value = []
    next.value = null
  }

  /** Rows beyond the first thousand stay as they were. */
  async function refresh(): Promise<void> {
    const mine = ++list
    const page = await fetch(Math.min(MOST, Math.max(SIZE, items.value.length)), null)
    if (mine !== list) return
    const fresh = new Set(page.items.map(({ id }) => id))
    const tail = page.next !== null && items.value.length > MOST ? items.value.slice(MOST).filter(({ id }) => !fresh.has(id)) : []
    items.value = [...page.items, ...tail]
    if (tail.length === 0) next.value = page.next
  }

  async function more(): Promise<void> {
    if (busy || next.value === null) return
    busy = true
    const mine = list
    try {
      const page = await fetch(SIZE, next.value)
      if (mine !== list) return
      const known = new Set(items.value.map(({ id }) => id))
      items.value = [...items.value, ...page.items.filter(({ id }) => !known.has(id))]
      next.value = page.next
    } finally {
      busy = false
    }
  }
  return { items, next, clear, refresh, more }
}
