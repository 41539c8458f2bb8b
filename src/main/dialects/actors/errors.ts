/**
 * Refusals in Abaco's form: `{message, result: null, status: "error", version}`, status 400 unless noted otherwise, also
 * for missing rights. The one place that turns error classes into replies of this dialect.
 */
import {
  ConflictError,
  FarmError,
  InvalidInputError,
  NotAllowedError,
  TooManyError,
  UnavailableError,
  DiskFullError,
} from '../../engine/base/errors.ts'
import { HttpError, TooLargeError, UnauthenticatedError, withoutRoom, type ErrorForm } from '../../http/errors.ts'

/** A refusal with its message as clients read it. */
export class ActorsError extends Error {
  constructor(
    message: string,
    readonly statusCode: 400 | 401 | 403 | 404 | 413 = 400,
  ) {
    super(message)
  }
}

/** A field that cannot be used: `Invalid actor description: {'stateless': 'must be a boolean'}`. */
export function invalidField(prefix: string, field: string, help: string): ActorsError {
  return new ActorsError(`${prefix}: {'${field}': '${help.replaceAll("'", '’')}'}`)
}

export const notAuthorized = (reason: string): ActorsError => new ActorsError(`Not authorized -- ${reason}`)

const NO_SUCH_ENDPOINT = 'Invalid request: the API endpoint does not exist or the provided HTTP method is not allowed.'

const STATUS_OF: readonly [abstract new (...args: never[]) => FarmError, number][] = [
  [InvalidInputError, 400],
  [UnauthenticatedError, 401],
  [NotAllowedError, 403],
  [ConflictError, 409],
  [TooLargeError, 413],
  [TooManyError, 429],
  [DiskFullError, 507],
  [UnavailableError, 503],
]

/** The version on the wire: of the API that this dialect speaks, as clients of Abaco know it. */
export const API_VERSION = '1.9.1'

export const actorsErrorForm: ErrorForm = (thrown, { bodyLimit }, failure) => {
  const error = withoutRoom(thrown)
  if (error instanceof ActorsError) return reply(error.statusCode, error.message)
  // Unknown addresses and wrong methods are one thing to Abaco.
  if (error instanceof HttpError && (failure.status === 404 || failure.status === 405)) return reply(405, NO_SUCH_ENDPOINT, failure.headers)
  if (error instanceof FarmError) {
    return reply(STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400, error.message, failure.headers)
  }
  if (failure.status === 413 && bodyLimit !== undefined) return reply(413, `Message exceeds max content length of: ${bodyLimit}`)
  return reply(failure.status, failure.message, failure.headers)
}

function reply(status: number, message: string, headers: Record<string, string> = {}): ReturnType<ErrorForm> {
  return {
    status,
    body: { message, result: null, status: 'error', version: API_VERSION },
    headers: { 'content-type': 'application/json', ...headers },
  }
}
