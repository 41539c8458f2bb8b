/** The farm as a whole: who is calling, its state, its clock. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import { ApiFailure, get } from '../api/client.ts'
import type { Whoami as Me } from '../../shared/schemas/account.ts'
import type { Status as FarmState } from '../../shared/schemas/farm.ts'
import { Status, Whoami } from '../api/shapes.ts'
import { foldCalls } from '../lib/throttle.ts'
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
      const [reply, who] = await Promise.all([get(Status, '/status'), me.value ?? get(Whoami, '/whoami')])
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
  const soon = foldCalls(refresh, 2000)

  function start(): void {
    void refresh()
    // The clock of the manager: elapsed times are right also where this machine's clock is not.
    // It stands still while the manager is away: nothing that is shown goes on by itself.
    setInterval(() => live.state !== 'away' && (now.value = Date.now() + skew), 1000)
    setInterval(() => document.visibilityState === 'visible' && soon(), 15_000)
    for (const type of ['farm', 'worker', 'job', 'frame'] as const) live.on(type, soon)
    watch(() => live.epoch, soon)
  }

  const can = computed(() => {
    const role = me.value?.role
    const scopes = new Set(me.value?.scopes ?? [])
    return {
      submit: role === 'admin' || role === 'artist' || scopes.has('submit'),
      manage: role === 'admin' || role === 'artist' || scopes.has('manage'),
      admin: role === 'admin',
    }
  })
  return { me, status, locked, latency, now, can, refresh, soon, start }
})
