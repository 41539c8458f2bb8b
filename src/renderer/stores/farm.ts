/** The farm as a whole: who is calling, its state, its clock. */
import { useIntervalFn } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { getStatus } from '../../shared/operations/farm/farm.ts'
import { whoami } from '../../shared/operations/admin/sessions.ts'
import { call, ApiFailure } from '../api/client.ts'
import type { Whoami as Me } from '../../shared/schemas/account.ts'
import type { Status as FarmState } from '../../shared/schemas/farm.ts'
import { debounce } from '../lib/throttle.ts'
import { useLive } from './live.ts'

export const useFarm = defineStore('farm', () => {
  const live = useLive()
  const me = shallowRef<Me | null>(null)
  const status = shallowRef<FarmState | null>(null)
  /** True when the manager wants a token from this browser. */
  const locked = ref(false)
  /** Round trip of the last status request, milliseconds. */
  const latency = ref<number | null>(null)
  /** Ticks every second; ages and elapsed times are made from it. */
  const now = ref(Date.now())
  let skew = 0

  async function refresh(): Promise<void> {
    const sent = performance.now()
    try {
      const [reply, who] = await Promise.all([call(getStatus), me.value ?? call(whoami)])
      latency.value = Math.round(performance.now() - sent)
      skew = Date.parse(reply.now) - Date.now()
      status.value = reply
      me.value = who
      locked.value = false
    } catch (error) {
      if (error instanceof ApiFailure && (error.status === 401 || error.status === 403)) locked.value = true
      else latency.value = null
    }
  }
  const soon = debounce(refresh, 2000)

  function start(): void {
    void refresh()
    // The clock of the manager: elapsed times are right also where this machine's clock is not.
    // It stops while the manager is offline: nothing on the page advances by itself.
    useIntervalFn(() => live.state !== 'away' && (now.value = Date.now() + skew), 1000)
    useIntervalFn(() => document.visibilityState === 'visible' && soon(), 15_000)
    for (const type of ['farm', 'worker', 'job', 'frame'] as const) live.on(type, soon)
    watch(() => live.epoch, soon)
  }

  const can = computed(() => {
    const scopes = new Set(me.value?.scopes ?? [])
    return {
      submit: scopes.has('submit'),
      manage: scopes.has('manage'),
      tokens: scopes.has('tokens'),
      admin: scopes.has('admin'),
    }
  })
  return { me, status, locked, latency, now, can, refresh, soon, start }
})
