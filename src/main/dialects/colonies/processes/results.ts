/** What an executor reported of a process, as its attempt's result: the output as JSON text, because it may hold any number exactly. */
import { parseExact, stringifyExact } from '../wire/exactJson.ts'

export interface ProcessResult {
  out: unknown[]
  errors: string[]
}

interface Stored {
  /** JSON of a list. */
  out?: string
  errors?: string[]
}

export function storedResult({ out, errors = [] }: { out?: readonly unknown[]; errors?: readonly string[] }): Stored {
  return { ...(out && { out: stringifyExact(out) }), ...(errors.length > 0 && { errors: [...errors] }) }
}

/** @param text the attempt's result; null: none. Results that a worker of ours reported have neither. */
export function readResult(text: string | null): ProcessResult {
  if (text === null) return { out: [], errors: [] }
  // Written by storedResult, or by a worker of ours.
  const { out, errors } = (JSON.parse(text) ?? {}) as Stored
  const list = typeof out === 'string' ? parseExact(out) : []
  return { out: Array.isArray(list) ? list : [], errors: Array.isArray(errors) ? errors : [] }
}
