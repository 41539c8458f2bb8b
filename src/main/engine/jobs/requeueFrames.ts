/** Which tasks must render which frames when a person requeues single frames of a job. */
import { framesOf } from '../../../shared/frames/frameRange.ts'
import { framesOfTask, hasFrame } from '../../../shared/frames/taskFrames.ts'
import { ConflictError, InvalidInputError } from '../base/errors.ts'
import { rerunOf } from '../rules/existingFiles.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import type { ListedFrame, TaskState } from '../base/model.ts'
import type { FarmStore, TaskRerun } from '../base/ports.ts'

/** More tasks at once would block the event loop for others. */
const SLICE = 1_000

/**
 * The tasks of the job that render these frames, each with the frames to render.
 * @throws InvalidInputError for a frame that no task renders, ConflictError when the tasks do not declare their frames
 */
export async function tasksForFrames(store: FarmStore, job: JobRuntime, frames: readonly number[]): Promise<TaskRerun[]> {
  const found: { task: TaskState; picked: number[] }[] = []
  const left = new Set(frames)
  let says = false
  for (let after = 0; ;) {
    const tasks = await store.loadTasksAfter(job.state.id, after, SLICE)
    for (const task of tasks) {
      const own = framesOfTask(job.commandsOf(task))
      if (own === undefined) continue
      says = true
      const picked = frames.filter((frame) => hasFrame(own, frame))
      for (const frame of picked) left.delete(frame)
      if (picked.length > 0) found.push({ task, picked })
    }
    const last = tasks.at(-1)
    if (!last || tasks.length < SLICE) break
    after = last.index
  }
  if (!says) throw new ConflictError('the tasks of this job do not declare their frames; requeue whole tasks instead')
  const [first] = left
  if (first !== undefined) throw new InvalidInputError('frames', `no task of the job renders frame ${first}`)
  return Promise.all(found.map(({ task, picked }) => rerunFor(store, job, task, picked)))
}

/** The same for one task. @throws as tasksForFrames */
export async function taskForFrames(store: FarmStore, job: JobRuntime, task: TaskState, frames: readonly number[]): Promise<TaskRerun> {
  const own = framesOfTask(job.commandsOf(task))
  if (own === undefined) throw new ConflictError(`task "${task.name}" does not declare its frames; requeue the whole task instead`)
  const strange = frames.find((frame) => !hasFrame(own, frame))
  if (strange !== undefined) throw new InvalidInputError('frames', `task "${task.name}" does not render frame ${strange}`)
  return rerunFor(store, job, task, frames)
}

async function rerunFor(store: FarmStore, job: JobRuntime, task: TaskState, picked: readonly number[]): Promise<TaskRerun> {
  const own = [...framesOf(framesOfTask(job.commandsOf(task)) ?? [])]
  const listed = task.status === 'completed' ? [] : await store.loadListedFrames(task.id)
  return { taskId: task.id, frames: framesToRender({ own, picked, task, listed }) }
}

/** The selected frames, and the task's missing ones: it only completes when all of its frames exist. Pure. */
export function framesToRender({
  own,
  picked,
  task,
  listed,
}: {
  own: readonly number[]
  picked: readonly number[]
  task: Pick<TaskState, 'status' | 'rerun'>
  listed: readonly ListedFrame[]
}): number[] {
  const wanted = new Set(picked)
  if (task.status !== 'completed') {
    const rerun = rerunOf(task)
    const there = new Set(listed.filter(({ attempt }) => attempt > (rerun?.from ?? 0)).map(({ frame }) => frame))
    for (const frame of rerun?.frames ?? own) if (!there.has(frame)) wanted.add(frame)
  }
  return own.filter((frame) => wanted.has(frame))
}
