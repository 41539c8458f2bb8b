/**
 * JSON values as Python prints them: the form in which actors receive messages, state and variables. Numbers come as
 * LosslessNumber, because 1 is not 1.0 here and integers have any size. Pure.
 */
import { isLosslessNumber } from 'lossless-json'

/** `str(value)`: a text is itself. */
export function pythonText(value: unknown): string {
  return typeof value === 'string' ? value : repr(value)
}

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g
const WORDS: Readonly<Record<string, string>> = { true: 'True', false: 'False', null: 'None', ',': ', ', ':': ': ' }

/**
 * The same of a JSON text, token by token: objects in JavaScript do not keep the order of keys that are numbers.
 * @param json valid JSON
 */
export function pythonTextOfJson(json: string): string {
  const tokens = json.match(TOKEN) ?? []
  // The token is a JSON string.
  if (tokens.length === 1 && json.trim().startsWith('"')) return JSON.parse(json) as string
  return tokens.map(reprToken).join('')
}

function reprToken(token: string): string {
  // The token is a JSON string.
  if (token.startsWith('"')) return reprText(JSON.parse(token) as string)
  if (/^[-\d]/.test(token)) return reprNumber(token)
  return WORDS[token] ?? token
}

function repr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'string') return reprText(value)
  if (isLosslessNumber(value)) return reprNumber(value.value)
  if (typeof value === 'number' || typeof value === 'bigint') return reprNumber(String(value))
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`
  return `{${Object.entries(value)
    .map(([key, each]) => `${reprText(key)}: ${repr(each)}`)
    .join(', ')}}`
}

/** @param text of a JSON number */
function reprNumber(text: string): string {
  if (/^-?\d+$/.test(text)) return text === '-0' ? '0' : text
  return reprFloat(Number(text))
}

/** The shortest digits that give the same double, with Python's exponents. */
function reprFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf'
  if (Object.is(value, -0)) return '-0.0'
  const [mantissa = '0', exponentText = '0'] = value.toExponential().split('e')
  const exponent = Number(exponentText)
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+'
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const text = plainDigits(mantissa, exponent)
  return text.includes('.') ? text : `${text}.0`
}

function plainDigits(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  if (digits.length <= exponent + 1) return sign + digits.padEnd(exponent + 1, '0')
  return `${sign}${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`
}

const NAMED: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
/** What Python's str.isprintable() denies, except the space. */
const UNPRINTABLE = /[\\\p{C}\p{Zl}\p{Zp}\p{Zs}]/gu

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text.replace(UNPRINTABLE, (char) => (char === ' ' ? char : (NAMED[char] ?? escapeOf(char))))
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote
}

function escapeOf(char: string): string {
  const code = char.codePointAt(0) ?? 0
  const hex = code.toString(16)
  if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
