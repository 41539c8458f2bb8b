/** Options of a requeue: which actions support them, and what they say to people. */
import type { JobAction } from '../../../shared/schemas/jobs/job.ts'
import type { TaskAction } from '../../../shared/schemas/jobs/task.ts'
import { InvalidInputError } from '../base/errors.ts'
import type { RequeueOptions } from '../base/farmRecords.ts'
import type { RerunChoice } from '../base/ports.ts'

/** @throws InvalidInputError when the action does not support them */
export function checkOptions(action: JobAction | TaskAction, { frames, keepWholeFrames }: RequeueOptions): void {
  const isRequeue = action === 'requeue' || action === 'requeue-failed' || action === 'requeue-elsewhere'
  if (frames && (!isRequeue || action === 'requeue-failed')) throw new InvalidInputError('frames', `"${action}" is about all frames`)
  if (keepWholeFrames !== undefined && !isRequeue) throw new InvalidInputError('keepWholeFrames', `"${action}" renders nothing`)
}

export const choiceOf = ({ keepWholeFrames }: RequeueOptions): RerunChoice =>
  keepWholeFrames === undefined ? {} : { keepWhole: keepWholeFrames }

/** The frames as a text for people. */
export function named(frames: readonly number[] | undefined): string {
  if (!frames) return ''
  const shown = frames.slice(0, 10).join(', ')
  return frames.length === 1 ? `, frame ${shown}` : `, frames ${shown}${frames.length > 10 ? ', …' : ''}`
}
