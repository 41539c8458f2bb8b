/** Names that job types give to the settings that say where results go. */

/** Settings that name files in a folder; the first that is filled counts. */
export const OUTPUT_FILE_SETTINGS: readonly string[] = ['render_output_path', 'output_path', 'output_pattern', 'output_file', 'output']
/** Settings that name a folder. */
export const OUTPUT_FOLDER_SETTINGS: readonly string[] = ['output_dir', 'output_folder', 'render_output_dir']
/** Settings that a script builds an output path from. */
export const OUTPUT_ROOT_SETTINGS: readonly string[] = ['render_output_root']

/** Stands for the results folder of a job whose workers send their results home. */
export const RESULTS = '{results}'
/** The name of images where a job type wants one and none was given. */
const IMAGES = '######'

/**
 * The value of an output setting that was left out, for such a job; undefined for any other setting, and where the job type can do without.
 */
export function defaultOutput({ key, required }: { key: string; required?: boolean | undefined }): string | undefined {
  if (OUTPUT_ROOT_SETTINGS.includes(key) || (required === true && OUTPUT_FOLDER_SETTINGS.includes(key))) return RESULTS
  return required === true && OUTPUT_FILE_SETTINGS.includes(key) ? `${RESULTS}/${IMAGES}` : undefined
}

export function isOutputSetting(key: string): boolean {
  return [...OUTPUT_FILE_SETTINGS, ...OUTPUT_FOLDER_SETTINGS, ...OUTPUT_ROOT_SETTINGS].includes(key)
}
