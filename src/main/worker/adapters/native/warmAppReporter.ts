/** Reports the warm applications to our manager: all of them, whenever something changed since its last reply. */
import type { WarmAppReport } from '../../../../shared/schemas/warmApp.ts'
import type { WarmAppPool } from '../../apps/warmAppPool.ts'

/** The contents of one call. */
export interface PendingReport {
  readonly version: number
  readonly reports: WarmAppReport[]
}

export class WarmAppReporter {
  /** State of the pool at the manager's last reply. */
  private acknowledgedVersion = -1

  constructor(private readonly pool: WarmAppPool) {}

  /** What the next call should include; undefined when the manager is up to date. */
  pending(): PendingReport | undefined {
    const { version } = this.pool
    return version === this.acknowledgedVersion ? undefined : { version, reports: this.pool.news() }
  }

  /** The call with this report was answered. Two calls may be in flight: the older one has no effect. */
  acknowledge(report: PendingReport | undefined): void {
    if (report === undefined) return
    this.acknowledgedVersion = Math.max(this.acknowledgedVersion, report.version)
    this.pool.acknowledge(report.reports)
  }

  /** After a sign-on everything is reported again. */
  reset(): void {
    this.acknowledgedVersion = -1
  }

  jobOver(jobId: string): void {
    this.pool.jobOver(jobId)
  }

  /** The worker accepts no work for now: the user of the machine gets the memory back. */
  rest(): void {
    this.pool.closeIdle('the worker is not accepting work')
  }
}
