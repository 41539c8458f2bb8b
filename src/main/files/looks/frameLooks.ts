/** The engine's checks of rendered files: of tasks of foreign workers, and of whole jobs. */
import { promisedFrames } from '../../../shared/frames/blenderOutputs.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { FrameLooks } from '../../engine/base/frameLooks.ts'
import { FrameFolders } from './folders.ts'
import { lookForJob } from './jobLook.ts'
import { comparePictures } from './pictureLook.ts'
import { believedOfTask, lookAtTask, type TaskLookOptions } from './taskLook.ts'

/** @param farm resolves when the farm exists: it may request a check while it starts */
export function createFrameLooks(farm: Promise<FarmEngine>, options: Omit<TaskLookOptions, 'farm'>): FrameLooks {
  const { settings, host } = options
  const folders = new FrameFolders(settings, host)
  return {
    promises: (commands) => promisedFrames(commands).length > 0,
    believed: async (request) => believedOfTask(request, { ...options, farm: await farm }, folders),
    task: async (request) => lookAtTask(request, { ...options, farm: await farm }),
    job: async (request) => lookForJob(request, { ...options, farm: await farm }),
    pictures: async (request) => comparePictures(request, { ...options, farm: await farm }),
  }
}
