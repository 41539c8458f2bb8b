/** Where a job's files go, by the settings that job types usually have. Pure. */

/** Settings that name a folder, and settings that name files in one; the first that is filled counts. */
const FOLDER_SETTINGS = ['output_dir', 'output_folder', 'render_output_dir']
const FILE_SETTINGS = ['render_output_path', 'output_path', 'output_pattern', 'output_file', 'output']

/** The folder as the settings have it (variables not replaced); null when they do not tell. */
export function outputFolder(settings: Readonly<Record<string, unknown>>): string | null {
  for (const key of FILE_SETTINGS) {
    const path = settings[key]
    if (typeof path === 'string' && path !== '') return folderOfPattern(path)
  }
  for (const key of FOLDER_SETTINGS) {
    const path = settings[key]
    if (typeof path === 'string' && path !== '') return path
  }
  return null
}

/** The folder of a file name; of a pattern, the folder above the first element with a frame in it. Null without any folder. */
function folderOfPattern(path: string): string | null {
  const elements = path.split(/[\\/]/)
  const varying = elements.findIndex((element) => element.includes('#') || /\{(frame|start|end|chunk|count)(:\d+)?\}/.test(element))
  const kept = varying >= 0 ? varying : elements.length - 1
  if (kept <= 0) return null
  const length = elements.slice(0, kept).join('/').length
  return length === 0 ? path.charAt(0) : path.slice(0, length)
}
