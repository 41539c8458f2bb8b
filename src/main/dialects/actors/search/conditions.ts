/** What a search asks for: a tree of conditions on fields in snake_case (protocol 2.12). Pure. */
import { RE2JS } from 're2js'
import { ActorsError } from '../errors.ts'
import { toSnake } from '../values/names.ts'
import { parseMoment } from './moments.ts'

export type Scalar = string | number | boolean | null | Date

export type Condition =
  | { kind: 'field'; path: string; op: Operator; value: Scalar | readonly Scalar[] | RE2JS | object }
  | { kind: 'all' | 'any'; of: readonly Condition[] }
  | { kind: 'not'; of: Condition }
  /** Any text of the document contains it. */
  | { kind: 'phrase'; text: string }

export type Operator = 'eq' | 'neq' | 'lt' | 'lte' | 'gt' | 'gte' | 'in' | 'nin' | 'between' | 'like' | 'nlike' | 'exists'

export interface Search {
  where: Condition
  /** Words that put a document to the front. */
  words: readonly string[]
  skip: number
  limit: number
}

const OPERATORS: readonly Operator[] = ['neq', 'eq', 'lte', 'lt', 'gte', 'gt', 'nin', 'in', 'between', 'like', 'nlike']
const MOMENTS =
  /start_time|message_received_time|last_execution_time|last_update_time|StartedAt|FinishedAt|create_time|last_health_check_time/
const NO_FIELDS = ['x-nonce', 'search', 'exactsearch', 'skip', 'offset', 'limit', 'q']
const MAX_CONDITIONS = 100
const MAX_PATTERN = 1_000
const DEFAULT_LIMIT = 100
export const MAX_RESULTS = 10_000

/** @throws ActorsError naming the parameter */
export function readSearch(query: URLSearchParams): Search {
  const conditions: Condition[] = []
  for (const key of new Set(query.keys())) {
    const value = query.get(key) ?? ''
    if (key === 'exactsearch') conditions.push({ kind: 'phrase', text: value.toLowerCase() })
    if (key === 'q' && value !== '') conditions.push(mongoFilter(value))
    if (!NO_FIELDS.includes(key)) conditions.push(fieldCondition(key, value))
  }
  if (conditions.length > MAX_CONDITIONS) throw new ActorsError(`A search has at most ${MAX_CONDITIONS} conditions.`)
  return {
    where: { kind: 'all', of: conditions },
    words: (query.get('search') ?? '').toLowerCase().split(/\s+/).filter(Boolean).slice(0, 20),
    skip: whole(query, 'skip') ?? whole(query, 'offset') ?? 0,
    limit: Math.min(whole(query, 'limit') ?? DEFAULT_LIMIT, MAX_RESULTS),
  }
}

function whole(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  if (!/^\d{1,15}$/.test(text)) throw bad(name, 'must be a whole number, 0 or more')
  return Number(text)
}

const bad = (name: string, help: string): ActorsError =>
  new ActorsError(`Invalid query parameter: {'${name.replaceAll("'", '’')}': '${help}'}`)

/** `field=value` and `field.operator=value`. */
function fieldCondition(key: string, text: string): Condition {
  const op = OPERATORS.find((each) => key.endsWith(`.${each}`))
  const path = fieldPath(op === undefined ? key : key.slice(0, -op.length - 1))
  if (op === 'like' || op === 'nlike') return { kind: 'field', path, op, value: patternOf(key, text) }
  if (op === 'in' || op === 'nin') return { kind: 'field', path, op, value: listOf(key, text).map((each) => coerced(path, each)) }
  if (op === 'between') {
    const comma = text.indexOf(',')
    if (comma < 0) throw bad(key, 'must be two values with a comma between them')
    return { kind: 'field', path, op, value: [coerced(path, text.slice(0, comma)), coerced(path, text.slice(comma + 1))] }
  }
  return { kind: 'field', path, op: op ?? 'eq', value: coercedOrJson(path, text) }
}

/** The first part in snake_case, what follows as it is. */
export function fieldPath(key: string): string {
  const [first = '', ...rest] = key.split('.')
  return [toSnake(first), ...rest].join('.')
}

export function patternOf(key: string, text: string): RE2JS {
  if (text.length > MAX_PATTERN) throw bad(key, `must have at most ${MAX_PATTERN} characters`)
  try {
    return RE2JS.compile(text)
  } catch {
    throw bad(key, 'is no regular expression that this server can match in linear time (RE2)')
  }
}

/** A JSON list, with single or double quotes. */
function listOf(key: string, text: string): unknown[] {
  for (const candidate of [text, text.replaceAll("'", '"')]) {
    try {
      const value: unknown = JSON.parse(candidate)
      if (Array.isArray(value) && value.length <= 10_000) return value
    } catch {
      continue
    }
  }
  throw bad(key, 'must be a list such as [1, 2]')
}

/** A text as the value that it stands for. */
export function coerced(path: string, value: unknown): Scalar {
  if (typeof value !== 'string')
    return typeof value === 'number' || typeof value === 'boolean' ? value : value === null ? null : JSON.stringify(value)
  if (MOMENTS.test(path)) {
    const moment = parseMoment(value)
    if (moment) return moment
  }
  const word = value.toLowerCase()
  if (word === 'true') return true
  if (word === 'false') return false
  if (word === 'none') return null
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(value) ? Number(value) : value
}

function coercedOrJson(path: string, text: string): Scalar | object {
  const value = coerced(path, text)
  if (typeof value !== 'string' || !/^\s*[[{"]/.test(text)) return value
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'string' ? parsed : typeof parsed === 'object' && parsed !== null ? parsed : value
  } catch {
    return value
  }
}

const MONGO: Readonly<Record<string, Operator>> = {
  $eq: 'eq',
  $ne: 'neq',
  $gt: 'gt',
  $gte: 'gte',
  $lt: 'lt',
  $lte: 'lte',
  $in: 'in',
  $nin: 'nin',
  $regex: 'like',
  $exists: 'exists',
}
const MAX_DEPTH = 20

/** A filter in MongoDB's notation. @throws ActorsError */
export function mongoFilter(text: string): Condition {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw bad('q', 'must be a filter as a JSON object')
  }
  return mongoObject(value, 0)
}

function mongoObject(value: unknown, depth: number): Condition {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('q', 'must be a filter as a JSON object')
  if (depth > MAX_DEPTH) throw bad('q', 'is nested too deeply')
  return { kind: 'all', of: Object.entries(value).map(([key, each]) => mongoEntry(key, each, depth)) }
}

function mongoEntry(key: string, value: unknown, depth: number): Condition {
  if (key === '$and' || key === '$or' || key === '$nor') {
    if (!Array.isArray(value) || value.length === 0) throw bad('q', `${key} must be a list of filters`)
    const of = value.map((each) => mongoObject(each, depth + 1))
    if (key === '$nor') return { kind: 'not', of: { kind: 'any', of } }
    return { kind: key === '$and' ? 'all' : 'any', of }
  }
  if (key === '$not') return { kind: 'not', of: mongoObject(value, depth + 1) }
  if (key.startsWith('$')) throw bad('q', `has no operator ${key} here`)
  return mongoField(fieldPath(key), value, depth)
}

function mongoField(path: string, value: unknown, depth: number): Condition {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.keys(value).some((key) => key.startsWith('$'))) {
    return { kind: 'field', path, op: 'eq', value: typeof value === 'object' && value !== null ? value : mongoScalar(path, value) }
  }
  if (depth > MAX_DEPTH) throw bad('q', 'is nested too deeply')
  const of = Object.entries(value).flatMap(([name, each]: [string, unknown]): Condition[] => {
    if (name === '$options') return []
    if (name === '$not') return [{ kind: 'not', of: mongoField(path, each, depth + 1) }]
    const op = MONGO[name]
    if (op === undefined) throw bad('q', `has no operator ${name.replaceAll("'", '’')}`)
    if (op === 'like') {
      if (typeof each !== 'string') throw bad('q', '$regex must be a text')
      const ignoresCase = '$options' in value && String(value.$options).includes('i')
      return [{ kind: 'field', path, op, value: patternOf('q', ignoresCase ? `(?i)${each}` : each) }]
    }
    if (op === 'exists') return [{ kind: 'field', path, op, value: each === true || each === 1 }]
    if (op === 'in' || op === 'nin') {
      if (!Array.isArray(each)) throw bad('q', `${name} must be a list`)
      return [{ kind: 'field', path, op, value: each.map((item) => mongoScalar(path, item)) }]
    }
    return [{ kind: 'field', path, op, value: mongoScalar(path, each) }]
  })
  return { kind: 'all', of }
}

/** JSON has types already; only moments are texts. */
function mongoScalar(path: string, value: unknown): Scalar {
  if (typeof value === 'string') return (MOMENTS.test(path) ? parseMoment(value) : undefined) ?? value
  return coerced(path, value)
}
