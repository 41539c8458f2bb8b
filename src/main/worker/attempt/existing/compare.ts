/** Compares a frame that was rendered again because it looked wrong with its previous version. */
import { basename, dirname, join } from 'node:path'
import { isSamePicture } from '../../../pictures/samePicture.ts'
import { REPLACED_FOLDER } from '../../../system/setAside.ts'
import type { CommandContext } from '../../contract/commands.ts'
import { findProgram } from '../../tools/find.ts'

/**
 * For the report of a file that this attempt wrote, at its final name: how it compares with the one that was set aside for it.
 * Empty when no comparison was requested, or is possible (the other worker's file may be on its own disk). @throws the signal's reason
 */
export async function comparedWithBefore(
  path: string,
  { existing, tools, signal }: Pick<CommandContext, 'existing' | 'tools' | 'signal'>,
): Promise<{ sameAsBefore?: boolean }> {
  if (existing.mode === 'keep-whole' || existing.compare !== true) return {}
  const before = join(dirname(path), REPLACED_FOLDER, basename(path))
  const sameAsBefore = await isSamePicture(path, before, { ffmpeg: findProgram('ffmpeg', tools), signal })
  return sameAsBefore === undefined ? {} : { sameAsBefore }
}
