/** Pages: `limit`, and `skip` or, in older clients, `offset`. Pure. */
import { ActorsError } from '../errors.ts'

export interface Page {
  skip: number
  /** Undefined: as many as there are. */
  limit: number | undefined
}

const MAX_SKIP = 1_000_000_000
/** More entries in one reply than anyone reads. */
export const MAX_LIMIT = 10_000

/** @throws ActorsError naming the parameter */
export function pageOf(query: URLSearchParams): Page {
  const skip = numberOf(query, 'skip', MAX_SKIP) ?? numberOf(query, 'offset', MAX_SKIP) ?? 0
  const limit = numberOf(query, 'limit', Number.MAX_SAFE_INTEGER)
  return { skip, limit: limit === undefined ? undefined : Math.min(limit, MAX_LIMIT) }
}

function numberOf(query: URLSearchParams, name: string, max: number): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(number <= max)) throw new ActorsError(`Invalid query parameter: {'${name}': 'must be a whole number, 0 or more'}`)
  return number
}
