import { nextFreePort } from '../../src/main/cli/services/address.ts'

/** From here on the system gives ports to outgoing connections: to clients of the very manager, too, while nothing listens there. */
const FIRST_OF_CALLERS = 32_768
const FIRST = 20_000

/** A free port that is free again when its manager comes back after a stop. Port 0 gives one that a caller may have taken meanwhile. */
export function portToComeBackTo(): Promise<number> {
  return nextFreePort({ host: '127.0.0.1', port: FIRST + Math.floor(Math.random() * (FIRST_OF_CALLERS - FIRST - 200)) })
}
