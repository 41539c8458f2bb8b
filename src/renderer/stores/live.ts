/** The live link as the page sees it: its state, and a subscription to hints. */
import { defineStore } from 'pinia'
import { computed, onScopeDispose, ref } from 'vue'
import type { EventOf, EventType, FramehouseEvent } from '../../shared/events.ts'
import { LiveLink, eventsUrl, type LinkState } from '../api/live.ts'

export const useLive = defineStore('live', () => {
  const state = ref<LinkState>('connecting')
  const retryAt = ref<number | null>(null)
  /** When the link was last known to be up, milliseconds; what is shown is at least this old while away. */
  const freshAt = ref<number | null>(null)
  const lastEvent = ref<FramehouseEvent | null>(null)
  /** Counts the times the link came up: components pull everything again when it moves. */
  const epoch = ref(0)
  const listeners = new Map<EventType, Set<(event: FramehouseEvent) => void>>()
  const watching = new Map<symbol, string[]>()

  const link = new LiveLink({
    url: eventsUrl,
    onEvent(event) {
      freshAt.value = Date.now()
      if (event.type !== 'log' && event.type !== 'machine' && event.type !== 'last-rendered') lastEvent.value = event
      for (const listener of listeners.get(event.type) ?? []) listener(event)
    },
    onState(next, retry) {
      if (next === 'live') epoch.value++
      if (next === 'live' || state.value === 'live') freshAt.value = Date.now()
      // "connecting" again while away is still away for the reader.
      state.value = next === 'connecting' && state.value === 'away' ? 'away' : next
      retryAt.value = retry
    },
  })

  function on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void {
    const set = listeners.get(type) ?? new Set()
    listeners.set(type, set)
    // Events are kept by type, so this listener only ever gets its own.
    const wrapped = listener as (event: FramehouseEvent) => void
    set.add(wrapped)
    return () => set.delete(wrapped)
  }

  /** `on` for as long as the calling component lives. */
  function listen<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): void {
    onScopeDispose(on(type, listener))
  }

  /** Adds tasks to those whose log lines are pushed, until the returned function is called. */
  function watchLog(taskId: string): () => void {
    const key = Symbol(taskId)
    watching.set(key, [taskId])
    push()
    return () => {
      watching.delete(key)
      push()
    }
  }
  const push = () => link.watch([...new Set([...watching.values()].flat())])

  const stale = computed(() => state.value !== 'live')
  const start = () => link.start()
  const retryNow = () => link.retryNow()
  return { state, retryAt, freshAt, lastEvent, epoch, stale, on, listen, watchLog, start, retryNow }
})
