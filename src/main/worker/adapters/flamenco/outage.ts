/**
 * The Manager's outage as all parts of one worker see it: one warning when it becomes unreachable, one line when it is back, however
 * many calls fail in between.
 */
import type { Logger } from '../../../../shared/logger.ts'

export class Outage {
  private since: number | undefined

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly log: Logger,
    private readonly worker: string,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get isOn(): boolean {
    return this.since !== undefined
  }

  /** A call got no reply. */
  failed(error: unknown): void {
    if (this.since !== undefined) return
    this.since = this.now()
    this.log.warn({ err: error, worker: this.worker }, 'the Manager does not answer; updates are kept and retried until it is back')
  }

  /** A call got a reply, whatever its status. */
  over(): void {
    if (this.since === undefined) return
    const seconds = Math.round((this.now() - this.since) / 1000)
    this.since = undefined
    this.log.info({ worker: this.worker, seconds }, 'the Manager is back')
  }
}
