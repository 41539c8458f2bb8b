/** Errors as this protocol words them. The one place that turns the classes of engine/base/errors.ts into its replies. */
import {
  DiskFullError,
  FarmError,
  InvalidInputError,
  NotAllowedError,
  NotFoundError,
  TooManyError,
  UnavailableError,
} from '../../../engine/base/errors.ts'
import { HttpError, TooLargeError, withoutRoom, type ErrorForm, type Failure } from '../../../http/errors.ts'
import { errorEnvelope } from './envelope.ts'

export type ColoniesStatus = 400 | 403 | 404 | 408 | 409 | 429 | 500 | 503

/** A refusal with the status and the words of the protocol. */
export class ColoniesError extends Error {
  constructor(
    readonly statusCode: ColoniesStatus,
    message: string,
  ) {
    super(message)
  }
}

const STATUS_OF: readonly [abstract new (...args: never[]) => FarmError, number][] = [
  [NotFoundError, 404],
  [InvalidInputError, 400],
  [NotAllowedError, 403],
  [TooManyError, 429],
  [TooLargeError, 413],
  [DiskFullError, 507],
  [UnavailableError, 503],
]

export interface WireError {
  status: number
  message: string
}

/** @param failure the same error in plain values; missing: it is no request's */
export function wireError(thrown: unknown, failure?: Failure): WireError {
  const error = withoutRoom(thrown)
  if (error instanceof ColoniesError) return { status: error.statusCode, message: error.message }
  if (error instanceof HttpError) return { status: error.failure.status, message: error.failure.message }
  if (error instanceof FarmError) return { status: STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400, message: error.message }
  return { status: failure?.status ?? 500, message: failure?.message ?? "internal error; see the manager's log" }
}

export const coloniesError: ErrorForm = (error, _facts, failure) => {
  const { status, message } = wireError(error, failure)
  return { status, body: errorEnvelope({ status, message }), headers: { 'content-type': 'text/plain; charset=utf-8' } }
}
