/** Moves files of frames out of the way before a foreign worker renders them: Blender does not overwrite existing files. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { viewOfFile, type PromisedFrame } from '../../../shared/frames/blenderOutputs.ts'
import { checkPicture } from '../../pictures/checkPicture.ts'
import { setAside } from '../../system/setAside.ts'

/**
 * What stays: nothing, files verified as complete, or (results of the same attempt before its worker restarted) all
 * that are not damaged.
 */
export type Keeping = 'nothing' | 'whole' | 'undamaged'

/**
 * @returns the paths of what was moved
 * @throws NodeJS errors
 */
export async function setFramesAside(folder: string, frames: readonly PromisedFrame[], keeping: Keeping): Promise<string[]> {
  const names = await readdir(folder).catch(() => [])
  const moved: string[] = []
  for (const { stem } of frames) {
    for (const name of names.filter((found) => viewOfFile(found, stem) !== undefined)) {
      const path = join(folder, name)
      const state = keeping === 'nothing' ? undefined : (await checkPicture(path)).state
      if (state === 'whole' || (state === 'unchecked' && keeping === 'undamaged')) continue
      if ((await setAside(path, { damaged: state === 'damaged' })) !== undefined) moved.push(path)
    }
  }
  return moved
}
