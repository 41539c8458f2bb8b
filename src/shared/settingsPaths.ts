/**
 * Which of the farm's settings are paths, and whether they say where they lead. A relative path means another folder in each
 * process, so one would scatter the farm's files over whatever folders its programs happened to be started in. Pure.
 */
import { hasControlCharacter, isAbsoluteOn, isUnc } from './crosspath.ts'
import type { FarmSettings } from './schemas/settings.ts'

export interface WrongPath {
  /** The setting, with dots: `sharedStoragePath`, `variables.share.values.0.value`. */
  field: string
  /** A sentence that says what is wrong and what to write instead. */
  message: string
}

/** A two-way variable may be a drive as a whole, and begin with another variable. */
const DRIVE_OR_REFERENCE = /^([A-Za-z]:$|\{)/

/**
 * The first path among settings that is not absolute, if any.
 * @param platform where the manager runs, Go's name; the shared storage is a path of that platform
 */
export function wrongPath(
  settings: Partial<Pick<FarmSettings, 'sharedStoragePath' | 'variables'>>,
  platform: string,
): WrongPath | undefined {
  const { sharedStoragePath = '', variables = {} } = settings
  const problem = sharedStoragePath === '' ? undefined : problemOf(sharedStoragePath, [platform])
  if (problem !== undefined) return { field: 'sharedStoragePath', message: problem }
  for (const [name, { isTwoWay, values }] of Object.entries(variables)) {
    if (!isTwoWay) continue
    for (const [index, { value, platforms }] of values.entries()) {
      const message = value === '' || isDriveOrReference(value, platforms) ? undefined : problemOf(value, platforms)
      if (message !== undefined) return { field: `variables.${name}.values.${index}.value`, message }
    }
  }
  return undefined
}

function isDriveOrReference(value: string, platforms: readonly string[]): boolean {
  return DRIVE_OR_REFERENCE.test(value) && (value.startsWith('{') || platforms.every((name) => name === 'windows' || name === 'all'))
}

function problemOf(path: string, platforms: readonly string[]): string | undefined {
  const shown = JSON.stringify(path)
  if (hasControlCharacter(path)) return `${shown} contains a control character`
  if (path.startsWith('~')) return `${shown} is not an absolute path: "~" is known to shells only; write the whole path`
  for (const platform of platforms) {
    const isAbsolute = platform === 'all' ? isAbsoluteOn(path, 'linux') || isAbsoluteOn(path, 'windows') : isAbsoluteOn(path, platform)
    if (!isAbsolute) return `${shown} ${platform === 'windows' ? whyNotOnWindows(path) : whyNot(path, platform)}`
  }
  return undefined
}

function whyNot(path: string, platform: string): string {
  if (isAbsoluteOn(path, 'windows')) return `is a path of Windows, and means nothing on ${platform}`
  return 'is not an absolute path; write the whole path, like /mnt/farm'
}

function whyNotOnWindows(path: string): string {
  if (isUnc(path) || path.startsWith('//')) return 'names a computer but no share of it; write it like \\\\server\\share'
  if (/^[\\/]/.test(path)) return 'has no drive letter; write the whole path, like S:\\farm'
  return 'is not an absolute path; write the whole path, like S:\\farm'
}
