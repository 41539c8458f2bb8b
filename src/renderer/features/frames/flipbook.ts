/** What the flipbook plays: pure helpers over the frame model. */
import { FINISHED_JOB_STATUSES } from '../../../shared/enums.ts'
import type { Job } from '../../../shared/schemas/jobs/job.ts'
import { NO_FRAME, type FrameMark, type FrameModel } from './frames.ts'

export interface FlipFrame {
  /** Of the frame record; addresses its images. */
  id: number
  /** Frame number; null for a single image. */
  number: number | null
  label: string
  cell: number
  mark: FrameMark | undefined
}

/** The frames that have an image, by frame number, then by place in the job. */
export function flipFrames(model: FrameModel): FlipFrame[] {
  const frames: FlipFrame[] = []
  for (let cell = 0; cell < model.size; cell++) {
    const id = model.frameIds[cell] ?? 0
    if (id <= 0) continue
    const number = model.numbers[cell] ?? NO_FRAME
    frames.push({ id, number: number === NO_FRAME ? null : number, label: model.labelOf(cell), cell, mark: model.markOf(cell) })
  }
  return frames.sort((a, b) => (a.number ?? 0) - (b.number ?? 0) || a.cell - b.cell)
}

/** The index to play next; −1 at the end without loop. */
export function nextFrame(index: number, count: number, loop: boolean): number {
  if (count === 0) return -1
  if (index + 1 < count) return index + 1
  return loop ? 0 : -1
}

/** The frame at `index` first, then those ahead of it (round the end), then a few behind. */
export function wantedAround<T>(frames: readonly T[], index: number, ahead: number): T[] {
  if (index < 0 || frames.length === 0) return []
  const wanted = new Set<T>()
  const add = (at: number) => {
    const frame = frames[((at % frames.length) + frames.length) % frames.length]
    if (frame !== undefined) wanted.add(frame)
  }
  for (let i = 0; i <= Math.min(ahead, frames.length - 1); i++) add(index + i)
  add(index - 1)
  add(index - 2)
  return [...wanted]
}

/** Why there is nothing to play: it may come yet, the job saved no files, or only such as cannot be shown. */
export function whyNoPicture(job: Pick<Job, 'status' | 'frameCount'> | null | undefined): 'waiting' | 'no-images' | 'no-previews' {
  if (!job || !FINISHED_JOB_STATUSES.includes(job.status)) return 'waiting'
  return job.frameCount > 0 ? 'no-previews' : 'no-images'
}
