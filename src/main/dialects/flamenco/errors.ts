/**
 * Errors in Flamenco's format: `{code, message}` with the same HTTP status (§0). The one place that turns the classes
 * of engine/base/errors.ts, and Fastify's own errors, into replies of `/api/v3`.
 */
import {
  ConflictError,
  FarmError,
  InvalidInputError,
  JobTypeChangedError,
  NotAllowedError,
  NotFoundError,
  PreconditionError,
  StatusChangeRequestedError,
  TooManyError,
  UnavailableError,
  DiskFullError,
} from '../../engine/base/errors.ts'
import { MissingFilesError } from '../../files/shaman/checkout.ts'
import { ContentMismatchError, UploadAbortedError } from '../../files/content/errors.ts'
import { HttpError, type ErrorFacts, withoutRoom } from '../../http/errors.ts'

/** An error that only this dialect has, for example 416 of a mass deletion that matches nothing. */
export class WireError extends Error {
  constructor(
    readonly statusCode: number,
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

const STATUS_OF: readonly [abstract new (...args: never[]) => FarmError, number][] = [
  [NotFoundError, 404],
  [InvalidInputError, 400],
  [JobTypeChangedError, 412],
  [PreconditionError, 412],
  [ConflictError, 409],
  [NotAllowedError, 403],
  [TooManyError, 429],
  [DiskFullError, 507],
  [UnavailableError, 503],
  [ContentMismatchError, 417],
  [UploadAbortedError, 400],
  [MissingFilesError, 424],
]

/** Maps an error to its reply. An internal error becomes a 500 without its text, which is in the log. */
export function flamencoError(thrown: unknown, facts: ErrorFacts = {}): WireReply {
  const error = withoutRoom(thrown)
  if (error instanceof StatusChangeRequestedError) return { status: 423, body: { status_requested: error.status }, headers: {} }
  if (error instanceof WireError) return reply(error.statusCode, error.message, error.field)
  if (error instanceof HttpError) return { ...reply(error.failure.status, error.failure.message), headers: error.failure.headers ?? {} }
  if (error instanceof FarmError) {
    const status = STATUS_OF.find(([kind]) => error instanceof kind)?.[1]
    if (status === 503) return { ...reply(503, error.message), headers: { 'retry-after': '1' } }
    if (error instanceof InvalidInputError) return reply(400, withField(error), error.field)
    if (status !== undefined) return reply(status, error.message)
  }
  return httpReply(error, facts)
}

/** Puts the field's name before the message, unless the message contains it. */
function withField({ field, message }: InvalidInputError): string {
  const word = field.split(/[/.]/).pop() ?? ''
  return word === '' || message.includes(word) ? message : `${word}: ${message}`
}

/** Errors of Fastify, of its plugins and of access control carry a status. */
function httpReply(error: unknown, { bodyLimit }: ErrorFacts): WireReply {
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (!(error instanceof Error) || typeof status !== 'number' || status < 400 || status > 499)
    return reply(500, "internal error; see the manager's log")
  // The original has no 401: a wrong secret is 403, without WWW-Authenticate (§0.1).
  if (status === 401) return reply(403, `security requirements failed: ${error.message}`)
  if (status === 413 && bodyLimit !== undefined) return reply(413, `the body is larger than the limit of ${bodyLimit} bytes`)
  if (status === 415) return reply(415, 'unsupported content type of the body')
  return reply(status, error.message)
}

function reply(status: number, message: string, field?: string): WireReply {
  return { status, body: field === undefined || field === '' ? { code: status, message } : { code: status, message, field }, headers: {} }
}
