/**
 * Errors in Fastlane's formats (protocol 12): plain text for enqueue and blacklist, `{"error", "operation"}` elsewhere,
 * an empty 401. The one place that turns the classes of engine/base/errors.ts into replies of this dialect.
 */
import {
  ConflictError,
  FarmError,
  InvalidInputError,
  NotAllowedError,
  NotFoundError,
  TooManyError,
  UnavailableError,
  DiskFullError,
} from '../../engine/base/errors.ts'
import { HttpError, TooLargeError, UnauthenticatedError, type ErrorForm, withoutRoom } from '../../http/errors.ts'

/** A refusal with the operation's name, the format of most routes. */
export class OperationError extends Error {
  constructor(
    readonly statusCode: 400 | 404,
    readonly operation: string,
    message: string,
  ) {
    super(message)
  }
}

/** A refusal as plain text: enqueue, PUT, blacklist. */
export class TextError extends Error {
  readonly statusCode = 400
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8' }
const JSON_TYPE = { 'content-type': 'application/json' }

const STATUS_OF: readonly [abstract new (...args: never[]) => FarmError, number][] = [
  [NotFoundError, 404],
  [InvalidInputError, 400],
  [ConflictError, 409],
  [NotAllowedError, 403],
  [TooManyError, 429],
  [TooLargeError, 413],
  [DiskFullError, 507],
  [UnavailableError, 503],
]

export const fastlaneError: ErrorForm = (thrown, { bodyLimit }) => {
  const error = withoutRoom(thrown)
  if (error instanceof UnauthenticatedError) {
    return { status: 401, body: '', headers: { ...TEXT, 'www-authenticate': 'Basic realm=""' } }
  }
  if (error instanceof TextError) return { status: 400, body: error.message, headers: TEXT }
  if (error instanceof OperationError) return json(error.statusCode, error.message, error.operation)
  if (error instanceof HttpError) {
    return { ...json(error.failure.status, error.failure.message), headers: { ...JSON_TYPE, ...error.failure.headers } }
  }
  if (error instanceof FarmError) return json(STATUS_OF.find(([kind]) => error instanceof kind)?.[1] ?? 400, error.message)
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  if (typeof status !== 'number' || status < 400 || status > 499) return json(500, "internal error; see the manager's log")
  if (status === 413 && bodyLimit !== undefined) return json(413, `the body is larger than the limit of ${bodyLimit} bytes`)
  return json(status, error instanceof Error ? error.message : String(error))
}

function json(status: number, message: string, operation?: string): ReturnType<ErrorForm> {
  return { status, body: sortedJson({ error: message, ...(operation !== undefined && { operation }) }), headers: JSON_TYPE }
}

/** JSON as the original writes it: sorted keys, a newline at the end. */
export function sortedJson(value: unknown, indent?: number): string {
  return `${JSON.stringify(sorted(value), null, indent)}\n`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, each]) => [key, sorted(each)]),
  )
}
