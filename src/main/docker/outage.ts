/** What became of a container while its engine could not be asked. Pure. */

export interface EndInOutage {
  exitCode: number
  /** Milliseconds since the epoch, by the engine's clock. */
  finishedAt: number
  /** When the connection broke, by ours. */
  brokeAt: number
  /** The engine leaves its containers alone when it restarts. */
  liveRestore: boolean
}

/** A daemon gives its containers 15 s to end before it ends itself; clocks of two machines differ a little. */
const SHUTDOWN_MS = 30_000

/**
 * Whether a container that is found ended was ended by its engine's end rather than by itself. A success that was there
 * before the connection broke stands; what came later may be the work of a handler of SIGTERM, and only half done.
 */
export function endedByOutage({ exitCode, finishedAt, brokeAt, liveRestore }: EndInOutage): boolean {
  if (liveRestore) return false
  return finishedAt >= brokeAt - (exitCode === 0 ? 0 : SHUTDOWN_MS)
}
