/** HTTP calls to a manager. Validates JSON replies and turns every failure into an error with an exit code. */
import { Readable } from 'node:stream'
import { Value } from 'typebox/value'
import {
  API_BASE,
  addressOf,
  queryText,
  replySchemaOf,
  type CallArguments,
  type CallInput,
  type Operation,
  type ReplyOf,
} from '../../../shared/operations/operation.ts'
import { ApiError } from '../../../shared/schemas/common.ts'
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
} from '../errors.ts'

export interface Connection {
  /** The manager's address, optionally with a path (`/k/KEY/`, a reverse proxy). Ends with a slash. */
  readonly base: URL
  readonly token: string | undefined
  readonly signal: AbortSignal
}

/** A job type's script may take a minute and queue behind another one, but a hung manager must not block a shell script forever. */
const TIMEOUT_MS = 150_000

/** @throws UsageError when it is not an http or https address */
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

interface Extras {
  headers?: Readonly<Record<string, string>>
}

/** Calls an operation of the native API. The reply is checked against the operation's schema. @throws CliError */
export async function call<O extends Operation>(to: Connection, operation: O, ...input: CallArguments<O, Extras>): Promise<ReplyOf<O>> {
  const body = parsed(await readText(to, await send(to, operation, ...input)))
  const schema = replySchemaOf(operation)
  if (schema !== undefined && !Value.Check(schema, body)) {
    const first = Value.Errors(schema, body)[0]
    const where = first ? `${first.instancePath || 'the document'} ${first.message}` : 'not JSON'
    const what = `unexpected reply to ${operation.method} ${addressOf(operation, input[0]?.params)}`
    throw new FailedError(`${what}: ${where}. The manager may run a different version.`, 'unexpected-reply')
  }
  // Checked just now; an operation without a schema has no reply that is used.
  return body as ReplyOf<O>
}

/** For calls whose reply is not used. @throws CliError */
export async function act<O extends Operation>(to: Connection, operation: O, ...input: CallArguments<O, Extras>): Promise<void> {
  // Read to the end so that the connection can be reused.
  await readText(to, await send(to, operation, ...input))
}

async function readText(to: Connection, response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw failure(to, reasonOf(error))
  }
}

/** Undefined when it is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The response, once its headers have arrived and it is not an error. @throws CliError */
export async function send<O extends Operation>(to: Connection, operation: O, ...[input]: CallArguments<O, Extras>): Promise<Response> {
  const { method } = operation
  const { params, query, body, headers } = input ?? {}
  const path = addressOf(operation, params)
  const response = await fetchOrExplain(to, new URL(`${API_BASE}${path}${queryText(query)}`.slice(1), to.base), {
    method,
    headers: {
      ...headers,
      ...(to.token === undefined ? {} : { authorization: `Bearer ${to.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  if (!response.ok) throw await refusal(response, method, path)
  return response
}

/** Sends bytes of a known length, however long that takes. @throws CliError; UnreachableError when the connection broke */
export async function sendBody<O extends Operation>(
  to: Connection,
  operation: O,
  { bytes, content, ...input }: Required<Pick<CallInput<O>, 'params' | 'query'>> & { content: Readable; bytes: number },
): Promise<void> {
  const { method } = operation
  const path = addressOf(operation, input.params)
  const url = new URL(`${API_BASE}${path}${queryText(input.query)}`.slice(1), to.base)
  const headers = {
    'content-type': 'application/octet-stream',
    'content-length': String(bytes),
    ...(to.token === undefined ? {} : { authorization: `Bearer ${to.token}` }),
  }
  let response: Response
  try {
    response = await fetch(url, { method, headers, body: Readable.toWeb(content), duplex: 'half', signal: to.signal } as RequestInit)
  } catch (error) {
    throw failure(to, reasonOf(error))
  }
  if (!response.ok) throw await refusal(response, method, path)
  await response.arrayBuffer()
}

async function fetchOrExplain(to: Connection, url: URL, init: RequestInit): Promise<Response> {
  // The time-out covers the headers only: the body may be a log that the user follows for hours.
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

/** Classifies a broken call: the user interrupted the program, or the manager is gone. */
export function failure(to: Connection, reason: string): CliError {
  if (to.signal.aborted) return interrupted()
  // OpenSSL and Node word certificate errors in many ways; all of them contain this word.
  if (to.base.protocol === 'https:' && reason.includes('certificate')) return new UntrustedError(shownAddress(to.base), reason)
  return new UnreachableError(shownAddress(to.base), reason, BROKEN_OFF.test(reason))
}

/** The request was sent, so the operation may have happened. */
const BROKEN_OFF = /ECONNRESET|other side closed|socket hang up|terminated|EPIPE/

/** `fetch failed` carries no information; its cause does. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message
  return cause instanceof Error ? cause.message : String(error)
}

/** The address, with any key in its path hidden. */
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

/** Sent by a manager that is shutting down, or by a proxy that cannot reach it. */
const AWAY = [502, 503, 504]

async function refusal(response: Response, method: string, path: string): Promise<CliError> {
  const body: unknown = await response.json().catch(() => undefined)
  const exitCode = EXIT_OF_STATUS[response.status] ?? EXIT.failed
  if (!Value.Check(ApiError, body)) {
    const answer = `${response.status} ${response.statusText}`
    const message = `${method} ${path} returned ${answer}`
    const code = `http-${response.status}`
    return AWAY.includes(response.status) ? new AwayError(message, code) : new CliError(exitCode, message, code)
  }
  if (AWAY.includes(response.status)) return new AwayError(body.message, body.code)
  const hint = response.status === 401 ? '. Pass a token with --token or FRAMEHOUSE_TOKEN.' : ''
  // Most messages already name the field.
  const word = body.field?.split(/[/.]/).pop() ?? ''
  const field = word !== '' && word !== 'settings' && !body.message.includes(word) ? ` (${body.field})` : ''
  return new CliError(exitCode, `${body.message}${field}${hint}`, body.code, body.field)
}
