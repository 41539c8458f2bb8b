/** Errors of an engine, grouped by what to do about them. Messages carry the engine's own words. */

export abstract class ContainerError extends Error {
  override get name(): string {
    return this.constructor.name
  }
}

/** Nothing answers at the engine's address, or the connection broke. */
export class EngineUnreachableError extends ContainerError {}

/** The engine rejected the request: unknown image, bad command, no disk space, wrong option. */
export class EngineRefusedError extends ContainerError {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message)
  }
}

/** The container is gone, or ended because its engine did: not the task's failure, so it runs again. */
export class ContainerLostError extends ContainerError {}

/** No engine of this worker may run the task: no pool matches its name, or all that match are blacklisted. */
export class NoEngineError extends ContainerError {}

/** Whether the connection failed rather than the request: no answer, or one that was cut off. */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof EngineUnreachableError) return true
  if (!(error instanceof Error) || statusOf(error) !== undefined) return false
  const code = 'code' in error ? String(error.code) : ''
  return CONNECTION_CODES.has(code) || /socket hang up|aborted|other side closed/i.test(error.message)
}

const CONNECTION_CODES = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EACCES',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ERR_STREAM_PREMATURE_CLOSE',
])

/** The HTTP status that dockerode puts on its errors. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('statusCode' in error)) return undefined
  return typeof error.statusCode === 'number' ? error.statusCode : undefined
}

/** The engine's own sentence, without dockerode's `(HTTP code 404) …` around it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const json: unknown = 'json' in error ? error.json : undefined
  if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') return json.message
  return error.message.replace(/^\(HTTP code \d+\) [^-]*- /, '').trim() || error.message
}

/** Any failure of a call to an engine as one of the classes above. `what` begins the message, e.g. `cannot create the container`. */
export function translate(error: unknown, what: string, host: string): ContainerError {
  if (error instanceof ContainerError) return error
  const status = statusOf(error)
  if (status === undefined) return new EngineUnreachableError(`${what}: the Docker engine at ${host} does not answer: ${wordsOf(error)}`)
  return new EngineRefusedError(`${what}: ${wordsOf(error)}`, status)
}
