/** HTTP calls to a manager: JSON in, checked JSON out, and every failure as an error with its exit code. */
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ApiError } from '../../shared/schemas/common.ts'
import {
  AwayError,
  CliError,
  EXIT,
  FailedError,
  interrupted,
  NoReplyError,
  UnreachableError,
  UntrustedError,
  UsageError,
  type ExitCode,
} from './errors.ts'

export type Query = Record<string, string | number | boolean | undefined>

export interface Connection {
  /** The manager's address, maybe with a path (`/k/KEY/`, a reverse proxy). Ends in a slash. */
  readonly base: URL
  readonly token: string | undefined
  readonly signal: AbortSignal
}

/** A script of a job type may take a minute, and wait for another one before; a manager that is gone should not hold a script for ever. */
const TIMEOUT_MS = 150_000

/** @throws UsageError when it is no http or https address */
export function connection(manager: string, token: string | undefined, signal: AbortSignal): Connection {
  const text = /^[a-z]+:\/\//i.test(manager) ? manager : `http://${manager}`
  if (!URL.canParse(text)) throw new UsageError(`--manager must be an address like http://host:8080, not "${manager}"`, '--manager')
  const base = new URL(text)
  if (base.protocol !== 'http:' && base.protocol !== 'https:') {
    throw new UsageError(`--manager must start with http:// or https://, not "${base.protocol}"`, '--manager')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  base.search = ''
  base.hash = ''
  return { base, token, signal }
}

interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below `/api/v1`, e.g. `/jobs`. */
  path: string
  query?: Query
  body?: unknown
}

/** The reply, checked against its schema. @throws CliError */
export async function call<S extends TSchema>(to: Connection, schema: S, request: Request): Promise<Static<S>> {
  const response = await send(to, request)
  const body = parsed(await readText(to, response))
  if (!Value.Check(schema, body)) {
    const first = Value.Errors(schema, body)[0]
    const where = first ? `${first.instancePath || 'the document'} ${first.message}` : 'no JSON'
    const what = `unexpected reply to ${request.method} ${request.path}`
    throw new FailedError(`${what}: ${where}. Is the manager another version?`, 'unexpected-reply')
  }
  return body
}

/** For calls whose reply nobody needs. @throws CliError */
export async function act(to: Connection, request: Request): Promise<void> {
  // Read to the end, so that the connection can serve the next call.
  await readText(to, await send(to, request))
}

async function readText(to: Connection, response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw failure(to, reasonOf(error))
  }
}

/** Undefined when it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The response once its head is there and it is no error. @throws CliError */
export async function send(to: Connection, { method, path, query = {}, body }: Request): Promise<Response> {
  const url = new URL(`api/v1${path}`, to.base)
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, String(value))
  const response = await fetchOrExplain(to, url, {
    method,
    headers: {
      ...(to.token === undefined ? {} : { authorization: `Bearer ${to.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw await refusal(response, method, path)
  return response
}

async function fetchOrExplain(to: Connection, url: URL, init: RequestInit): Promise<Response> {
  // Until the head of the reply only: its body may be a log that somebody follows for hours.
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), TIMEOUT_MS)
  try {
    return await fetch(url, { ...init, redirect: 'follow', signal: AbortSignal.any([to.signal, late.signal]) })
  } catch (error) {
    if (late.signal.aborted && !to.signal.aborted) throw new NoReplyError(shownAddress(to.base), TIMEOUT_MS)
    throw failure(to, reasonOf(error))
  } finally {
    clearTimeout(timer)
  }
}

/** What a call that broke off means: the person ended the program, or the manager is gone. */
export function failure(to: Connection, reason: string): CliError {
  if (to.signal.aborted) return interrupted()
  // Whatever is wrong with a certificate, OpenSSL's and Node's words for it say so.
  if (to.base.protocol === 'https:' && reason.includes('certificate')) return new UntrustedError(shownAddress(to.base), reason)
  return new UnreachableError(shownAddress(to.base), reason)
}

/** `fetch failed` says nothing; its cause does. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error ? cause.message : String(error)
}

/** The address without a key that may stand in its path. */
export function shownAddress(base: URL): string {
  return `${base.origin}${base.pathname.replace(/\/k\/[^/]+\//, '/k/…/')}`.replace(/\/$/, '')
}

const EXIT_OF_STATUS: Record<number, ExitCode> = {
  400: EXIT.invalid,
  401: EXIT.refused,
  403: EXIT.refused,
  404: EXIT.notFound,
  409: EXIT.conflict,
  412: EXIT.conflict,
  413: EXIT.invalid,
  415: EXIT.invalid,
  422: EXIT.invalid,
  423: EXIT.conflict,
}

/** Told by a manager that is about to end, or by a proxy before one that is gone. */
const AWAY = [502, 503, 504]

async function refusal(response: Response, method: string, path: string): Promise<CliError> {
  const body: unknown = await response.json().catch(() => undefined)
  const exitCode = EXIT_OF_STATUS[response.status] ?? EXIT.failed
  if (!Value.Check(ApiError, body)) {
    const answer = `${response.status} ${response.statusText}`
    const message = `${method} ${path} was answered with ${answer}`
    const code = `http-${response.status}`
    return AWAY.includes(response.status) ? new AwayError(message, code) : new CliError(exitCode, message, code)
  }
  if (AWAY.includes(response.status)) return new AwayError(body.message, body.code)
  const hint = response.status === 401 ? '. Give a token with --token or FRAMEHOUSE_TOKEN.' : ''
  // Most messages name the field themselves.
  const word = body.field?.split(/[/.]/).pop() ?? ''
  const field = word !== '' && word !== 'settings' && !body.message.includes(word) ? ` (${body.field})` : ''
  return new CliError(exitCode, `${body.message}${field}${hint}`, body.code, body.field)
}
