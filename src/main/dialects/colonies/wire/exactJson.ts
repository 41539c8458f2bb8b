/**
 * JSON with exact integers: the protocol has int64 values (nanoseconds, sequence numbers), of which a JavaScript number
 * keeps 53 bits. Longer integers become BigInt, and BigInt is written as digits.
 */
import { randomUUID } from 'node:crypto'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { isDeeperThan } from '../../../http/body.ts'

/** Real messages nest a few levels; recursive code must never meet unbounded nesting. */
const MAX_DEPTH = 128
/** Numbers with fewer digits are exact. */
const LONG_INTEGER = /[\s:,[]-?\d{16,}/
const NUMBER_OR_STRING = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g
const DIGITS = /^-?\d{16,}$/
/** No text of a client can begin with it: it changes with each start. */
const MARK = `int64 ${randomUUID()} `

/** @throws InvalidInputError */
export function parseExact(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH)) throw new InvalidInputError('', `JSON nested more than ${MAX_DEPTH} levels deep`)
  const hasLong = LONG_INTEGER.test(text)
  // Escaped spellings of the key are caught too: any escape makes the reviver run.
  const hasPrototype = text.includes('__proto__') || text.includes('\\u')
  try {
    if (!hasLong && !hasPrototype) return JSON.parse(text)
    return JSON.parse(hasLong ? text.replace(NUMBER_OR_STRING, (part) => (DIGITS.test(part) ? `"${MARK}${part}"` : part)) : text, revive)
  } catch (error) {
    if (error instanceof InvalidInputError) throw error
    throw new InvalidInputError('', `not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function revive(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new InvalidInputError('', 'the key "__proto__" is not allowed')
  if (typeof value !== 'string' || !value.startsWith(MARK)) return value
  const number = BigInt(value.slice(MARK.length))
  return BigInt.asIntN(53, number) === number ? Number(number) : number
}

const WRITTEN = new RegExp(`"${MARK}(-?\\d+)"`, 'g')

/** The counterpart of parseExact. */
export function stringifyExact(value: unknown): string {
  let hasBig = false
  const text = JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each !== 'bigint') return each
    hasBig = true
    return `${MARK}${each}`
  })
  return hasBig ? text.replace(WRITTEN, '$1') : text
}
