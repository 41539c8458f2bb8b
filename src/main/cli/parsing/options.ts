/** Types of options and arguments: how a word of the command line becomes a value. Pure. */
import { UsageError } from '../errors.ts'
import { nearest } from './nearest.ts'
import { parseSize } from '../../../shared/text/sizes.ts'

export interface Option<T> {
  /** False for a switch. */
  readonly takesValue: boolean
  /** The value's placeholder in help, e.g. `HOST:PORT`. */
  readonly placeholder: string
  readonly help: string
  /** May be given several times. */
  readonly repeat: boolean
  /** Environment variable that is used when the option is not given. */
  readonly env?: string
  readonly choices?: readonly string[]
  /** Shown in help. */
  readonly defaultText?: string
  /** How a shell completes the value, beyond `choices`. */
  readonly completes?: Completion
  readonly short?: string
  /** Converts the given words (in order; empty: not given) into the value. Errors name it by `label`. @throws UsageError */
  read(given: readonly string[], label: string): T
}
export type Completion = 'file' | 'folder' | 'job' | 'job-type' | 'schedule' | 'worker'

/** The values of a command's options. */
export type Values<O extends Record<string, Option<unknown>>> = { [K in keyof O]: O[K] extends Option<infer T> ? T : never }

interface Extras {
  env?: string
  short?: string
  completes?: Completion
}

export function flag(help: string, extras: Extras = {}): Option<boolean> {
  return { takesValue: false, placeholder: '', help, repeat: false, ...extras, read: (given) => given.length > 0 }
}

/** An optional text. */
export function text(placeholder: string, help: string, extras: Extras = {}): Option<string | undefined> {
  return single(placeholder, help, extras, nonEmpty)
}

/** A text with a default. */
export function textOr(fallback: string, placeholder: string, help: string, extras: Extras = {}): Option<string> {
  return withDefault(fallback, fallback, text(placeholder, help, extras))
}

export function integer(
  placeholder: string,
  help: string,
  range: { min: number; max: number },
  extras: Extras = {},
): Option<number | undefined> {
  return single(placeholder, help, extras, (given, label) => {
    const value = Number(given)
    if (!/^-?\d+$/.test(given) || value < range.min || value > range.max) {
      throw new UsageError(`${label} must be a whole number from ${range.min} to ${range.max}, not "${given}"`, label)
    }
    return value
  })
}

const SECONDS_OF: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }

/** A duration in whole seconds: `90`, `90s`, `30m`, `2h`, `1d`, `1w`, or a combination, largest unit first: `1h30m`. */
export function seconds(
  placeholder: string,
  help: string,
  range: { min: number; max: number },
  extras: Extras = {},
): Option<number | undefined> {
  return single(placeholder, help, extras, (given, label) => {
    const value = secondsOf(given)
    if (value === undefined)
      throw new UsageError(`${label} must be a duration like 90 (seconds), 30m, 2h, 1d or 1h30m, not "${given}"`, label)
    if (value < range.min || value > range.max) {
      throw new UsageError(`${label} must be from ${range.min} to ${range.max} seconds, not ${value}`, label)
    }
    return value
  })
}

function secondsOf(given: string): number | undefined {
  if (/^\d+$/.test(given)) return Number(given)
  const parts = /^(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(given)
  if (!parts || given === '') return undefined
  return ['w', 'd', 'h', 'm', 's'].reduce((sum, unit, index) => sum + Number(parts[index + 1] ?? 0) * (SECONDS_OF[unit] ?? 0), 0)
}

/** A size in bytes: `500`, `64kB`, `1.5GB`, `100MiB`. */
export function size(placeholder: string, help: string, extras: Extras = {}): Option<number | undefined> {
  return single(placeholder, help, extras, (given, label) => {
    const value = parseSize(given)
    if (value === undefined) throw new UsageError(`${label} must be a size like 500 (bytes), 64kB, 100MB or 2GiB, not "${given}"`, label)
    return value
  })
}

export function choice<const C extends string>(choices: readonly C[], help: string, extras: Extras = {}): Option<C | undefined> {
  return { ...single(choices.join('|'), help, extras, (given, label) => pick(choices, given, label)), choices }
}

export function list(placeholder: string, help: string, extras: Extras = {}): Option<string[]> {
  return {
    takesValue: true,
    placeholder,
    help,
    repeat: true,
    ...extras,
    read: (given, label) => given.map((word) => nonEmpty(word, label)),
  }
}

/** Words of a fixed set, comma-separated or given several times. */
export function choiceList<const C extends string>(choices: readonly C[], help: string, extras: Extras = {}): Option<C[]> {
  return {
    takesValue: true,
    placeholder: choices.join('|'),
    help,
    repeat: true,
    choices,
    ...extras,
    read: (given, label) => given.flatMap((words) => words.split(',')).map((word) => pick(choices, word.trim(), label)),
  }
}

/** `key=value`, repeatable; the last value of a key wins. */
export function keyValues(placeholder: string, help: string, extras: Extras = {}): Option<Map<string, string>> {
  return {
    takesValue: true,
    placeholder,
    help,
    repeat: true,
    ...extras,
    read(given, label) {
      const pairs = new Map<string, string>()
      for (const word of given) {
        const at = word.indexOf('=')
        if (at < 1) throw new UsageError(`${label} must have the form key=value, not "${word}"`, label)
        pairs.set(word.slice(0, at), word.slice(at + 1))
      }
      return pairs
    },
  }
}

export function withDefault<T>(fallback: T, shown: string, option: Option<T | undefined>): Option<T> {
  return { ...option, defaultText: shown, read: (given, label) => option.read(given, label) ?? fallback }
}

function single<T>(placeholder: string, help: string, extras: Extras, convert: (given: string, label: string) => T): Option<T | undefined> {
  return {
    takesValue: true,
    placeholder,
    help,
    repeat: false,
    ...extras,
    read(given, label) {
      const last = given[given.length - 1]
      return last === undefined ? undefined : convert(last, label)
    },
  }
}

function nonEmpty(given: string, label: string): string {
  if (given === '') throw new UsageError(`${label} must not be empty`, label)
  return given
}

function pick<C extends string>(choices: readonly C[], given: string, label: string): C {
  const found = choices.find((word) => word === given)
  if (found !== undefined) return found
  const near = nearest(given, choices)
  throw new UsageError(`${label} must be one of ${choices.join(', ')}, not "${given}"${near ? ` (did you mean ${near}?)` : ''}`, label)
}
