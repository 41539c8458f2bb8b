/** Timers of the manager that run a check again and again. */
import type { Logger } from '../../shared/logger.ts'
import { DiskFullError } from './base/errors.ts'
import type { Every } from './timers.ts'

/**
 * Checks that run one after another, whatever goes wrong in one of them. All of them run at multiples of their period on one
 * clock, so that those of a farm at rest wake the processor together.
 */
export function everyOn(log: Logger): Every {
  return (ms, check) => {
    let stopped = false
    let timer: NodeJS.Timeout
    const again = (): void => {
      timer = setTimeout(
        () => {
          Promise.resolve()
            .then(check)
            .catch((error: unknown) => {
              // A full disk is reported as such, and only once.
              if (!(error instanceof DiskFullError)) log.error({ error: String(error) }, 'a periodic check failed')
            })
            .finally(() => {
              if (!stopped) again()
            })
        },
        ms - (performance.now() % ms),
      )
      timer.unref()
    }
    again()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }
}
