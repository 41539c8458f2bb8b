/** What can go wrong for a person or script at the command line, each with the exit code that scripts can use. */

/** Documented in docs/cli.md; a number never changes its meaning. */
export const EXIT = {
  done: 0,
  /** It was tried and failed: the job failed, the server answered with an error of its own, a file could not be written. */
  failed: 1,
  /** The command line is wrong: unknown command or option, missing or impossible value. */
  usage: 2,
  /** No manager answers at the address. */
  unreachable: 3,
  /** The manager knows no such job, task, worker, job type or token. */
  notFound: 4,
  /** The manager refuses: no token, a wrong one, or one that may not do this. */
  refused: 5,
  /** The state of the thing does not allow it, e.g. resume of a job that is not paused. */
  conflict: 6,
  /** A value is wrong for the manager or the job type, e.g. a setting of a job. */
  invalid: 7,
  /** The watched job was cancelled. */
  canceled: 8,
  /** Ended by Ctrl-C or a signal before it was done (128 + SIGINT, as shells count). */
  interrupted: 130,
} as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** An error whose message is all that the person needs: printed without a stack. */
export class CliError extends Error {
  constructor(
    readonly exitCode: ExitCode,
    message: string,
    /** A stable word for `--json`. */
    readonly code: string,
    /** The input that is wrong, where there is one: an option, a setting, a JSON pointer. */
    readonly field?: string,
  ) {
    super(message)
  }
  override get name(): string {
    return this.constructor.name
  }
}

/** The command line itself is wrong. `help` names the command whose help shows what is right. */
export class UsageError extends CliError {
  constructor(
    message: string,
    field?: string,
    readonly help: readonly string[] = [],
  ) {
    super(EXIT.usage, message, 'usage', field)
  }
}

/** It was tried and did not work. */
export class FailedError extends CliError {
  constructor(message: string, code = 'failed') {
    super(EXIT.failed, message, code)
  }
}

/** A person or a signal ended it. */
export function interrupted(): CliError {
  return new CliError(EXIT.interrupted, 'interrupted', 'interrupted')
}

/** No manager answered. */
export class UnreachableError extends CliError {
  constructor(url: string, reason: string) {
    super(
      EXIT.unreachable,
      `no manager answers at ${url} (${reason}). Start one with "framehouse both", or name another with --manager URL.`,
      'unreachable',
    )
  }
}

/** Somebody answers for the manager that it cannot serve now: it is stopping, or a proxy before it does not reach it (502, 503, 504). */
export class AwayError extends CliError {
  constructor(message: string, code: string) {
    super(EXIT.failed, message, code)
  }
}

/** Something answers, but shows a certificate that this program has no reason to believe. */
export class UntrustedError extends CliError {
  constructor(url: string, reason: string) {
    super(
      EXIT.unreachable,
      `${url} is not trusted (${reason}). Where the manager made its certificate itself, copy tls/certificate.pem of its data folder ` +
        `and name it: NODE_EXTRA_CA_CERTS=certificate.pem`,
      'untrusted',
    )
  }
}

/** The manager took the call and said nothing. What was asked for may happen all the same. */
export class NoReplyError extends CliError {
  constructor(url: string, afterMs: number) {
    super(
      EXIT.unreachable,
      `the manager at ${url} has not replied within ${afterMs / 1000} s: it is busy, or hangs. What was asked for may still happen.`,
      'no-reply',
    )
  }
}
