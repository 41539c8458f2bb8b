/** Whether a container ended by itself or with its engine, and by whose signal. Pure. */

export interface EndInOutage {
  /** Milliseconds since the epoch, by the engine's clock. */
  finishedAt: number
  /** When the connection broke, by ours. */
  brokeAt: number
  /** The engine leaves its containers alone when it restarts. */
  liveRestore: boolean
}

/**
 * A daemon gives its containers 15 s to end before it ends itself, a broken connection may be noticed when the next daemon has
 * ended them already, and clocks of two machines differ a little.
 */
const SHUTDOWN_MS = 30_000

/**
 * Whether a container that is found ended was ended by its engine's end rather than by itself. What ended long before the
 * connection broke stands. A success does not stand sooner than a failure: it may be the work of a handler of SIGTERM, and
 * only half done.
 */
export function endedByOutage({ finishedAt, brokeAt, liveRestore }: EndInOutage): boolean {
  if (liveRestore) return false
  return finishedAt >= brokeAt - SHUTDOWN_MS
}

/** What a daemon ends its containers with, and what it says of those that it finds dead. */
const CODES_OF_SHUTDOWN: ReadonlySet<number> = new Set([128 + 9, 128 + 15, 255])

/** Whether a container that ended with its machine or its daemon may have this exit code. */
export function isCodeOfShutdown(exitCode: number): boolean {
  return CODES_OF_SHUTDOWN.has(exitCode)
}

export interface UnseenEnd {
  exitCode: number
  /** It had ended before anybody looked: then a daemon that ran long since need not remember. */
  wasOverBefore: boolean
}

/** Whether an end that the answering daemon did not see is its predecessor's doing. */
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
 * What is to be said of an end by a signal that nobody here sent; empty for any other end. An engine does not always hear
 * that memory ran out: the kernel's word goes with the group of processes that it is about.
 */
export function signalWords({ exitCode, oomKilled, memoryBytes, signals }: SignalledEnd): string {
  if (oomKilled) return ''
  const last = signals.at(-1)
  if (last !== undefined && exitCode > 128) return `signal ${last} was sent through the Docker engine, not by the farm`
  if (exitCode === 128 + 9 && memoryBytes !== undefined) return `most likely it ran out of memory (limit: ${memoryBytes} bytes)`
  return ''
}
