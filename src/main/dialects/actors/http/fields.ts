/**
 * Fields of a request: from a JSON object, a form and the query, in this order of precedence, under their camelCase or
 * snake_case name. Errors name the field as Abaco does, in the server's spelling. Pure.
 */
import { LosslessNumber, isLosslessNumber } from 'lossless-json'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { assertUsableTexts } from '../../../http/validation/texts.ts'
import { ActorsError, invalidField } from '../errors.ts'
import { exactJson, parseExactly } from '../values/json.ts'
import { toSnake, type Case } from '../values/names.ts'
import type { Body } from './body.ts'

export class Fields {
  private readonly json: Readonly<Record<string, unknown>>
  private readonly form: URLSearchParams | undefined

  /** @param prefix of error messages: `Invalid actor description`. @throws ActorsError for a body that is no JSON, or no object */
  constructor(
    private readonly prefix: string,
    body: Body,
    private readonly query: URLSearchParams,
    private readonly spelling: Case = 'camel',
  ) {
    this.form = body.kind === 'form' ? body.fields : undefined
    this.json = body.kind === 'json' ? objectFrom(prefix, body.text) : {}
  }

  has(name: string): boolean {
    return this.raw(name) !== undefined
  }

  /** Null and empty JSON stand for "not given". */
  raw(name: string): unknown {
    const value = this.first(name)
    return value === null ? undefined : value
  }

  /** Undefined: not given. */
  text(name: string, maxLength: number): string | undefined {
    const value = single(this.raw(name))
    if (value === undefined) return undefined
    const text =
      typeof value === 'string' ? value : isLosslessNumber(value) ? value.value : typeof value === 'number' ? String(value) : undefined
    if (text === undefined) throw this.refuse(name, 'must be a text')
    if (text.length > maxLength) throw this.refuse(name, `must have at most ${maxLength} characters`)
    if (text.includes('\0')) throw this.refuse(name, 'must not contain null characters')
    return text
  }

  bool(name: string): boolean | undefined {
    const value = single(this.raw(name))
    if (value === undefined || typeof value === 'boolean') return value
    const text = isLosslessNumber(value)
      ? value.value
      : typeof value === 'string' || typeof value === 'number'
        ? String(value).toLowerCase()
        : ''
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
    throw this.refuse(name, 'must be a boolean: true or false')
  }

  int(name: string, min: number, max: number): number | undefined {
    const value = single(this.raw(name))
    if (value === undefined) return undefined
    const text = isLosslessNumber(value) ? value.value : typeof value === 'string' || typeof value === 'number' ? String(value).trim() : ''
    const number = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (!(number >= min && number <= max)) throw this.refuse(name, `must be a whole number from ${min} to ${max}`)
    return number
  }

  /** A JSON list, a field that is repeated, or one value. */
  list(name: string, maxItems: number): string[] | undefined {
    const value = this.all(name)
    if (value === undefined) return undefined
    if (value.length > maxItems) throw this.refuse(name, `must have at most ${maxItems} items`)
    return value.map((item) => {
      if (typeof item !== 'string' || item.length > 1_000 || item.includes('\0')) throw this.refuse(name, 'must be a list of texts')
      return item
    })
  }

  /** A JSON object, as the text of which it was read, with numbers as they were written. */
  object(name: string, maxLength: number): string | undefined {
    const value = this.raw(name)
    if (value === undefined) return undefined
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof LosslessNumber) {
      throw this.refuse(name, 'must be a JSON object')
    }
    const text = exactJson(value)
    if (text.length > maxLength) throw this.refuse(name, `must have at most ${maxLength} characters as JSON`)
    return text
  }

  refuse(name: string, help: string): ActorsError {
    return invalidField(this.prefix, this.spelled(name), help)
  }

  /** A field's name as this server's clients know it. */
  spelled(name: string): string {
    return this.spelling === 'snake' ? toSnake(name) : name
  }

  /** @throws ActorsError that it is missing */
  required<T>(name: string, value: T | undefined): T {
    if (value === undefined || value === '') throw this.refuse(name, 'is required')
    return value
  }

  private first(name: string): unknown {
    for (const key of [name, toSnake(name)]) {
      if (Object.hasOwn(this.json, key)) return this.json[key]
    }
    for (const key of [name, toSnake(name)]) {
      const value = this.form?.get(key) ?? this.query.get(key)
      if (value !== null && value !== undefined) return value
    }
    return undefined
  }

  private all(name: string): unknown[] | undefined {
    for (const key of [name, toSnake(name)]) {
      if (Object.hasOwn(this.json, key)) {
        const value = this.json[key]
        if (value === null) return undefined
        return Array.isArray(value) ? value : [value]
      }
    }
    for (const key of [name, toSnake(name)]) {
      for (const source of [this.form, this.query]) if (source?.has(key)) return source.getAll(key)
    }
    return undefined
  }
}

/** The first of a JSON list stands for a single value. */
function single(value: unknown): unknown {
  const one: unknown = Array.isArray(value) ? value[0] : value
  return one === null ? undefined : one
}

function objectFrom(prefix: string, text: string): Readonly<Record<string, unknown>> {
  const value = parseBody(prefix, text)
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isLosslessNumber(value)) {
    throw new ActorsError(`${prefix}: the body must be a JSON object.`)
  }
  return Object.fromEntries(Object.entries(value))
}

/** JSON with exact numbers. @throws ActorsError */
export function parseBody(prefix: string, text: string): unknown {
  try {
    const value = parseExactly(text)
    assertUsableTexts(value)
    return value
  } catch (error) {
    if (error instanceof InvalidInputError) throw new ActorsError(`${prefix}: ${error.message}`)
    throw error
  }
}
