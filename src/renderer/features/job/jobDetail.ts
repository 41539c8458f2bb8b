/**
 * One job while it is on the screen: pulled once, then kept true by hints. Events of single tasks and frames go straight
 * into the frame model; a bulk change pulls the grid again.
 */
import { inject, onScopeDispose, provide, ref, shallowRef, watch, type InjectionKey, type Ref, type ShallowRef } from 'vue'
import type { TaskStatus } from '../../../shared/enums.ts'
import { parseTaskId } from '../../../shared/ids.ts'
import type { Job } from '../../../shared/schemas/jobs/job.ts'
import { getJob } from '../../../shared/operations/jobs/jobs.ts'
import { getGrid, listFrames } from '../../../shared/operations/jobs/jobContents.ts'
import { call, ApiFailure } from '../../api/client.ts'
import { useLive } from '../../stores/live.ts'
import { frameRenderedAgain } from '../frames/images.ts'
import { FrameModel, type TaskCode } from '../frames/frames.ts'
import { debounce } from '../../lib/throttle.ts'

export const CODE_OF: Record<TaskStatus, TaskCode> = {
  queued: 'q',
  active: 'a',
  completed: 'c',
  failed: 'f',
  canceled: 'x',
  'soft-failed': 's',
  paused: 'p',
}

/** Up to this many cells the whole grid is pulled when frames come; above, only the newest frames. */
const SMALL_GRID = 4000
/** So many of the newest frames are asked for after a hint. */
const NEWEST = 100

export interface JobDetail {
  id: Readonly<Ref<string>>
  job: ShallowRef<Job | null>
  model: ShallowRef<FrameModel | null>
  /** Moves when the model changed. */
  tick: Ref<number>
  /** The cell of the frame that came last; −1: none yet. */
  newestCell: Ref<number>
  missing: Ref<boolean>
  error: Ref<string>
  refresh(): void
}

const KEY: InjectionKey<JobDetail> = Symbol('job')

export function provideJob(id: Readonly<Ref<string>>): JobDetail {
  const live = useLive()
  const job = shallowRef<Job | null>(null)
  const model = shallowRef<FrameModel | null>(null)
  const tick = ref(0)
  const newestCell = ref(-1)
  const missing = ref(false)
  const error = ref('')
  let tickPending = false
  let newestId = 0
  /** For each grid on its way: what became of tasks since it was asked for. It may be older than these hints. */
  const gridsAsked = new Set<Map<number, TaskCode>>()

  /** One redraw for all events of the same frame of the screen. */
  function bump(): void {
    if (tickPending) return
    tickPending = true
    requestAnimationFrame(() => {
      tickPending = false
      tick.value++
    })
  }

  async function pullJob(): Promise<void> {
    const asked = id.value
    if (!asked) return
    try {
      const fresh = await call(getJob, { params: { jobId: asked } })
      if (asked !== id.value) return
      job.value = fresh
      missing.value = false
      error.value = ''
    } catch (failure) {
      if (asked !== id.value) return
      if (failure instanceof ApiFailure && failure.status === 404) missing.value = true
      else error.value = failure instanceof Error ? failure.message : String(failure)
    }
  }
  async function pullGrid(): Promise<void> {
    const asked = id.value
    if (!asked) return
    const since = new Map<number, TaskCode>()
    gridsAsked.add(since)
    const grid = await call(getGrid, { params: { jobId: asked } }).finally(() => gridsAsked.delete(since))
    if (asked !== id.value) return
    const fresh = new FrameModel(grid)
    for (const [index, code] of since) {
      if (index > fresh.taskCount) gridSoon()
      else fresh.setTask(index, code)
    }
    newestId = 0
    newestCell.value = -1
    for (let cell = 0; cell < fresh.size; cell++) {
      const frameId = fresh.frameIds[cell] ?? 0
      if (frameId > newestId) {
        newestId = frameId
        newestCell.value = cell
      }
    }
    model.value = fresh
    bump()
  }
  /** The hints tell that frames came, this tells which: the newest ones, and all of them after a flood. */
  async function pullFrames(): Promise<void> {
    const asked = id.value
    const page = await call(listFrames, { params: { jobId: asked }, query: { order: 'newest', ready: true, limit: NEWEST } })
    if (asked !== id.value || !model.value) return
    const known = page.items.some((frame) => newestId >= frame.id)
    if (!known && page.items.length === NEWEST) {
      gridSoon()
      return
    }
    for (const frame of page.items.toReversed()) {
      if (frame.preview !== 'ready') continue
      const task = parseTaskId(frame.taskId)?.index ?? 0
      const cell = model.value.setFrame(task, frame.frame, frame.id)
      if (!frame.side) model.value.setMark(task, frame.frame, frame.check === 'unchecked' ? 'unchecked' : frame.kept ? 'kept' : undefined)
      if (cell >= 0 && frame.id > newestId) {
        newestId = frame.id
        newestCell.value = cell
      }
    }
    bump()
  }
  const framesSoon = debounce(pullFrames, 400)
  const jobSoon = debounce(pullJob, 800)
  const gridSoon = debounce(pullGrid, 700)
  const both = () => {
    jobSoon()
    gridSoon()
  }

  live.listen('task', (event) => {
    if (event.jobId !== id.value) return
    const index = parseTaskId(event.taskId)?.index
    if (index !== undefined) for (const since of gridsAsked) since.set(index, CODE_OF[event.status])
    if (index !== undefined && model.value) {
      if (index > model.value.taskCount) gridSoon()
      else model.value.setTask(index, CODE_OF[event.status])
      bump()
    }
    jobSoon()
  })
  live.listen('frame', (event) => {
    if (event.jobId !== id.value) return
    jobSoon()
    if (event.preview !== 'ready') return
    // The grid that is on its way may be older than this frame.
    if (!model.value) return gridSoon()
    const cell = model.value.cellOf(parseTaskId(event.taskId)?.index ?? 0, event.frame)
    const known = cell >= 0 ? (model.value.frameIds[cell] ?? 0) : 0
    if (known > 0) {
      frameRenderedAgain(known)
      newestCell.value = cell
      bump()
    } else if (model.value.size > SMALL_GRID) framesSoon()
    else gridSoon()
  })
  live.listen('warning', (event) => {
    if (event.jobId !== id.value) return
    jobSoon()
    // Frames that were kept or could not be checked are marked, also those without a preview.
    if (event.code === 'frames-kept' || event.code === 'frames-unchecked') gridSoon()
  })
  live.listen('job', (event) => {
    if (event.jobId !== id.value) return
    jobSoon()
    if (event.bulk || event.previousStatus === 'under-construction') gridSoon()
  })
  watch(() => live.epoch, both)
  watch(
    id,
    (next) => {
      job.value = null
      model.value = null
      newestCell.value = -1
      newestId = 0
      missing.value = false
      error.value = ''
      if (next) void Promise.all([pullJob(), pullGrid().catch(() => gridSoon())])
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    jobSoon.stop()
    gridSoon.stop()
    framesSoon.stop()
  })

  const detail: JobDetail = { id, job, model, tick, newestCell, missing, error, refresh: both }
  provide(KEY, detail)
  return detail
}

/** The job of the surrounding panel. */
export function useJob(): JobDetail {
  const detail = inject(KEY)
  if (!detail) throw new Error('useJob outside of a job panel')
  return detail
}
