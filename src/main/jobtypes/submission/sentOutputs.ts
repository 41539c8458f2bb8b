/** Output settings of a job whose workers need no shared storage: what people leave out or give as relative goes to the job's own folder. Pure. */
import { defaultOutput, isOutputSetting, RESULTS } from '../../../shared/outputSettings.ts'
import { cleanPath, isAbsolutePath } from '../../../shared/paths/jobPaths.ts'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { isInside } from '../../files/results/places.ts'

/**
 * @param folder the job's own, absolute
 * @param own the folder that the own folders of all jobs are in: a path into one of another job is one of a job that is submitted again
 */
export function sentOutputs(
  type: Pick<JobTypeInfo, 'settings'>,
  given: Readonly<Record<string, unknown>>,
  folder: string,
  own: string,
): Record<string, unknown> {
  const settings = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, filled(value, folder)]))
  for (const setting of type.settings) {
    const { key } = setting
    if (!isOutputSetting(key)) continue
    const value = settings[key]
    const fallback = defaultOutput(setting)
    if (typeof value === 'string' && value.trim() !== '') settings[key] = placed(value.trim(), folder, own)
    else if (fallback !== undefined) settings[key] = filled(fallback, folder)
  }
  return settings
}

/** `{results}` stands for the folder, for job types whose settings hold a whole command. */
const filled = (value: unknown, folder: string): unknown => (typeof value === 'string' ? value.replaceAll(RESULTS, folder) : value)

function placed(value: string, folder: string, own: string): string {
  if (isInside(value, own)) {
    const [, ...rest] = cleanPath(value)
      .slice(cleanPath(own).length + 1)
      .split('/')
    return [folder, ...rest].join('/')
  }
  // `//` stands for the folder of the blend file, which has no place for results here.
  const isRelative = !isAbsolutePath(value) || /^\/\/(?!\/)/.test(value)
  return isRelative ? cleanPath(`${folder}/${value.replace(/^\/+/, '')}`) : value
}
