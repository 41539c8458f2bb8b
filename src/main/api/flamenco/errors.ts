/**
 * Everything that can go wrong, in Flamenco's words: `{code, message}` with the same HTTP status (§0). The one place
 * that turns the classes of engine/errors.ts, and Fastify's own errors, into replies of `/api/v3`.
 */
import {
  ConflictError,
  InvalidInputError,
  JobTypeChangedError,
  NotAllowedError,
  NotFoundError,
  PreconditionError,
  StatusChangeRequestedError,
  TooManyError,
  UnavailableError,
} from '../../engine/errors.ts'

/** A reply that only this dialect knows, e.g. 416 of a mass deletion that matches nothing. */
export class WireError extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field?: string,
  ) {
    super(message)
  }
}

export interface WireReply {
  status: number
  body: { code: number; message: string; field?: string } | { status_requested: string }
  headers: Record<string, string>
}

/** What is known of the request when its error is written. */
export interface ErrorFacts {
  /** Most bytes that the route takes. */
  bodyLimit?: number
}

/** Maps an error to its reply. Errors that are nobody's input become a 500 without their text: the log has it. */
export function flamencoError(error: unknown, facts: ErrorFacts = {}): WireReply {
  if (error instanceof StatusChangeRequestedError) return { status: 423, body: { status_requested: error.status }, headers: {} }
  if (error instanceof WireError) return reply(error.status, error.message, error.field)
  if (error instanceof InvalidInputError) return reply(400, withField(error), error.field)
  if (error instanceof UnavailableError) return { ...reply(503, error.message), headers: { 'retry-after': '1' } }
  const status = statusOf(error)
  if (status !== undefined) return reply(status, error instanceof Error ? error.message : String(error))
  return fastifyError(error, facts)
}

function statusOf(error: unknown): number | undefined {
  if (error instanceof NotFoundError) return 404
  if (error instanceof JobTypeChangedError || error instanceof PreconditionError) return 412
  if (error instanceof ConflictError) return 409
  if (error instanceof NotAllowedError) return 403
  if (error instanceof TooManyError) return 429
  return undefined
}

/** The message names the field; where it does not do so itself, the field goes before it. */
function withField({ field, message }: InvalidInputError): string {
  const word = field.split('/').pop() ?? ''
  return word === '' || message.includes(word) ? message : `${word}: ${message}`
}

/** Errors of Fastify and its plugins carry a status and a code word. */
function fastifyError(error: unknown, facts: ErrorFacts): WireReply {
  if (!(error instanceof Error)) return reply(500, 'internal error')
  const status = numberIn(error, 'statusCode') ?? numberIn(error, 'status') ?? 500
  const code = 'code' in error ? error.code : undefined
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return reply(413, facts.bodyLimit === undefined ? 'the body is too large' : `the body is larger than the limit of ${facts.bodyLimit} bytes`)
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return reply(415, 'the body must be of a content type that this operation takes')
  // The original has no 401 and no WWW-Authenticate: a wrong secret is 403 (§0.1).
  if (status === 401) return reply(403, `security requirements failed: ${error.message}`)
  if (status >= 400 && status < 500) return reply(status, error.message)
  if (status === 503) return { ...reply(503, error.message), headers: { 'retry-after': '1' } }
  return reply(500, 'internal error')
}

function numberIn(value: object, key: string): number | undefined {
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'number' ? found : undefined
}

function reply(status: number, message: string, field?: string): WireReply {
  return { status, body: field === undefined || field === '' ? { code: status, message } : { code: status, message, field }, headers: {} }
}
