/** Errors as S3 clients know them, and what our own errors are among them. The one place that maps them. */
import {
  ConflictError,
  DiskFullError,
  FarmError,
  InvalidInputError,
  NotFoundError,
  TooManyError,
  UnavailableError,
} from '../../../../engine/base/errors.ts'
import { UploadAbortedError, UploadTooLargeError } from '../../../../files/content/errors.ts'
import { withoutRoom } from '../../../../http/errors.ts'

const STATUS = {
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  InvalidURI: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NotImplemented: 501,
  NotModified: 304,
  ObjectLockConfigurationNotFoundError: 404,
  OperationAborted: 409,
  PreconditionFailed: 412,
  ReplicationConfigurationNotFoundError: 404,
  RequestTimeTooSkewed: 403,
  RequestTimeout: 400,
  ServerSideEncryptionConfigurationNotFoundError: 404,
  SignatureDoesNotMatch: 403,
  SlowDown: 503,
  TooManyBuckets: 400,
  XAmzContentSHA256Mismatch: 400,
} as const

export type S3Code = keyof typeof STATUS

/** What a client did wrong, or asked for in vain. */
export class S3Error extends Error {
  constructor(
    readonly code: S3Code,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
  }

  get status(): number {
    return STATUS[this.code]
  }
}

/** Anything thrown, as S3 names it; undefined: it is nothing that a client may know more about. */
export function s3ErrorOf(thrown: unknown): S3Error | undefined {
  const error = withoutRoom(thrown)
  if (error instanceof S3Error) return error
  if (error instanceof UploadAbortedError) return new S3Error('IncompleteBody', error.message)
  if (error instanceof UploadTooLargeError) return new S3Error('EntityTooLarge', error.message)
  if (error instanceof DiskFullError) return new S3Error('SlowDown', error.message, { 'retry-after': '30' })
  if (error instanceof UnavailableError || error instanceof TooManyError)
    return new S3Error('SlowDown', error.message, { 'retry-after': '1' })
  if (error instanceof NotFoundError) return new S3Error('InternalError', `a part of the object is not in the file store: ${error.message}`)
  if (error instanceof InvalidInputError) return new S3Error('InvalidArgument', error.message)
  if (error instanceof ConflictError) return new S3Error('OperationAborted', error.message)
  return error instanceof FarmError ? new S3Error('InvalidRequest', error.message) : undefined
}
