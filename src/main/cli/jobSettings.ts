/** From `--set key=value` words to settings of the types that the job type asks for. Pure. */
import { isAbsolute, resolve } from 'node:path'
import type { JobTypeInfo } from '../../shared/schemas/jobType.ts'
import { CliError, EXIT } from './errors.ts'
import { nearest } from './nearest.ts'

type Setting = JobTypeInfo['settings'][number]

/**
 * @param cwd what relative paths of files and folders are resolved against, as a shell would
 * @throws CliError that names the setting
 */
export function settingsFromWords(type: JobTypeInfo, words: ReadonlyMap<string, string>, cwd: string): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const [key, word] of words) {
    const setting = type.settings.find((one) => one.key === key)
    if (!setting) throw unknownSetting(type, key)
    settings[key] = convert(setting, word, cwd)
  }
  return settings
}

function unknownSetting(type: JobTypeInfo, key: string): CliError {
  const known = type.settings.filter((setting) => setting.visible !== 'hidden').map((setting) => setting.key)
  const near = nearest(key, known)
  const hint = near ? `Did you mean "${near}"?` : `It has: ${known.join(', ') || 'none'}.`
  return new CliError(EXIT.invalid, `job type "${type.name}" has no setting "${key}". ${hint}`, 'unknown-setting', key)
}

function convert(setting: Setting, word: string, cwd: string): unknown {
  switch (setting.type) {
    case 'bool': {
      const truth = TRUTH.get(word.toLowerCase())
      if (truth === undefined) throw wrongValue(setting, `must be true or false, not "${word}"`)
      return truth
    }
    case 'int32':
      if (!/^[+-]?\d+$/.test(word)) throw wrongValue(setting, `must be a whole number, not "${word}"`)
      return Number(word)
    case 'float':
      if (word.trim() === '' || !Number.isFinite(Number(word))) throw wrongValue(setting, `must be a number, not "${word}"`)
      return Number(word)
    case 'string':
      return isPath(setting) ? absolute(word, cwd) : word
    default:
      // A later version's type: the manager knows what to do with it.
      return word
  }
}

function wrongValue(setting: Setting, message: string): CliError {
  return new CliError(EXIT.invalid, `--set ${setting.key} ${message}`, 'invalid-setting', setting.key)
}

const TRUTH = new Map([
  ...['true', 'yes', 'on', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', '0'].map((word) => [word, false] as const),
])

/** `blendfile` is one in every job type, also where its script does not say so: clients of Flamenco go by that name. */
function isPath(setting: Setting): boolean {
  return (
    setting.key === 'blendfile' ||
    setting.subtype === 'file_path' ||
    setting.subtype === 'dir_path' ||
    setting.subtype === 'hashed_file_path'
  )
}

/** A job's name when nobody gives one: the file that it is about, as in the GUI without its ending; else what kind of job it is. */
export function defaultName(type: JobTypeInfo, settings: Readonly<Record<string, unknown>>): string {
  const files = type.settings.filter((setting) => isPath(setting) && setting.subtype !== 'dir_path' && setting.editable !== false)
  const blendFirst = files.toSorted((a, b) => Number(b.key === 'blendfile') - Number(a.key === 'blendfile'))
  for (const { key } of blendFirst) {
    const value = settings[key]
    const name = typeof value === 'string' ? value.replace(/^.*[\\/]/, '').replace(/(.)\.[^.]+$/, '$1') : ''
    if (name !== '') return name.slice(0, 200)
  }
  return type.label || type.name
}

/** Paths of this machine become absolute; those with a variable (`{jobs}/…`), of Windows or of Blender (`//…`) are left alone. */
function absolute(path: string, cwd: string): string {
  if (path === '' || path.startsWith('{') || path.startsWith('//') || isAbsolute(path) || /^[A-Za-z]:[\\/]|^\\\\/.test(path)) return path
  return resolve(cwd, path)
}
