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
const WRITTEN_TEXT = new RegExp(`"${MARK}text (\\d+)"`, 'g')

/** The texts of the value that is being written. */
let texts: string[] = []

/** A value whose JSON text exists already: it is written as it is. */
export class JsonText {
  constructor(readonly text: string) {}

  toJSON(): string {
    return `${MARK}text ${texts.push(this.text) - 1}`
  }
}

/** The counterpart of parseExact. */
export function stringifyExact(value: unknown): string {
  texts = []
  let text: string
  try {
    // A function that is called for each member would cost several times what the rest does.
    text = JSON.stringify(value)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // There is a BigInt in it.
    texts = []
    text = JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? `${MARK}${each}` : each)).replace(WRITTEN, '$1')
  }
  return texts.length > 0 ? text.replace(WRITTEN_TEXT, (_whole, at: string) => texts[Number(at)] ?? 'null') : text
}
