/** What can go wrong while a file arrives. */
import { FarmError } from '../../engine/base/errors.ts'

/** The uploaded content does not match the announced one. */
export class ContentMismatchError extends FarmError {
  readonly code = 'content-mismatch'
}

/** The file exceeds the upload limit. */
export class UploadTooLargeError extends FarmError {
  readonly code = 'too-large'
}

/** The client disconnected before its upload was complete. */
export class UploadAbortedError extends FarmError {
  readonly code = 'upload-aborted'
}
