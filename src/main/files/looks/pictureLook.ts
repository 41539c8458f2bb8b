/**
 * Searches the frames of a job whose tasks are all done for suspects (shared/pictures/suspects.ts), before it counts as
 * completed, and applies the job's policy: a warning, or one more try of their tasks on another worker. It never fails
 * a job.
 */
import type { Suspect, SuspectReason } from '../../../shared/pictures/suspects.ts'
import { ConflictError, FarmError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { JobLookRequest } from '../../engine/base/frameLooks.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { hasSuspectWarnings, pictureChecksOf, suspectsOfJob, type JobFrame } from '../../store/queries/tasks/suspects.ts'

/** The warning for each reason. */
const TEXTS: Record<SuspectReason, string> = {
  'all-black': 'frames are all black, unlike their neighbours',
  'one-colour': 'frames have a single colour, unlike their neighbours',
  'file-size': 'files are much larger or smaller than those of neighbouring frames',
  'render-time': 'frames took much more or less time than neighbouring frames',
}

export interface PictureLookOptions {
  farm: Pick<FarmEngine, 'tasks' | 'results'>
  read: ReadDatabase
  log: Logger
}

/** True when tasks run once more: the job is not complete. Never fails. */
export async function comparePictures({ publicId }: JobLookRequest, options: PictureLookOptions): Promise<boolean> {
  const { farm, read, log } = options
  try {
    const job = await pictureChecksOf(read, publicId)
    if (!job || job.checks === 'off') return false
    const suspects = await suspectsOfJob(read, job)
    // Retried frames are judged when they are done; then all remaining suspects are reported together.
    if (job.checks === 'retry' && (await retry(suspects, farm))) return true
    const warnings = Object.entries(TEXTS).flatMap(([reason, text]) => {
      const frames = suspects.filter((suspect) => suspect.reason === reason).map(({ frame }) => frame.frame ?? 0)
      return frames.length === 0 ? [] : [{ text, count: frames.length, frames }]
    })
    if (warnings.length > 0 || (await hasSuspectWarnings(read, job.id)))
      await farm.results.replaceWarnings(publicId, 'frame-suspect', warnings)
  } catch (error) {
    // The job is gone, or the farm stops.
    const level = error instanceof FarmError ? 'debug' : 'warn'
    log[level]({ job: publicId, error: String(error) }, 'cannot compare the pictures of a job')
  }
  return false
}

/** Requeues the tasks of suspects on other workers, where that is useful. @returns whether any of them runs again */
async function retry(suspects: readonly Suspect<JobFrame>[], farm: PictureLookOptions['farm']): Promise<boolean> {
  const tasks = new Set(suspects.flatMap(({ frame }) => (frame.tried ? [] : [frame.taskId])))
  let any = false
  for (const taskId of tasks) if (await retryTask(taskId, farm)) any = true
  return any
}

async function retryTask(taskId: string, farm: PictureLookOptions['farm']): Promise<boolean> {
  try {
    // They are complete files, so "Keep complete frames" would keep them.
    await farm.tasks.act(taskId, 'requeue-elsewhere', 'the check of its pictures', { keepWholeFrames: false })
    return true
  } catch (error) {
    // No other worker could run it.
    if (error instanceof ConflictError) return false
    throw error
  }
}
