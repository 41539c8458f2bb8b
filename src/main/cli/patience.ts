/** A manager that is started again (an update, a crash) is away for a moment only: what follows something waits for it. */
import { AwayError, UnreachableError } from './errors.ts'
import { pause } from './pause.ts'

/** How long a manager may be away while somebody follows a job or a log. */
const PATIENCE_MS = 60_000
const EVERY_MS = 250

export interface Patience {
  signal: AbortSignal
  /** Milliseconds. */
  now(): number
}

/** True when nobody, or nobody who can serve, answered at the manager's address: a later try may succeed. */
export function isAway(error: unknown): boolean {
  return error instanceof UnreachableError || error instanceof AwayError
}

/** What `call` gives, which is made again while the manager is away. @throws CliError of the last try, or when the signal aborts */
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
