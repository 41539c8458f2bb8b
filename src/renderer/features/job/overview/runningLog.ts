/**
 * Which attempt's log the overview follows: one that runs, and the same one until it ends; else the one of the newest frame, or
 * of the first task that failed where there is no frame.
 */
import { computed, ref, shallowRef, watch, type ComputedRef } from 'vue'
import { taskPublicId } from '../../../../shared/ids.ts'
import { getTask } from '../../../../shared/operations/jobs/tasks.ts'
import { call } from '../../../api/client.ts'
import { useWorkers } from '../../../stores/workers.ts'
import type { FrameModel } from '../../frames/frames.ts'
import type { JobDetail } from '../jobDetail.ts'

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
  watch(
    running,
    (list) => {
      if (list.some(({ run }) => run.taskId === chosen.value)) return
      const next = list.toSorted((a, b) => b.run.startedAt.localeCompare(a.run.startedAt))[0]
      if (next) chosen.value = next.run.taskId
    },
    { immediate: true },
  )

  /** What runs, what ran last, or what made the newest frame. */
  const rendering = computed<WatchedLog | null>(() => {
    const current = running.value.find(({ run }) => run.taskId === chosen.value)
    if (current) {
      return {
        taskId: current.run.taskId,
        attempt: current.run.attempt,
        live: true,
        title: `${current.run.taskName} · ${current.worker.name}`,
      }
    }
    if (last.value) return { ...last.value, live: false }
    const frame = detail.job.value?.lastFrame
    return frame ? { taskId: frame.taskId, attempt: frame.attempt, live: false, title: '' } : null
  })
  watch(rendering, (value) => value?.live && (last.value = value))

  /** The last attempt of the first task that failed: where nothing is rendered, what went wrong is what one wants to read. */
  const failed = shallowRef<WatchedLog | null>(null)
  const wanted = computed(() => (rendering.value ? 0 : (detail.job.value?.counts.failed ?? 0)))
  watch(
    [detail.id, detail.model, wanted],
    async ([id, model, count]) => {
      failed.value = null
      const cell = model && count ? firstFailed(model) : -1
      if (!model || cell < 0) return
      const task = await call(getTask, { params: { taskId: taskPublicId(id, model.tasks[cell] ?? 1) } }).catch(() => undefined)
      const attempt = task?.attemptList.at(-1)
      if (task && attempt && id === detail.id.value) {
        failed.value = { taskId: task.id, attempt: attempt.number, live: false, title: `${task.name} · ${attempt.worker.name}` }
      }
    },
    { immediate: true },
  )

  return { log: computed(() => rendering.value ?? failed.value), choose: (taskId) => (chosen.value = taskId) }
}

/** The first cell whose task failed; −1: none. */
function firstFailed(model: FrameModel): number {
  for (let cell = 0; cell < model.size; cell++) if (model.stateOf(cell) === 'failed') return cell
  return -1
}
