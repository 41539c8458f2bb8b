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
import {
  HttpError,
  TooLargeError,
  UnauthenticatedError,
  withoutRoom,
  type ErrorFacts,
  type ErrorForm,
  type Failure,
} from '../../http/errors.ts'

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

export const actorsErrorForm: ErrorForm = (thrown, facts, failure) => {
  const { status, message, headers } = refusalOf(thrown, facts, failure)
  return {
    status,
    body: { message, result: null, status: 'error', version: API_VERSION },
    // Every reply names who may read it: this server's own pages.
    headers: {
      'content-type': 'application/json',
      ...(facts.origin !== undefined && { 'access-control-allow-origin': facts.origin }),
      ...headers,
    },
  }
}

interface Refusal {
  status: number
  message: string
  headers?: Record<string, string> | undefined
}

function refusalOf(thrown: unknown, { bodyLimit }: ErrorFacts, failure: Failure): Refusal {
  const error = withoutRoom(thrown)
  if (error instanceof ActorsError) return { status: error.statusCode, message: error.message }
  const { status, headers } = failure
  // Unknown addresses and wrong methods are one thing to Abaco.
  if (error instanceof HttpError && (status === 404 || status === 405)) return { status: 405, message: NO_SUCH_ENDPOINT, headers }
  if (error instanceof FarmError) {
    return { status: STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400, message: error.message, headers }
  }
  if (status === 413 && bodyLimit !== undefined) return { status: 413, message: `Message exceeds max content length of: ${bodyLimit}` }
  return { status, message: failure.message, headers }
}
