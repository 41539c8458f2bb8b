/**
 * Hides secrets for every view, log and audit entry of every dialect: the one place that decides what is secret. Pure.
 * - Headers that carry credentials, by name or by how their value looks.
 * - Environment variables, by their names.
 * - Credentials in addresses: a password before the host, and parameters with such names.
 */
import { SECRET_SHOWN } from '../../shared/schemas/settings.ts'

export interface RedactionRules {
  /** Variables and headers are hidden when their name contains one of these, in any case; separated by commas. */
  words: string
  /** The replacement for a hidden value. */
  shown: string
  /** Hides all headers, variables and passwords, whatever their names. */
  strict: boolean
}

/** For the audit log, notifications and logs: no reader needs a value there. */
export const STRICT: RedactionRules = { words: '', shown: SECRET_SHOWN, strict: true }

const HEADERS = /^headers$/i
const VARIABLES = /^(?:envs?|environment)$/i
const SECRET_NAME = /password|passwd|secret|credential|private.?key|api.?key|access.?key/i
const SECRET_HEADER = /auth|cookie|token|secret|password|key|credential|signature|session/i
const SECRET_VALUE = /^\s*(?:basic|bearer|digest|negotiate|token|apikey|aws4-hmac-sha256)\s+\S/i
// Bounded repetition, so that no text makes the search slow.
const SECRET_PARAMETER = /([?&;][\w.-]{0,32}(?:token|secret|passw(?:or)?d|key|sig|auth|code|credential)[\w.-]{0,32}=)[^&;#\s"]+/gi
const USER_INFO = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/@:"]{0,200}:[^\s/@"]{0,500}@/gi
/** One variable of a list in shell syntax: NAME=value, NAME="a value". */
const ASSIGNMENT = /([A-Za-z_]\w{0,200})=(?:"[^"]*"|'[^']*'|[^\s"'])*/g
/** The most that a log or audit entry shows of one text. */
const MAX_STRICT_CHARS = 10_000

/** A copy of `value`, any JSON, without its secrets. The original is unchanged. */
export function redact(value: unknown, rules: RedactionRules): unknown {
  return hide(value, '', rules, wordsOf(rules.words))
}

/** Applies `redact` to addresses anywhere in a text. */
export function redactText(text: string, shown = SECRET_SHOWN): string {
  return text.replace(USER_INFO, `$1${shown}@`).replace(SECRET_PARAMETER, `$1${shown}`)
}

/** Variables of an environment. Without words, only `strict` hides any. */
export function redactVariables(value: unknown, rules: RedactionRules): unknown {
  return byName(value, wordsOf(rules.words), rules, false)
}

function hide(value: unknown, key: string, rules: RedactionRules, words: RegExp | undefined): unknown {
  if (typeof value === 'string') {
    if (rules.strict && value !== '' && [SECRET_NAME, HEADERS, VARIABLES].some((name) => name.test(key))) return rules.shown
    if (VARIABLES.test(key) && words)
      return value.replace(ASSIGNMENT, (whole, name: string) => (words.test(name) ? `${name}=${rules.shown}` : whole))
    return redactText(rules.strict ? value.slice(0, MAX_STRICT_CHARS) : value, rules.shown)
  }
  if (Array.isArray(value)) return value.map((each) => hide(each, key, rules, words))
  if (typeof value !== 'object' || value === null) return value
  if (HEADERS.test(key)) return byName(value, words, rules, true)
  if (VARIABLES.test(key)) return byName(value, words, rules, false)
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, hide(each, name, rules, words)]))
}

function byName(value: unknown, words: RegExp | undefined, rules: RedactionRules, areHeaders: boolean): unknown {
  if (typeof value !== 'object' || value === null) return rules.strict && value !== null ? rules.shown : value
  if (Array.isArray(value)) return value.map((each) => byName(each, words, rules, areHeaders))
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      const isSecret =
        rules.strict ||
        (words?.test(name) ?? false) ||
        (areHeaders && (SECRET_HEADER.test(name) || (typeof each === 'string' && SECRET_VALUE.test(each))))
      if (isSecret) return [name, rules.shown]
      return [name, typeof each === 'string' ? redactText(each, rules.shown) : byName(each, words, rules, areHeaders)]
    }),
  )
}

function wordsOf(words: string): RegExp | undefined {
  const list = words
    .split(',')
    .map((word) => word.trim())
    .filter(Boolean)
  return list.length === 0 ? undefined : new RegExp(list.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'i')
}
