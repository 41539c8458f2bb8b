/** Reads JSON bodies: only application/json, and nothing that could overflow a stack or pollute a prototype later. */
import type { FastifyInstance } from 'fastify'
import { InvalidInputError } from '../engine/base/errors.ts'
import { assertUsableTexts, mayHoldUnusableText } from './validation/texts.ts'

/** Deeper than any real request nests; recursive code (also JSON.stringify) must never receive unbounded nesting. */
const MAX_DEPTH = 64

/** Replaces Fastify's parsers. An empty body counts as no body; a route that requires one declares it in its schema. */
export function installBodyParser(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : readJson(body.toString(), request.routeOptions.config.anyText === true))
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

function readJson(text: string, anyText: boolean): unknown {
  const value = parseJson(text)
  if (!anyText && mayHoldUnusableText(text)) assertUsableTexts(value)
  return value
}

/** @throws InvalidInputError for malformed or too deeply nested JSON, and for keys that pollute prototypes */
export function parseJson(text: string): unknown {
  if (isDeeperThan(text, MAX_DEPTH)) throw new InvalidInputError('', `the body is nested more than ${MAX_DEPTH} levels deep`)
  try {
    // Escaped spellings of the key are caught too: any \u escape makes the reviver run.
    return text.includes('__proto__') || text.includes('\\u') ? JSON.parse(text, refusePrototype) : JSON.parse(text)
  } catch (error) {
    if (error instanceof InvalidInputError) throw error
    throw new InvalidInputError('', `the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new InvalidInputError('', 'the key "__proto__" is not allowed')
  return value
}

/** Whether brackets nest deeper than `limit`. Scans every character outside of strings once; the JSON may be malformed. */
export function isDeeperThan(text: string, limit: number): boolean {
  if (!opensMoreThan(text, limit)) return false
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === QUOTE) i = endOfString(text, i)
    else if (char === OPEN_BRACKET || char === OPEN_BRACE) {
      if (++depth > limit) return true
    } else if (char === CLOSE_BRACKET || char === CLOSE_BRACE) depth--
  }
  return false
}

/**
 * Whether the text has more opening brackets than `limit`, including those in strings. Most bodies do not, and this
 * search is cheap.
 */
function opensMoreThan(text: string, limit: number): boolean {
  let count = 0
  for (const bracket of ['{', '[']) {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) if (++count > limit) return true
  }
  return false
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** The index of the quote that closes the string starting at `start`, or the text's end when it is not closed. */
function endOfString(text: string, start: number): number {
  let end = start
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return end
  }
}
