/** Whether a document meets conditions. Documents have fields in snake_case; times are dates. Pure. */
import type { RE2JS } from 're2js'
import { isDeepStrictEqual } from 'node:util'
import type { Condition, Operator, Scalar } from './conditions.ts'

export type Document = Readonly<Record<string, unknown>>

export function matches(document: Document, condition: Condition): boolean {
  switch (condition.kind) {
    case 'all':
      return condition.of.every((each) => matches(document, each))
    case 'any':
      return condition.of.some((each) => matches(document, each))
    case 'not':
      return !matches(document, condition.of)
    case 'phrase':
      return textsOf(document).some((text) => text.includes(condition.text))
    case 'field':
      return meets(valueAt(document, condition.path), condition.op, condition.value)
  }
}

/** How many of the words the document has. */
export function score(document: Document, words: readonly string[]): number {
  if (words.length === 0) return 0
  const texts = textsOf(document)
  return words.filter((word) => texts.some((text) => text.includes(word))).length
}

function meets(value: unknown, op: Operator, wanted: unknown): boolean {
  switch (op) {
    case 'eq':
      return equal(value, wanted)
    case 'neq':
      return !equal(value, wanted)
    case 'in':
    case 'nin':
      return (wanted as readonly Scalar[]).some((each) => equal(value, each)) === (op === 'in')
    case 'exists':
      return (value !== undefined && value !== null) === wanted
    case 'like':
    case 'nlike':
      // Conditions of this kind carry a compiled pattern.
      return (typeof value === 'string' && (wanted as RE2JS).matcher(value).find()) === (op === 'like')
    case 'between': {
      const [from, to] = wanted as readonly Scalar[]
      return compared(value, from, (order) => order >= 0) && compared(value, to, (order) => order <= 0)
    }
    case 'lt':
      return compared(value, wanted, (order) => order < 0)
    case 'lte':
      return compared(value, wanted, (order) => order <= 0)
    case 'gt':
      return compared(value, wanted, (order) => order > 0)
    case 'gte':
      return compared(value, wanted, (order) => order >= 0)
  }
}

/** A list equals what it contains, as in MongoDB. */
function equal(value: unknown, wanted: unknown): boolean {
  if (value instanceof Date && wanted instanceof Date) return value.getTime() === wanted.getTime()
  if (value === undefined) return wanted === null
  if (isDeepStrictEqual(value, wanted)) return true
  return Array.isArray(value) && value.some((each) => isDeepStrictEqual(each, wanted))
}

/** Values of different kinds are never in order. */
function compared(value: unknown, wanted: unknown, test: (order: number) => boolean): boolean {
  if (value instanceof Date && wanted instanceof Date) return test(value.getTime() - wanted.getTime())
  if (typeof value === 'number' && typeof wanted === 'number') return test(value - wanted)
  if (typeof value === 'string' && typeof wanted === 'string') return test(value < wanted ? -1 : value > wanted ? 1 : 0)
  return false
}

function valueAt(document: Document, path: string): unknown {
  let value: unknown = document
  for (const key of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value.toLowerCase()]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsOf)
}
