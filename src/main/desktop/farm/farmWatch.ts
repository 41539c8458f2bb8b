/** Looks at the farm every few seconds, for what the shell shows without its window: the tray's state, ended jobs, a sign-in it asked for. */
import type { ShellPreferences, SignInFacts } from '../../../shared/ipc.ts'
import type { Worker } from '../../../shared/schemas/worker.ts'
import type { ShellTexts } from '../texts/index.ts'
import type { TrayFacts } from '../menus.ts'
import { FarmRefusal, noticesFor, type FarmClient, type Notice } from './farmClient.ts'
import type { FarmHost } from './host.ts'

export const LOOK_EVERY_MS = 3000

export interface FarmWatchOptions {
  client: FarmClient
  host: Pick<FarmHost, 'workerName' | 'startWorker' | 'ownWorker' | 'heard'>
  /** Of the sign-in that this window asked for; empty: it asks for none. */
  signInKey: string
  preferences(): Pick<ShellPreferences, 'notifyOnFinish' | 'notifyOnFailure'>
  texts(): ShellTexts
  onFacts(facts: TrayFacts): void
  onNotice(notice: Notice): void
  onSignIn(facts: SignInFacts): void
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
    const { client, host, preferences, texts, onFacts, onNotice, onSignIn, signInKey } = this.options
    const { ownWorker } = host
    const facts: TrayFacts = {
      farm: null,
      running: 0,
      queued: 0,
      isWaiting: false,
      workerAwake: ownWorker ? ownWorker.isRunning() : null,
      workerStops: ownWorker !== null,
      workerBusy: ownWorker?.isBusy() ?? false,
    }
    try {
      const [status, ended, worker] = await Promise.all([client.status(), client.ended(), this.localWorker()])
      if (this.stopped) return
      host.heard(true)
      if (signInKey) onSignIn({ state: 'granted', approved: true })
      facts.farm = status.farm
      facts.running = status.tasks['active'] ?? 0
      facts.queued = status.tasks['queued'] ?? 0
      if (!ownWorker) {
        facts.workerAwake = worker ? worker.status === 'awake' && worker.statusRequested !== 'asleep' : null
        facts.workerBusy = (worker?.running.length ?? 0) > 0
      }
      for (const notice of noticesFor(ended, this.seen, this.since, preferences(), texts())) onNotice(notice)
      for (const job of ended) if (job.finishedAt) this.seen.set(job.id, job.finishedAt)
    } catch (error) {
      // The facts say that the manager does not answer, or does not let us in.
      if (this.stopped) return
      const isAnswered = hasAnswered(error)
      host.heard(isAnswered)
      if (isAnswered && signInKey) facts.isWaiting = await this.lookAtSignIn()
    }
    if (!this.stopped) onFacts(facts)
  }

  /** Asks the worker of this machine to sleep after its task, or to wake, starting it where it is off; then looks again. @throws Error when it is refused */
  async pauseWorker(pause: boolean): Promise<void> {
    const { host, client } = this.options
    if (host.ownWorker) {
      if (pause) await host.ownWorker.stop()
      else host.ownWorker.start()
      return this.look()
    }
    const worker = await this.localWorker()
    if (!pause) host.startWorker()
    if (worker) await client.requestStatus(worker.id, pause ? 'asleep' : 'awake')
    await this.look()
  }

  /** Whether it waits. */
  private async lookAtSignIn(): Promise<boolean> {
    const { client, onSignIn, signInKey } = this.options
    try {
      const facts = await client.signIn(signInKey)
      if (this.stopped) return false
      onSignIn(facts)
      return facts.state === 'waiting' || facts.state === 'unknown'
    } catch {
      return false
    }
  }

  private async localWorker(): Promise<Worker | undefined> {
    const { client, host } = this.options
    if (host.workerName === null || host.ownWorker) return undefined
    return (await client.workers()).find((worker) => worker.name === host.workerName && worker.adapter === 'native')
  }
}

/** By the manager itself: the gateway answers 502 in its place. */
function hasAnswered(error: unknown): boolean {
  return error instanceof FarmRefusal && error.status !== 502
}
