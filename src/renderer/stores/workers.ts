/** Workers and machines: few, so they are kept whole and pulled again after hints. */
import { defineStore } from 'pinia'
import { computed, ref, shallowRef, watch } from 'vue'
import type { Machine, Tag, Worker } from '../../shared/schemas/worker.ts'
import { listWorkers } from '../../shared/operations/workers/workers.ts'
import { listMachines } from '../../shared/operations/workers/machines.ts'
import { listTags } from '../../shared/operations/workers/tagsAndLimits.ts'
import { call } from '../api/client.ts'
import { debounce } from '../lib/throttle.ts'
import { freshLoads } from '../features/workers/workerLook.ts'
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
      const [w, m] = await Promise.all([call(listWorkers), call(listMachines)])
      list.value = w.items.toSorted((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
      machines.value = freshLoads(m.items, w.items)
      loaded.value = true
      error.value = ''
    } catch (failure) {
      error.value = failure instanceof Error ? failure.message : String(failure)
    }
  }
  async function refreshTags(): Promise<void> {
    tags.value = (await call(listTags)).items
  }
  const soon = debounce(refresh, 1000)
  const tagsSoon = debounce(refreshTags, 2000)
  live.on('worker', soon)
  live.on('machine', soon)
  live.on('tag', tagsSoon)
  // A task that starts or ends changes what a worker does.
  live.on('task', (event) => (event.status === 'active' || event.previousStatus === 'active') && soon())
  watch(
    () => live.epoch,
    () => (soon(), tagsSoon()),
    { immediate: true },
  )

  const byId = computed(() => new Map(list.value.map((worker) => [worker.id, worker])))
  const machineOf = computed(() => new Map(machines.value.map((machine) => [machine.id, machine])))
  const pending = computed(() => list.value.filter((worker) => !worker.approved))
  return { list, machines, tags, loaded, error, byId, machineOf, pending, refresh, soon, tagsSoon }
})
