/** A pause that ends immediately when the program is asked to stop. */
import { setTimeout as sleep } from 'node:timers/promises'
import { interrupted } from '../errors.ts'

/** @throws CliError when the signal aborts */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw interrupted()
  })
}
