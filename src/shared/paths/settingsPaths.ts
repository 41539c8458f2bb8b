/**
 * Which of the farm's settings are paths, and whether they are absolute. Each process resolves a relative path against a different
 * folder, so it would scatter the farm's files over the folders in which its programs happen to start. Pure.
 */
import { hasControlCharacter, isAbsoluteOn, isUnc } from './crosspath.ts'
import type { FarmSettings } from '../schemas/settings.ts'

export interface WrongPath {
  /** The setting in dot notation: `sharedStoragePath`, `variables.share.values.0.value`. */
  field: string
  /** A sentence that says what is wrong and what to enter instead. */
  message: string
}

/** A two-way variable may be a whole drive, and may begin with another variable. */
const DRIVE_OR_REFERENCE = /^([A-Za-z]:$|\{)/

/**
 * The first path among settings that is not absolute, if any.
 * @param platform the manager's platform in Go's notation; the shared storage is a path of that platform
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
  if (path.startsWith('~')) return `${shown} is not an absolute path: "~" is expanded by shells only; write the full path`
  for (const platform of platforms) {
    const isAbsolute = platform === 'all' ? isAbsoluteOn(path, 'linux') || isAbsoluteOn(path, 'windows') : isAbsoluteOn(path, platform)
    if (!isAbsolute) return `${shown} ${platform === 'windows' ? whyNotOnWindows(path) : whyNot(path, platform)}`
  }
  return undefined
}

function whyNot(path: string, platform: string): string {
  if (isAbsoluteOn(path, 'windows')) return `is a Windows path, which is invalid on ${platform}`
  return 'is not an absolute path; write the full path, like /mnt/farm'
}

function whyNotOnWindows(path: string): string {
  if (isUnc(path) || path.startsWith('//')) return 'names a computer without a share; write it like \\\\server\\share'
  if (/^[\\/]/.test(path)) return 'has no drive letter; write the full path, like S:\\farm'
  return 'is not an absolute path; write the full path, like S:\\farm'
}
