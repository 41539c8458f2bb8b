/** The errors of the command line, each with an exit code that scripts can rely on. */

/** Documented in docs/cli.md; a number never changes its meaning. */
export const EXIT = {
  done: 0,
  /** The operation failed: the job failed, the server returned an internal error, or a file could not be written. */
  failed: 1,
  /** The command line is wrong: unknown command or option, missing or invalid value. */
  usage: 2,
  /** No manager answers at the address. */
  unreachable: 3,
  /** The manager has no such job, task, worker, job type or token. */
  notFound: 4,
  /** The manager denies access: no token, an invalid one, or one without the permission. */
  refused: 5,
  /** The current state does not allow it, e.g. resume of a job that is not paused. */
  conflict: 6,
  /** The manager or job type rejects a value, e.g. a setting of a job. */
  invalid: 7,
  /** The watched job was cancelled. */
  canceled: 8,
  /** The watched job completed, but with warnings, and `--strict` was given. */
  warned: 9,
  /** Interrupted by Ctrl-C or a signal (128 + SIGINT, the convention of shells). */
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** An error whose message is all that the user needs: printed without a stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    /** A stable code for `--json`. */
    readonly code: string,
    /** The invalid input, if there is one: an option, a setting, a JSON pointer. */
    readonly field?: string,
  ) {
    super(message)
  }
  override get name(): string {
    return this.constructor.name
  }
}

/** The command line itself is wrong. `help` names the command whose help applies. */
export class UsageError extends CliError {
  constructor(
    message: string,
    field?: string,
    readonly help: readonly string[] = [],
  ) {
    super(EXIT.usage, message, 'usage', field)
  }
}

/** The operation was tried and failed. */
export class FailedError extends CliError {
  constructor(message: string, code = 'failed') {
    super(EXIT.failed, message, code)
  }
}

/** Interrupted by the user or a signal. */
export function interrupted(): CliError {
  return new CliError(EXIT.interrupted, 'interrupted', 'interrupted')
}

/** No manager answered. */
export class UnreachableError extends CliError {
  constructor(
    url: string,
    reason: string,
    /** The manager accepted the request, and the connection broke before the reply arrived. */
    readonly brokenOff = false,
  ) {
    super(
      EXIT.unreachable,
      `no manager answers at ${url} (${reason}). Start one with "framehouse both", or choose another with --manager URL.`,
      'unreachable',
    )
  }
}

/** The manager cannot serve now: it is shutting down, or a proxy cannot reach it (502, 503, 504). */
export class AwayError extends CliError {
  constructor(message: string, code: string) {
    super(EXIT.failed, message, code)
  }
}

/** The server presents a certificate that this program has no reason to trust. */
export class UntrustedError extends CliError {
  constructor(url: string, reason: string) {
    super(
      EXIT.unreachable,
      `${url} is not trusted (${reason}). If the manager uses the certificate of its farm, copy tls/authority/certificate.pem from its data folder ` +
        `and set NODE_EXTRA_CA_CERTS=certificate.pem`,
      'untrusted',
    )
  }
}

/** The manager accepted the request but did not reply. The operation may still happen. */
export class NoReplyError extends CliError {
  constructor(url: string, afterMs: number) {
    super(
      EXIT.unreachable,
      `the manager at ${url} has not replied within ${afterMs / 1000} s: it is busy or hangs. The operation may still happen.`,
      'no-reply',
    )
  }
}
