/**
 * Errors of requests to the engine. Each dialect maps these classes to its wire format in one place; no code compares
 * message texts.
 */

/** The root of all errors that the caller can act on. Anything else is a defect and becomes a 500. */
export abstract class FarmError extends Error {
  /** A stable code for programs. */
  abstract readonly code: string
  override get name(): string {
    return this.constructor.name
  }
}

/** Nothing has this id, or it was deleted. */
export class NotFoundError extends FarmError {
  readonly code = 'not-found'
  constructor(
    readonly kind: string,
    readonly id: string,
  ) {
    super(`${kind} "${id}" not found`)
  }
}

/** For `catch`: here, an unknown id is a valid answer (undefined), any other error is a real one. */
export function ignoreUnknown(error: unknown): undefined {
  if (!(error instanceof NotFoundError)) throw error
}

/** For `catch`: the attempt ended on its own meanwhile. */
export function ignoreStale(error: unknown): void {
  if (!(error instanceof StaleAttemptError)) throw error
}

/** A value is invalid. `field` names it: a JSON pointer, a setting's key or a parameter. */
export class InvalidInputError extends FarmError {
  readonly code: string = 'invalid-input'
  constructor(
    readonly field: string,
    message: string,
  ) {
    super(message)
  }
}

/** The current state does not allow it. */
export class ConflictError extends FarmError {
  readonly code: string = 'conflict'
}

/** The attempt no longer holds its task: another one does, or the task is finished. Nothing was changed. */
export class StaleAttemptError extends ConflictError {
  override readonly code = 'stale-attempt'
}

/** The job type's script changed since the client read it (Flamenco: 412). */
export class JobTypeChangedError extends ConflictError {
  override readonly code = 'job-type-changed'
}

/** A precondition of the request does not hold, for example restart of a worker that cannot (Flamenco: 412). */
export class PreconditionError extends FarmError {
  readonly code = 'precondition'
}

/** The worker is not awake, so it gets no work. */
export class WorkerNotAwakeError extends ConflictError {
  override readonly code = 'worker-not-awake'
  constructor(readonly status: string) {
    super(`worker is in state "${status}" and gets no tasks; it must be awake`)
  }
}

/** The worker must change its status before it gets work (Flamenco: 423). */
export class StatusChangeRequestedError extends FarmError {
  readonly code = 'status-change-requested'
  constructor(readonly status: string) {
    super(`worker must change its status to "${status}" first`)
  }
}

/** The caller is authenticated but may not do this. */
export class NotAllowedError extends FarmError {
  readonly code = 'not-allowed'
}

/** Too many are waiting already; try again later. */
export class TooManyError extends FarmError {
  readonly code = 'too-many'
}

/** The farm cannot answer right now (starting, stopping, database trouble); the same call may work soon. */
export class UnavailableError extends FarmError {
  readonly code: string = 'unavailable'
}

/** The disk of the data folder is full; the same call works after space is freed. */
export class DiskFullError extends UnavailableError {
  override readonly code = 'disk-full'
  constructor() {
    super('the disk of the manager is full; free space on it to continue')
  }
}

/** The farm's own files are gone or damaged: nothing may be written that would only seem to be stored. */
export class DataDamagedError extends UnavailableError {
  override readonly code = 'data-damaged'
}
