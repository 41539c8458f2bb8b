/** What the dialect does by the clock: crons, generators, executors that do not call any longer. */
import { ColoniesSettings } from './settings.ts'
import { CHECK_MS } from './messages/plans/crons.ts'
import { APPROVED, UNREGISTERED, type Executor } from './people/registry.ts'
import type { Service } from './service.ts'
import { dropAbandonedUploads } from './s3/index.ts'

const EXECUTORS_MS = 60_000
const UPLOADS_MS = 3_600_000

export class Upkeep {
  private readonly timers: NodeJS.Timeout[] = []
  private work: Promise<unknown> = Promise.resolve()
  private stopped = false

  constructor(private readonly service: Service) {}

  start(): void {
    this.again(CHECK_MS, async () => {
      await this.service.crons.tick()
      await this.service.generators.tick()
    })
    this.again(EXECUTORS_MS, () => this.checkExecutors())
    this.again(UPLOADS_MS, () => dropAbandonedUploads(this.service))
  }

  /** What has begun is completed. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const timer of this.timers) clearInterval(timer)
    await this.work
  }

  /** Unregisters those that have been silent for too long, or were removed on the Workers page. */
  async checkExecutors(): Promise<void> {
    const { context, registry, executors } = this.service
    const { coloniesRetireMs, coloniesRemoveSilentMs } = context.settings.of(ColoniesSettings)
    for (const colony of registry.colonies()) {
      for (const executor of [...colony.executors.values()]) {
        if (executor.status === UNREGISTERED || executor.workerId === '') continue
        const isGone = context.farm.workers.find(executor.workerId) === undefined
        if (isGone || isSilent(executor, context.now(), (await this.holdsWork(executor)) ? coloniesRemoveSilentMs : coloniesRetireMs)) {
          await executors.remove(executor)
        }
      }
    }
  }

  private async holdsWork({ workerId }: Executor): Promise<boolean> {
    const row = await this.service.context.read.get<{ held: number }>(
      `select exists (select 1 from attempts a join workers w on w.id = a.worker_id where a.status = 'active' and w.public_id = ?
         and a.job_id in (select id from jobs where origin = 'colonies' and status = 'active')) as held`,
      [workerId],
    )
    return row?.held === 1
  }

  private again(ms: number, check: () => Promise<void>): void {
    let busy = false
    this.timers.push(
      setInterval(() => {
        if (busy || this.stopped) return
        busy = true
        this.work = this.work
          .then(check)
          .catch((error: unknown) => this.service.context.log.error({ err: error }, 'a check of the Colonies dialect failed'))
          .finally(() => (busy = false))
      }, ms).unref(),
    )
  }
}

/** Those that never called are left alone. @param limit milliseconds; 0: never */
export function isSilent({ status, heardAt }: Pick<Executor, 'status' | 'heardAt'>, now: number, limit: number): boolean {
  return limit > 0 && status === APPROVED && heardAt > 0 && now - heardAt > limit
}
