/** The paths that a job's settings declare: what its workers must reach by storage that they share. Pure. */
import { isOutputSetting } from '../../../shared/outputSettings.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { toSlashes } from '../../../shared/paths/crosspath.ts'

/** The scene of job types that render with Blender. */
const BLENDFILE = 'blendfile'

/**
 * Texts of the settings that are paths, by their subtype or by the names that job types use.
 * @param outputs false: workers send their results to the manager, so no output needs storage
 * @param checkoutId of the content store: workers fetch its files, wherever they are
 */
export function declaredPaths(
  { settings }: Pick<JobTypeInfo, 'settings'>,
  values: Readonly<Record<string, unknown>>,
  { outputs, checkoutId }: { outputs: boolean; checkoutId: string | null },
): string[] {
  return settings.flatMap(({ key, subtype }) => {
    const isOutput = isOutputSetting(key)
    if (isOutput ? !outputs : key !== BLENDFILE && subtype !== 'file_path' && subtype !== 'dir_path') return []
    const value = values[key]
    if (typeof value !== 'string' || value.trim() === '') return []
    const isFetched = !isOutput && checkoutId !== null && toSlashes(value).includes(`/${checkoutId}/`)
    return isFetched ? [] : [value.trim()]
  })
}
