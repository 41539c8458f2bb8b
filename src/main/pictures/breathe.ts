/** Lets others have their turn during long work on the main thread. */
import { setImmediate } from 'node:timers/promises'

const TURN_MS = 8

/** Called often: waits a moment when the last one is long ago. */
export function breather(): () => Promise<void> | undefined {
  let since = performance.now()
  return () => {
    if (performance.now() - since < TURN_MS) return undefined
    return setImmediate().then(() => {
      since = performance.now()
    })
  }
}
