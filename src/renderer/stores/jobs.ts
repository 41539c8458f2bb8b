/**
 * The list of jobs under the current filters. It is loaded page by page while the user scrolls (10,000 jobs are held
 * only after scrolling through them), and hints refresh only loaded rows.
 */
import { defineStore } from 'pinia'
import { ref, shallowRef, triggerRef, watch } from 'vue'
import type { JobSummary } from '../../shared/schemas/jobs/job.ts'
import { listJobs } from '../../shared/operations/jobs/jobs.ts'
import { call, ApiFailure } from '../api/client.ts'
import { debounce } from '../lib/throttle.ts'
import { useLive } from './live.ts'

export interface JobFilter {
  q: string
  status: string
  type: string
  project: string
  owner: string
  sort: string
  deleted: boolean
  /** Only jobs that have warnings. */
  warnings: boolean
}
export const NO_FILTER: JobFilter = {
  q: '',
  status: '',
  type: '',
  project: '',
  owner: '',
  sort: '-createdAt',
  deleted: false,
  warnings: false,
}

const PAGE = 200
/** When someone jumps far down the list, larger bites. */
const BIG_PAGE = 1000
/** Up to this many changed rows are fetched by id; more, and the list is pulled again. */
const MAX_BY_ID = 60

export const useJobs = defineStore('jobs', () => {
  const live = useLive()
  const filter = ref<JobFilter>({ ...NO_FILTER })
  const rows = shallowRef<JobSummary[]>([])
  const total = ref(0)
  const loading = ref(false)
  const loaded = ref(false)
  const error = ref('')
  const byId = new Map<string, JobSummary>()
  let cursor: string | null = null
  let generation = 0
  let wanted = PAGE
  const dirty = new Set<string>()
  let listDirty = false

  const query = () => ({
    q: filter.value.q.trim() || undefined,
    status: filter.value.status || undefined,
    type: filter.value.type || undefined,
    project: filter.value.project || undefined,
    owner: filter.value.owner || undefined,
    sort: filter.value.sort,
    deleted: filter.value.deleted || undefined,
    warnings: filter.value.warnings || undefined,
  })

  function put(list: JobSummary[]): void {
    rows.value = list
    byId.clear()
    for (const row of list) byId.set(row.id, row)
  }

  /** Pulls the list again from its top, as far as it is shown. */
  async function reload(): Promise<void> {
    const mine = ++generation
    loading.value = true
    try {
      const first = await call(listJobs, {
        query: {
          ...query(),
          limit: Math.min(BIG_PAGE, Math.max(PAGE, Math.min(wanted, rows.value.length))),
        },
      })
      if (mine !== generation) return
      put(first.items)
      total.value = first.total
      cursor = first.next
      loaded.value = true
      error.value = ''
    } catch (failure) {
      if (mine === generation && !(failure instanceof ApiFailure && failure.code === 'aborted')) {
        error.value = failure instanceof Error ? failure.message : String(failure)
      }
    } finally {
      if (mine === generation) loading.value = false
    }
    if (mine === generation) void ensure(wanted)
  }

  /** Makes sure that the first `count` rows are here. */
  async function ensure(count: number): Promise<void> {
    wanted = Math.max(PAGE, count)
    if (loading.value) return
    const mine = generation
    while (cursor && rows.value.length < wanted && mine === generation) {
      loading.value = true
      try {
        const limit = wanted - rows.value.length > PAGE ? BIG_PAGE : PAGE
        const page = await call(listJobs, { query: { ...query(), limit, cursor } })
        if (mine !== generation) return
        const fresh = page.items.filter((row) => !byId.has(row.id))
        for (const row of fresh) byId.set(row.id, row)
        rows.value = [...rows.value, ...fresh]
        total.value = page.total
        cursor = page.next
      } catch (failure) {
        if (mine === generation) error.value = failure instanceof Error ? failure.message : String(failure)
        return
      } finally {
        if (mine === generation) loading.value = false
      }
    }
  }

  async function refreshDirty(): Promise<void> {
    const ids = [...dirty].filter((id) => byId.has(id))
    dirty.clear()
    if (listDirty || ids.length > MAX_BY_ID) {
      listDirty = false
      await reload()
      return
    }
    if (ids.length === 0) return
    const mine = generation
    const page = await call(listJobs, { query: { ids, limit: ids.length, deleted: filter.value.deleted || undefined } })
    // A list that was pulled meanwhile is newer than these rows.
    if (mine !== generation) return
    for (const fresh of page.items) {
      const at = rows.value.findIndex((row) => row.id === fresh.id)
      if (at >= 0) rows.value[at] = fresh
      byId.set(fresh.id, fresh)
    }
    triggerRef(rows)
  }
  const soon = debounce(refreshDirty, 700)

  function touch(jobId: string): void {
    dirty.add(jobId)
    soon()
  }
  live.on('job', (event) => {
    // A new job, a deleted one or one that may now (mis)fit the filter changes the list itself.
    const known = byId.has(event.jobId)
    if (!known || event.deleted || (filter.value.status && event.previousStatus !== event.status)) listDirty = true
    touch(event.jobId)
  })
  live.on('task', (event) => touch(event.jobId))
  live.on('frame', (event) => touch(event.jobId))
  live.on('warning', (event) => {
    if (filter.value.warnings && !byId.has(event.jobId)) listDirty = true
    touch(event.jobId)
  })
  watch(
    () => live.epoch,
    () => loaded.value && void reload(),
  )

  function setFilter(next: JobFilter): void {
    if (loaded.value && JSON.stringify(next) === JSON.stringify(filter.value)) return
    filter.value = { ...next }
    wanted = PAGE
    void reload()
  }
  const find = (id: string) => byId.get(id)

  return { filter, rows, total, loading, loaded, error, setFilter, reload, ensure, touch, find }
})
