/** Tells our manager of the applications that stay open: all of them, whenever something changed since it answered. */
import type { SessionReport } from '../../../shared/schemas/session.ts'
import type { SessionPool } from '../sessions/sessionPool.ts'

/** What was put into one call. */
export interface Told {
  readonly version: number
  readonly reports: SessionReport[]
}

export class SessionTeller {
  /** Of the pool, when the manager answered last. */
  private heardVersion = -1

  constructor(private readonly pool: SessionPool) {}

  /** What the next call should carry; undefined when the manager knows all. */
  untold(): Told | undefined {
    const { version } = this.pool
    return version === this.heardVersion ? undefined : { version, reports: this.pool.news() }
  }

  /** The call that carried this was answered. Two calls may be on their way at once: the older one changes nothing. */
  heard(told: Told | undefined): void {
    if (told === undefined) return
    this.heardVersion = Math.max(this.heardVersion, told.version)
    this.pool.told(told.reports)
  }

  /** After a sign-on all is told again. */
  forgetTold(): void {
    this.heardVersion = -1
  }

  jobOver(jobId: string): void {
    this.pool.jobOver(jobId)
  }

  /** The worker takes no work for now: whoever sits at it gets the memory back. */
  rest(): void {
    this.pool.closeIdle('the worker takes no work at the moment')
  }
}
