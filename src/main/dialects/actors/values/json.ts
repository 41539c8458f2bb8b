/** JSON from clients: checked as everywhere, and with numbers as they were written where that matters. Pure. */
import { parse, stringify } from 'lossless-json'
import { parseJson } from '../../../http/body.ts'

/** Plain JSON; numbers that a double cannot hold exactly, and fractions, are LosslessNumber. @throws InvalidInputError */
export function parseExactly(text: string): unknown {
  const value = parseJson(text)
  return mayLoseNumbers(text) ? parse(text) : value
}

/** The JSON text of a value of `parseExactly`. */
export function exactJson(value: unknown): string {
  return stringify(value) ?? 'null'
}

/** Fractions, exponents and long integers; also when they only occur in texts, which costs time and nothing else. */
const mayLoseNumbers = (text: string): boolean => /\d[.eE]|-0|\d{16}/.test(text)
