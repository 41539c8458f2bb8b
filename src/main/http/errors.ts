/**
 * Describes what went wrong with a request, in plain values. Only this file knows error classes; a dialect only gives a
 * Failure its wire format.
 */
import { randomUUID } from 'node:crypto'
import {
  ConflictError,
  DiskFullError,
  FarmError,
  InvalidInputError,
  NotAllowedError,
  NotFoundError,
  PreconditionError,
  StatusChangeRequestedError,
  TooManyError,
  UnavailableError,
} from '../engine/base/errors.ts'
import { OutputSharedError } from '../engine/rules/outputClaims.ts'
import type { Logger } from '../../shared/logger.ts'
import { isDiskFull } from '../store/guard/diskSpace.ts'
import { UploadTooLargeError } from '../files/content/errors.ts'

export interface Failure {
  /** HTTP status, as the native API uses it. */
  status: number
  /** A stable code for programs. */
  code: string
  message: string
  /** Body: JSON pointer (`/settings/frames`); query or path: the parameter's name. */
  field?: string
  headers?: Record<string, string>
}

/** What is known about the request when its error is written. */
export interface ErrorFacts {
  /** The most bytes that the route accepts. */
  bodyLimit?: number
  /** The server's own origin, as the caller reaches it. */
  origin?: string
}

/**
 * How a dialect puts an error on the wire. `failure` is the same error in plain values, with an id in its message when
 * the details are only in the log.
 */
export type ErrorForm = (
  error: unknown,
  facts: ErrorFacts,
  failure: Failure,
) => { status: number; body: unknown; headers: Record<string, string> }

/** A failure in the native format: {status, code, message, field}. */
export function nativeReply({ status, code, message, field, headers }: Failure): ReturnType<ErrorForm> {
  return { status, body: field === undefined ? { status, code, message } : { status, code, message, field }, headers: headers ?? {} }
}

/** An HTTP failure outside of any route: unknown address, wrong method, malformed request. */
export class HttpError extends Error {
  readonly statusCode: number
  constructor(readonly failure: Failure) {
    super(failure.message)
    this.statusCode = failure.status
  }
}

/** The request needs credentials and has none that are valid (401). */
export class UnauthenticatedError extends FarmError {
  readonly code = 'unauthenticated'
  readonly statusCode = 401
}

/** The body is larger than the route allows (413). */
export class TooLargeError extends FarmError {
  readonly code = 'too-large'
  readonly statusCode = 413
}

/** A byte range outside of the content (416). `size`: the content's bytes. */
export class RangeNotSatisfiableError extends FarmError {
  readonly code = 'range-not-satisfiable'
  readonly statusCode = 416
  constructor(readonly size: number) {
    super(`the range is outside of the ${size} bytes that exist`)
  }
}

const STATUS_OF: readonly [abstract new (...args: never[]) => FarmError, number][] = [
  [NotFoundError, 404],
  [InvalidInputError, 400],
  [ConflictError, 409],
  [PreconditionError, 412],
  [StatusChangeRequestedError, 423],
  [NotAllowedError, 403],
  [UnauthenticatedError, 401],
  [TooManyError, 429],
  [DiskFullError, 507],
  [UnavailableError, 503],
  [TooLargeError, 413],
  [UploadTooLargeError, 413],
  [RangeNotSatisfiableError, 416],
]

/** Codes for HTTP failures without an error class of ours: from Fastify, from plugins. */
const CODE_OF_STATUS: Record<number, string> = {
  400: 'invalid-input',
  404: 'not-found',
  405: 'method-not-allowed',
  406: 'not-acceptable',
  408: 'timeout',
  411: 'length-required',
  412: 'precondition',
  413: 'too-large',
  414: 'too-large',
  415: 'unsupported-media-type',
  416: 'range-not-satisfiable',
  429: 'too-many',
  431: 'too-large',
}

/**
 * Any write that failed because the disk is full becomes a storage error, wherever it happened; other errors stay as
 * they are.
 */
export function withoutRoom(error: unknown): unknown {
  return isDiskFull(error) ? new DiskFullError() : error
}

/** Turns anything thrown into a Failure. Internal errors are logged; the caller only gets the id of the log entry. */
export function describeError(thrown: unknown, facts: ErrorFacts, log: Logger, where: { method: string; url: string }): Failure {
  const error = withoutRoom(thrown)
  if (error instanceof HttpError) return error.failure
  if (error instanceof FarmError) return describeFarmError(error)
  const status = statusOf(error)
  if (status !== undefined) return { status, code: CODE_OF_STATUS[status] ?? 'invalid-input', message: messageOf(error, status, facts) }
  const id = randomUUID()
  log.error({ err: error, errorId: id, ...where }, 'unexpected error in a request')
  return { status: 500, code: 'internal', message: `internal error; see ${id} in the manager's log` }
}

function describeFarmError(error: FarmError): Failure {
  const status = STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400
  const failure: Failure = { status, code: error.code, message: error.message }
  if (error instanceof InvalidInputError || error instanceof OutputSharedError) failure.field = error.field
  if (error instanceof UnauthenticatedError) failure.headers = { 'www-authenticate': 'Bearer' }
  if (error instanceof UnavailableError) failure.headers = { 'retry-after': error instanceof DiskFullError ? '30' : '1' }
  if (error instanceof TooManyError) failure.headers = { 'retry-after': '10' }
  if (error instanceof RangeNotSatisfiableError) failure.headers = { 'content-range': `bytes */${error.size}` }
  return failure
}

/** The 4xx status of an error from Fastify or a plugin. A 5xx of theirs is a defect of ours, so it is not used. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined
  const status = error.statusCode
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function messageOf(error: unknown, status: number, { bodyLimit }: ErrorFacts): string {
  if (status === 413 && bodyLimit !== undefined) return `the body is larger than the limit of ${bodyLimit} bytes`
  if (status === 415) return 'unsupported content type of the body'
  return error instanceof Error ? error.message : String(error)
}
