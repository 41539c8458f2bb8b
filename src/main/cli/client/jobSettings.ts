/** Converts `--set key=value` arguments to the types that the job type declares. Pure. */
import { isAbsolute, resolve } from 'node:path'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { CliError, EXIT } from '../errors.ts'
import { nearest } from '../parsing/nearest.ts'

type Setting = JobTypeInfo['settings'][number]

/**
 * @param cwd base of relative file and folder paths, as in a shell
 * @param sends the job's files are sent: paths but the blend file's are below its own folders, and stay as they are
 * @throws CliError that names the setting
 */
export function settingsFromWords(
  type: JobTypeInfo,
  words: ReadonlyMap<string, string>,
  cwd: string,
  sends = false,
): Record<string, unknown> {
  const settings: Record<string, unknown> = {}
  for (const [key, word] of words) {
    const setting = type.settings.find((one) => one.key === key)
    if (!setting) throw unknownSetting(type, key)
    settings[key] = convert(setting, word, sends && key !== 'blendfile' ? undefined : cwd)
  }
  return settings
}

function unknownSetting(type: JobTypeInfo, key: string): CliError {
  const known = type.settings.filter((setting) => setting.visible !== 'hidden').map((setting) => setting.key)
  const near = nearest(key, known)
  const hint = near ? `Did you mean "${near}"?` : `Available settings: ${known.join(', ') || 'none'}.`
  return new CliError(EXIT.invalid, `job type "${type.name}" has no setting "${key}". ${hint}`, 'unknown-setting', key)
}

function convert(setting: Setting, word: string, cwd: string | undefined): unknown {
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
      return isPath(setting) && cwd !== undefined ? absolute(word, cwd) : word
    default:
      // A type from a later version: the manager knows how to handle it.
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

/** `blendfile` is a path in every job type, even when its script does not declare it: Flamenco clients rely on that name. */
function isPath(setting: Setting): boolean {
  return (
    setting.key === 'blendfile' ||
    setting.subtype === 'file_path' ||
    setting.subtype === 'dir_path' ||
    setting.subtype === 'hashed_file_path'
  )
}

/** The default job name: the input file without its extension, as in the GUI, else the label of the job type. */
export function defaultName(type: JobTypeInfo, settings: Readonly<Record<string, unknown>>): string {
  const files = type.settings.filter((setting) => isPath(setting) && setting.subtype !== 'dir_path' && setting.editable !== false)
  const blendFirst = files.toSorted((a, b) => Number(b.key === 'blendfile') - Number(a.key === 'blendfile'))
  for (const { key } of blendFirst) {
    const value = settings[key]
    const name = typeof value === 'string' ? value.replace(/^.*[\\/]/, '').replace(/(.)\.[^.]+$/, '$1') : ''
    // A pattern (`{frame:06}`, `####`) is not a name.
    if (name !== '' && !/^[{#]/.test(name)) return name.slice(0, 200)
  }
  return type.label || type.name
}

/** Resolves local paths; those with a variable (`{jobs}/…`), Windows paths and Blender paths (`//…`) are left unchanged. */
function absolute(path: string, cwd: string): string {
  if (path === '' || path.startsWith('{') || path.startsWith('//') || isAbsolute(path) || /^[A-Za-z]:[\\/]|^\\\\/.test(path)) return path
  return resolve(cwd, path)
}
