/**
 * What went wrong with a request, in plain values. This is the one place that knows error classes; a dialect only
 * gives a Failure its wire form.
 */
import { randomUUID } from 'node:crypto'
import {
  ConflictError,
  FarmError,
  InvalidInputError,
  NotAllowedError,
  NotFoundError,
  PreconditionError,
  StatusChangeRequestedError,
  TooManyError,
  UnavailableError,
} from '../engine/errors.ts'
import type { Logger } from '../engine/logger.ts'
import { UploadTooLargeError } from '../files/shaman/store.ts'

export interface Failure {
  /** HTTP status as the native API has it. */
  status: number
  /** A stable word for programs. */
  code: string
  message: string
  /** Body: JSON pointer (`/settings/frames`); query or path: the parameter's name. */
  field?: string
  headers?: Record<string, string>
}

/** What is known of the request when its error is written. */
export interface ErrorFacts {
  /** Most bytes that the route takes. */
  bodyLimit?: number
}

/** How a dialect puts an error on the wire. */
export type ErrorForm = (error: unknown, facts: ErrorFacts) => { status: number; body: unknown; headers: Record<string, string> }

/** A failure in the native form: {status, code, message, field}. */
export function nativeReply({ status, code, message, field, headers }: Failure): ReturnType<ErrorForm> {
  return { status, body: field === undefined ? { status, code, message } : { status, code, message, field }, headers: headers ?? {} }
}

/** An HTTP failure that belongs to no route: unknown address, wrong method, broken request. */
export class HttpError extends Error {
  readonly statusCode: number
  constructor(readonly failure: Failure) {
    super(failure.message)
    this.statusCode = failure.status
  }
}

/** Nobody known is calling (401). */
export class UnauthenticatedError extends FarmError {
  readonly code = 'unauthenticated'
  readonly statusCode = 401
}

/** The body is larger than the route allows (413). */
export class TooLargeError extends FarmError {
  readonly code = 'too-large'
  readonly statusCode = 413
}

/** A byte range outside of what exists (416). `size`: bytes that exist. */
export class RangeNotSatisfiableError extends FarmError {
  readonly code = 'range-not-satisfiable'
  readonly statusCode = 416
  constructor(readonly size: number) {
    super(`the range lies outside of the ${size} bytes that exist`)
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
  [UnavailableError, 503],
  [TooLargeError, 413],
  [UploadTooLargeError, 413],
  [RangeNotSatisfiableError, 416],
]

/** Words for HTTP failures that have no class of ours: from Fastify, from plugins. */
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

/** Turns anything that was thrown into a Failure. What is not the caller's business is logged and told by an id only. */
export function describeError(error: unknown, facts: ErrorFacts, log: Logger, where: { method: string; url: string }): Failure {
  if (error instanceof HttpError) return error.failure
  if (error instanceof FarmError) return describeFarmError(error)
  const status = statusOf(error)
  if (status !== undefined) return { status, code: CODE_OF_STATUS[status] ?? 'invalid-input', message: messageOf(error, status, facts) }
  const id = randomUUID()
  log.error({ err: error, errorId: id, ...where }, 'unexpected error in a request')
  return { status: 500, code: 'internal', message: `something went wrong in the manager; its log tells more under ${id}` }
}

function describeFarmError(error: FarmError): Failure {
  const status = STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400
  const failure: Failure = { status, code: error.code, message: error.message }
  if (error instanceof InvalidInputError) failure.field = error.field
  if (error instanceof UnauthenticatedError) failure.headers = { 'www-authenticate': 'Bearer' }
  if (error instanceof UnavailableError) failure.headers = { 'retry-after': '1' }
  if (error instanceof TooManyError) failure.headers = { 'retry-after': '10' }
  if (error instanceof RangeNotSatisfiableError) failure.headers = { 'content-range': `bytes */${error.size}` }
  return failure
}

/** The 4xx status that an error of Fastify or a plugin carries. A 5xx of theirs is our defect, so it is not taken over. */
function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('statusCode' in error)) return undefined
  const status = error.statusCode
  return typeof status === 'number' && status >= 400 && status < 500 ? status : undefined
}

function messageOf(error: unknown, status: number, { bodyLimit }: ErrorFacts): string {
  if (status === 413 && bodyLimit !== undefined) return `the body is larger than the limit of ${bodyLimit} bytes`
  if (status === 415) return 'the body has a content type that this operation does not take'
  return error instanceof Error ? error.message : String(error)
}
