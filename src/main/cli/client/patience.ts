/** A restarting manager (update, crash) is away only for a moment: commands that follow something wait for it. */
import { AwayError, UnreachableError } from '../errors.ts'
import { pause } from './pause.ts'

/** How long a manager may be away while the user follows a job or a log. */
const PATIENCE_MS = 60_000
const EVERY_MS = 250

export interface Patience {
  signal: AbortSignal
  /** Milliseconds. */
  now(): number
}

/** True when the manager did not answer or cannot serve now: a later attempt may succeed. */
export function isAway(error: unknown): boolean {
  return error instanceof UnreachableError || error instanceof AwayError
}

/** Returns the result of `call`, retrying while the manager is away. @throws CliError of the last attempt, or when the signal aborts */
export async function patiently<T>(call: () => Promise<T>, { signal, now }: Patience): Promise<T> {
  for (const since = now(); ;) {
    try {
      return await call()
    } catch (error) {
      if (!isAway(error) || now() - since >= PATIENCE_MS) throw error
    }
    await pause(EVERY_MS, signal)
  }
}
