/** Typed settings of a job: validation and defaults, for the manager and for forms alike. Pure. */
import type { JobSetting } from './schemas/jobs/jobType.ts'

export interface SettingProblem {
  key: string
  /** The predicate of a sentence, e.g. `must be at least 1, not 0`. */
  message: string
}

export interface CheckedSettings {
  /** Given values and defaults; omits settings without either. */
  values: Record<string, unknown>
  problems: SettingProblem[]
}

export interface CheckOptions {
  /**
   * For less strict clients: keeps unknown keys instead of rejecting them, accepts empty text for required
   * settings, and accepts hidden settings (which the client evaluates) without validation.
   */
  lenient?: boolean
}

const INT32_MIN = -2_147_483_648
const INT32_MAX = 2_147_483_647

/** Validates values against a job type's settings and applies defaults. `null` counts as not given. */
export function checkJobSettings(
  settings: readonly JobSetting[],
  given: Readonly<Record<string, unknown>>,
  options: CheckOptions = {},
): CheckedSettings {
  const problems: SettingProblem[] = []
  const byKey = new Map(settings.map((setting) => [setting.key, setting]))
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue
    const setting = byKey.get(key)
    const message = setting ? problemOf(setting, value, options) : options.lenient ? undefined : unknownKey(key, [...byKey.keys()])
    if (message !== undefined) problems.push({ key, message })
    else Object.defineProperty(values, key, { value, enumerable: true, configurable: true, writable: true })
  }
  for (const setting of settings) {
    if (isGiven(given, setting.key)) continue
    if (setting.default !== undefined && setting.default !== null) values[setting.key] = setting.default
    else if (setting.required && !(options.lenient && isNotShown(setting))) problems.push({ key: setting.key, message: 'is required' })
  }
  return { values, problems }
}

function isGiven(given: Readonly<Record<string, unknown>>, key: string): boolean {
  return Object.hasOwn(given, key) && given[key] !== null && given[key] !== undefined
}

function isNotShown({ visible }: JobSetting): boolean {
  return visible === 'hidden' || visible === 'web'
}

function problemOf(setting: JobSetting, value: unknown, options: CheckOptions): string | undefined {
  return options.lenient && isNotShown(setting) ? undefined : wrongValue(setting, value, options)
}

/** The problem with a value, or undefined. */
function wrongValue(setting: JobSetting, value: unknown, options: CheckOptions): string | undefined {
  switch (setting.type) {
    case 'string':
      return typeof value === 'string' ? wrongText(setting, value, options) : `must be a text, not ${describe(value)}`
    case 'bool':
      return typeof value === 'boolean' ? undefined : `must be true or false, not ${describe(value)}`
    case 'int32':
      if (typeof value !== 'number' || !Number.isInteger(value)) return `must be a whole number, not ${describe(value)}`
      if (value < INT32_MIN || value > INT32_MAX) return `must be between ${INT32_MIN} and ${INT32_MAX}, not ${value}`
      return outOfBounds(setting, value)
    case 'float':
      if (typeof value !== 'number' || !Number.isFinite(value)) return `must be a number, not ${describe(value)}`
      return outOfBounds(setting, value)
  }
}

function wrongText(setting: JobSetting, value: string, options: CheckOptions): string | undefined {
  if (setting.required && value.trim() === '' && !options.lenient) return 'is required and must not be empty'
  const longest = bound(setting, 'maxlen')
  if (longest !== undefined && longest > 0 && value.length > longest) return `must have at most ${longest} characters, not ${value.length}`
  const { choices } = setting
  if (choices === undefined || choices.length === 0 || choices.includes(value)) return undefined
  const near = nearest(value, choices)
  const hint = near === undefined ? '' : ` (did you mean "${near}"?)`
  return `must be one of ${choices.map((choice) => `"${choice}"`).join(', ')}, not "${value}"${hint}`
}

function outOfBounds(setting: JobSetting, value: number): string | undefined {
  const min = bound(setting, 'min')
  const max = bound(setting, 'max')
  if (min !== undefined && value < min) return `must be at least ${min}, not ${value}`
  if (max !== undefined && value > max) return `must be at most ${max}, not ${value}`
  return undefined
}

function bound({ propargs }: JobSetting, name: string): number | undefined {
  const value = propargs?.[name]
  return typeof value === 'number' ? value : undefined
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'string' ? `"${value}"` : String(value)
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known)
  if (near !== undefined) return `is not a setting of this job type; did you mean "${near}"?`
  return `is not a setting of this job type; its settings are ${known.length === 0 ? 'none' : known.join(', ')}`
}

/** The word closest to `word`, when it is close enough to be a typo. */
export function nearest(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of words) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
