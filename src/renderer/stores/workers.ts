/** Workers and machines: few, so they are kept whole and pulled again after hints. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Machine, Tag, Worker } from '../../shared/schemas/worker.ts'
import { get } from '../api/client.ts'
import { Machines, Tags, Workers } from '../api/shapes.ts'
import { foldCalls } from '../lib/throttle.ts'
import { freshLoads } from '../lib/workerLook.ts'
import { useLive } from './live.ts'

export const useWorkers = defineStore('workers', () => {
  const live = useLive()
  const list = shallowRef<readonly Worker[]>([])
  const machines = shallowRef<readonly Machine[]>([])
  const tags = shallowRef<readonly Tag[]>([])
  const loaded = ref(false)
  const error = ref('')

  async function refresh(): Promise<void> {
    try {
      const [w, m] = await Promise.all([get(Workers, '/workers'), get(Machines, '/machines')])
      list.value = w.items.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
      machines.value = freshLoads(m.items, w.items)
      loaded.value = true
      error.value = ''
    } catch (failure) {
      error.value = failure instanceof Error ? failure.message : String(failure)
    }
  }
  async function refreshTags(): Promise<void> {
    tags.value = (await get(Tags, '/tags')).items
  }
  const soon = foldCalls(refresh, 1000)
  const tagsSoon = foldCalls(refreshTags, 2000)
  live.on('worker', soon)
  live.on('machine', soon)
  live.on('tag', tagsSoon)
  // A task that starts or ends changes what a worker does.
  live.on('task', (event) => (event.status === 'active' || event.previousStatus === 'active') && soon())
  watch(() => live.epoch, () => (soon(), tagsSoon()), { immediate: true })

  const byId = computed(() => new Map(list.value.map((worker) => [worker.id, worker])))
  const machineOf = computed(() => new Map(machines.value.map((machine) => [machine.id, machine])))
  const pending = computed(() => list.value.filter((worker) => !worker.approved))
  return { list, machines, tags, loaded, error, byId, machineOf, pending, refresh, soon, tagsSoon }
})
