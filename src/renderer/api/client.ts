/**
 * The public HTTP API as this page calls it. One place knows about URLs, errors and shapes: a reply that does not have
 * the shape of its schema is refused here, so no component ever sees a half-known object.
 */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ref } from 'vue'
import {
  API_BASE,
  addressOf,
  queryText,
  replySchemaOf,
  type CallArguments,
  type Operation,
  type QueryValue,
  type ReplyOf,
} from '../../shared/operations/operation.ts'
import { ApiError } from '../../shared/schemas/common.ts'
import { locale } from '../locales/index.ts'
import { inLocale } from '../locales/said.ts'

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

export type Query = Readonly<Record<string, QueryValue>>

export function url(path: string, query: Query = {}): string {
  return `${API_BASE}${path}${queryText(query)}`
}

interface Options {
  query?: Query
  body?: unknown
  signal?: AbortSignal
  timeoutMs?: number
  /** It waits for news by design: that is no slow manager. */
  quiet?: boolean
}

/** Long enough for a busy manager, short enough that a dead one shows. */
const TIMEOUT_MS = 15_000

async function send(method: string, path: string, options: Options): Promise<Response> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), options.timeoutMs ?? TIMEOUT_MS)
  const cancel = () => timeout.abort()
  options.signal?.addEventListener('abort', cancel, { once: true })
  if (!options.quiet) underWay.value++
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
    if (!options.quiet) underWay.value--
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', cancel)
  }
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const body: unknown = await response.json().catch(() => null)
  if (Value.Check(ApiError, body))
    return new ApiFailure(response.status, body.code, inLocale(body.message, undefined, locale.value), body.field)
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

type Patience = Pick<Options, 'signal' | 'timeoutMs' | 'quiet'>

/** Calls an operation of the API and returns its reply; null where there is none. @throws ApiFailure */
export async function call<O extends Operation>(operation: O, ...[input]: CallArguments<O, Patience>): Promise<ReplyOf<O>> {
  const path = addressOf(operation, input?.params)
  const { query, body, signal, timeoutMs, quiet } = input ?? {}
  const response = await send(operation.method, path, { query, body, signal, timeoutMs, quiet })
  const schema = replySchemaOf(operation)
  const reply: unknown = response.status === 204 || schema === undefined ? null : await response.json()
  // Without a schema there is no reply that anyone could use.
  return (schema === undefined ? reply : checked(schema, reply, path)) as ReplyOf<O>
}

/** The bytes behind an address that a reply named (relative to the server). */
export async function getBytes(address: string): Promise<Uint8Array> {
  const response = await send('GET', address.replace(API_BASE, ''), {})
  return new Uint8Array(await response.arrayBuffer())
}
