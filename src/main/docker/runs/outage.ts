/** Whether a container ended by itself or with its engine, and by whose signal. Pure. */

export interface EndInOutage {
  /** Milliseconds since the epoch, by the engine's clock. */
  finishedAt: number
  /** When the connection broke, by ours. */
  brokeAt: number
  /** The engine keeps its containers running when it restarts. */
  liveRestore: boolean
}

/**
 * A daemon gives its containers 15 s to end before it ends itself, a broken connection may be noticed when the next daemon has
 * ended them already, and clocks of two machines differ a little.
 */
const SHUTDOWN_MS = 30_000

/**
 * Whether a container that was found ended was ended by its engine's shutdown rather than by itself. An end long before the
 * connection broke is its own. A success is treated like a failure: it may be the work of a SIGTERM handler, and
 * only half done.
 */
export function endedByOutage({ finishedAt, brokeAt, liveRestore }: EndInOutage): boolean {
  if (liveRestore) return false
  return finishedAt >= brokeAt - SHUTDOWN_MS
}

/** The exit codes with which a daemon ends its containers, or marks those that it finds dead. */
const CODES_OF_SHUTDOWN: ReadonlySet<number> = new Set([128 + 9, 128 + 15, 255])

/** Whether a container that ended with its machine or its daemon may have this exit code. */
export function isCodeOfShutdown(exitCode: number): boolean {
  return CODES_OF_SHUTDOWN.has(exitCode)
}

export interface UnseenEnd {
  exitCode: number
  /** It had ended before the first check: a daemon that has run for long need not remember it. */
  wasOverBefore: boolean
}

/** Whether an end that the answering daemon did not see was caused by its predecessor. */
export function unseenEndIsLost({ exitCode, wasOverBefore }: UnseenEnd): boolean {
  return !wasOverBefore || isCodeOfShutdown(exitCode)
}

export interface SignalledEnd {
  exitCode: number
  oomKilled: boolean
  memoryBytes: number | undefined
  /** Sent through the engine. */
  signals: readonly number[]
}

/**
 * The explanation of an end by a signal that the farm did not send; empty for any other end. An engine does not always learn
 * that memory ran out: the kernel reports it for the group of processes that it concerns.
 */
export function signalWords({ exitCode, oomKilled, memoryBytes, signals }: SignalledEnd): string {
  if (oomKilled) return ''
  const last = signals.at(-1)
  if (last !== undefined && exitCode > 128) return `signal ${last} was sent through the Docker engine, not by the farm`
  if (exitCode === 128 + 9 && memoryBytes !== undefined) return `most likely it ran out of memory (limit: ${memoryBytes} bytes)`
  return ''
}
