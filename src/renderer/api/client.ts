/**
 * The public HTTP API as this page calls it. One place knows about URLs, errors and shapes: a reply that does not have
 * the shape of its schema is refused here, so no component ever sees a half-known object.
 */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ref } from 'vue'
import { ApiError } from '../../shared/schemas/common.ts'

export const API_BASE = '/api/v1'

/** Requests that are on their way. */
export const underWay = ref(0)

/** A request that was answered with an error, or not at all (`status` 0). */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure'
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** JSON pointer of the input at fault. */
    readonly field?: string,
  ) {
    super(message)
  }
}

export type Query = Record<string, string | number | boolean | undefined | null | readonly string[]>

export function url(path: string, query: Query = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    search.set(key, Array.isArray(value) ? value.join(',') : String(value))
  }
  const text = search.toString()
  return `${API_BASE}${path}${text ? `?${text}` : ''}`
}

interface Options {
  query?: Query
  body?: unknown
  signal?: AbortSignal
  timeoutMs?: number
}

/** Long enough for a busy manager, short enough that a dead one shows. */
const TIMEOUT_MS = 15_000

async function send(method: string, path: string, options: Options): Promise<Response> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs ?? TIMEOUT_MS)
  const cancel = () => timeout.abort()
  options.signal?.addEventListener('abort', cancel, { once: true })
  underWay.value++
  try {
    const response = await fetch(url(path, options.query), {
      method,
      signal: timeout.signal,
      credentials: 'same-origin',
      headers: options.body === undefined ? {} : { 'content-type': 'application/json' },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    })
    if (!response.ok) throw await failureOf(response)
    return response
  } catch (error) {
    if (error instanceof ApiFailure) throw error
    if (options.signal?.aborted) throw new ApiFailure(0, 'aborted', 'aborted')
    throw new ApiFailure(0, 'unreachable', error instanceof Error ? error.message : String(error))
  } finally {
    underWay.value--
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', cancel)
  }
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const body: unknown = await response.json().catch(() => null)
  if (Value.Check(ApiError, body)) return new ApiFailure(response.status, body.code, body.message, body.field)
  return new ApiFailure(response.status, 'http', `${response.status} ${response.statusText}`)
}

/** Checks a reply. Of a long list only the first item is looked at: the check finds another version, not a flipped bit. */
function checked<S extends TSchema>(schema: S, body: unknown, path: string): Static<S> {
  const sample =
    typeof body === 'object' && body !== null && 'items' in body && Array.isArray(body.items) && body.items.length > 1
      ? { ...body, items: body.items.slice(0, 1) }
      : body
  if (!Value.Check(schema, sample)) {
    const first = Value.Errors(schema, sample)[0]
    throw new ApiFailure(0, 'shape', `unexpected reply of ${path}: ${first?.instancePath ?? ''} ${first?.message ?? ''}`)
  }
  // The sample has been checked against the schema; the rest of the list comes from the same serializer.
  return body as Static<S>
}

export async function get<S extends TSchema>(schema: S, path: string, query?: Query, signal?: AbortSignal): Promise<Static<S>> {
  const response = await send('GET', path, { query, signal })
  return checked(schema, await response.json(), path)
}

export async function call<S extends TSchema>(
  schema: S,
  method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
  patience: Pick<Options, 'signal' | 'timeoutMs'> = {},
): Promise<Static<S>> {
  const response = await send(method, path, { body, ...patience })
  return checked(schema, response.status === 204 ? null : await response.json(), path)
}

/** For calls whose reply nobody needs. */
export async function act(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<void> {
  await send(method, path, { body })
}

/** The bytes behind an address that a reply named (relative to the server). */
export async function getBytes(address: string): Promise<Uint8Array> {
  const response = await send('GET', address.replace(API_BASE, ''), {})
  return new Uint8Array(await response.arrayBuffer())
}
