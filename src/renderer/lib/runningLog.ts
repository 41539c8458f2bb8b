/** Which attempt's log the overview follows: one that runs, and the same one until it ends; else the one of the newest frame. */
import { computed, ref, watch, type ComputedRef } from 'vue'
import { useWorkers } from '../stores/workers.ts'
import type { JobDetail } from './jobDetail.ts'

export interface WatchedLog {
  taskId: string
  attempt: number
  live: boolean
  /** Task name and worker, for the heading; empty when it does not run. */
  title: string
}

export function useRunningLog(detail: JobDetail): { log: ComputedRef<WatchedLog | null>; choose(taskId: string): void } {
  const workers = useWorkers()
  const chosen = ref('')
  const running = computed(() =>
    workers.list.flatMap((worker) => worker.running.filter((run) => run.jobId === detail.id.value).map((run) => ({ run, worker }))),
  )
  /** What ended last while it was watched: its log stays until the next one starts. */
  const last = ref<WatchedLog | null>(null)
  watch(detail.id, () => {
    chosen.value = ''
    last.value = null
  })
  watch(running, (list) => {
    if (list.some(({ run }) => run.taskId === chosen.value)) return
    const next = list.toSorted((a, b) => b.run.startedAt.localeCompare(a.run.startedAt))[0]
    if (next) chosen.value = next.run.taskId
  }, { immediate: true })

  const log = computed<WatchedLog | null>(() => {
    const current = running.value.find(({ run }) => run.taskId === chosen.value)
    if (current) {
      return { taskId: current.run.taskId, attempt: current.run.attempt, live: true, title: `${current.run.taskName} · ${current.worker.name}` }
    }
    if (last.value) return { ...last.value, live: false }
    const frame = detail.job.value?.lastFrame
    return frame ? { taskId: frame.taskId, attempt: frame.attempt, live: false, title: '' } : null
  })
  watch(log, (value) => value?.live && (last.value = value))
  return { log, choose: (taskId) => (chosen.value = taskId) }
}
