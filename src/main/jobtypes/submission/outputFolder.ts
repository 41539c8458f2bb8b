/** Where a job's files go, by the settings that job types usually have. Pure. */
import { OUTPUT_FILE_SETTINGS, OUTPUT_FOLDER_SETTINGS } from '../../../shared/outputSettings.ts'
import { folderOfPattern } from '../../../shared/paths/jobPaths.ts'

/** The folder in the settings (variables not replaced); null when they have none. */
export function outputFolder(settings: Readonly<Record<string, unknown>>): string | null {
  for (const key of OUTPUT_FILE_SETTINGS) {
    const path = settings[key]
    if (typeof path === 'string' && path !== '') return folderOfPattern(path)
  }
  for (const key of OUTPUT_FOLDER_SETTINGS) {
    const path = settings[key]
    if (typeof path === 'string' && path !== '') return path
  }
  return null
}

/**
 * The setting that defines the output location, and the part after the folder in it, in lower case; undefined when
 * there is none.
 */
export function outputSetting(
  settings: Readonly<Record<string, unknown>>,
): { key: string; folderLength: number; files: string } | undefined {
  for (const key of [...OUTPUT_FILE_SETTINGS, ...OUTPUT_FOLDER_SETTINGS]) {
    const path = settings[key]
    if (typeof path !== 'string' || path === '') continue
    if (OUTPUT_FOLDER_SETTINGS.includes(key)) return { key, folderLength: path.replace(/[\\/]+$/, '').length, files: '' }
    const folderLength = (folderOfPattern(path) ?? '').length
    return { key, folderLength, files: path.slice(folderLength).replaceAll('\\', '/').replace(/^\/+/, '').toLowerCase() }
  }
  return undefined
}
