/** Data of a page that are pulled again when a hint says so, when the link comes back, and now and then. */
import { useIntervalFn } from '@vueuse/core'
import { ref, watch, type Ref } from 'vue'
import type { EventType } from '../../shared/events.ts'
import { debounce } from '../lib/throttle.ts'
import { useLive } from '../stores/live.ts'

export interface Pulled {
  loaded: Ref<boolean>
  /** What the last pull failed with; empty: nothing. */
  failed: Ref<string>
  /** Soon, once for many calls. */
  again(): void
  /** Now; never throws. */
  now(): Promise<void>
}

/**
 * For as long as the calling component lives.
 * @param options.on hints @param options.by whatever the data depend on @param options.everyMs for what no hint tells; only while the page is looked at
 */
export function usePulled(pull: () => Promise<void>, options: { on: readonly EventType[]; by?: () => unknown; everyMs?: number }): Pulled {
  const live = useLive()
  const loaded = ref(false)
  const failed = ref('')
  async function now(): Promise<void> {
    try {
      await pull()
      loaded.value = true
      failed.value = ''
    } catch (error) {
      failed.value = error instanceof Error ? error.message : String(error)
    }
  }
  const again = debounce(now, 700)
  for (const type of options.on) live.listen(type, again)
  watch([() => live.epoch, options.by ?? (() => 0)], again, { immediate: true })
  if (options.everyMs !== undefined)
    useIntervalFn(() => document.visibilityState === 'visible' && live.state !== 'away' && again(), options.everyMs)
  return { loaded, failed, again, now }
}
