/** Looks at the farm every few seconds, for what the shell shows without its window: the tray's state, and jobs that ended. */
import type { ShellPreferences } from '../../../shared/ipc.ts'
import type { Worker } from '../../../shared/schemas/worker.ts'
import { noticesFor, type FarmClient, type Notice } from './farmClient.ts'
import type { TrayFacts } from '../menus.ts'

export const LOOK_EVERY_MS = 3000

export interface FarmWatchOptions {
  client: FarmClient
  /** Name of the worker of this machine; null: there is none. */
  workerName: string | null
  /** Starts that worker when it was shut down. */
  startWorker(): void
  preferences(): Pick<ShellPreferences, 'notifyOnFinish' | 'notifyOnFailure'>
  onFacts(facts: TrayFacts): void
  onNotice(notice: Notice): void
  /** Milliseconds since the epoch; jobs that ended before the watch began are no news. */
  now(): number
}

export class FarmWatch {
  private timer: NodeJS.Timeout | undefined
  private stopped = false
  private readonly seen = new Map<string, string>()
  private readonly since: number

  constructor(private readonly options: FarmWatchOptions) {
    this.since = options.now()
  }

  /** Checks immediately, then repeatedly; a slow check delays the next one. */
  async start(): Promise<void> {
    await this.look()
    if (!this.stopped) this.timer = setTimeout(() => void this.start(), LOOK_EVERY_MS)
  }

  stop(): void {
    this.stopped = true
    clearTimeout(this.timer)
  }

  async look(): Promise<void> {
    const { client, preferences, onFacts, onNotice } = this.options
    const facts: TrayFacts = { farm: null, running: 0, queued: 0, workerAwake: null, workerBusy: false }
    try {
      const [status, ended, worker] = await Promise.all([client.status(), client.ended(), this.localWorker()])
      if (this.stopped) return
      facts.farm = status.farm
      facts.running = status.tasks['active'] ?? 0
      facts.queued = status.tasks['queued'] ?? 0
      facts.workerAwake = worker ? worker.status === 'awake' && worker.statusRequested !== 'asleep' : null
      facts.workerBusy = (worker?.running.length ?? 0) > 0
      for (const notice of noticesFor(ended, this.seen, this.since, preferences())) onNotice(notice)
      for (const job of ended) if (job.finishedAt) this.seen.set(job.id, job.finishedAt)
    } catch {
      // The facts say that the manager does not answer.
    }
    if (!this.stopped) onFacts(facts)
  }

  /** Asks the worker of this machine to sleep after its task, or to wake, starting it where it is off; then looks again. @throws Error when it is refused */
  async pauseWorker(pause: boolean): Promise<void> {
    const worker = await this.localWorker()
    if (!pause) this.options.startWorker()
    if (worker) await this.options.client.requestStatus(worker.id, pause ? 'asleep' : 'awake')
    await this.look()
  }

  private async localWorker(): Promise<Worker | undefined> {
    const { client, workerName } = this.options
    if (workerName === null) return undefined
    return (await client.workers()).find((worker) => worker.name === workerName && worker.adapter === 'native')
  }
}
