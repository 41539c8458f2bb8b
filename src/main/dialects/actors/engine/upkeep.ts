/** What happens by the clock: schedules of actors, idle workers, old executions, logs and results. And what the farm says. */
import type { ApiContext } from '../../../http/context.ts'
import type { Actor } from '../model/actor.ts'
import type { Registry } from '../model/registry.ts'
import { ActorsSettings } from '../settings.ts'
import * as old from '../store/upkeep.ts'
import { hourOf, readCron, runAfter, runAtOrAfter } from '../values/cron.ts'
import { wireTime } from '../values/times.ts'
import type { Events } from './events.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { Mailbox } from './mailbox.ts'
import type { ActorWorkers } from './workers.ts'

const SWEEP_MS = 5_000
const CRON_MS = 20_000
const CLEAN_MS = 60_000
/** How long an execution stays after its end in any case. */
const SETTLE_MS = 600_000
/** For one actor in one round. */
const MAX_SLICES = 50
const RESULTS_KEPT_MS = 1_200_000
const DAY_MS = 86_400_000

export interface UpkeepParts {
  context: ApiContext
  registry: Registry
  mailbox: Mailbox
  lifecycle: Lifecycle
  workers: ActorWorkers
  events: Events
}

export class Upkeep {
  private readonly stops: (() => void)[] = []
  private readonly running = new Set<Promise<void>>()

  constructor(private readonly parts: UpkeepParts) {}

  start(): void {
    const { context, registry, lifecycle, events } = this.parts
    this.every(SWEEP_MS, async () => {
      const { workers, mailbox } = this.parts
      for (const actor of await workers.sweep()) await mailbox.fit(actor, workers.count(actor))
    })
    this.every(CRON_MS, () => this.runSchedules())
    this.every(CLEAN_MS, () => this.clean())
    lifecycle.onStatus = (actor) => {
      const type = actor.status === 'READY' ? 'ACTOR_READY' : 'ACTOR_ERROR'
      this.follow(events.publish(actor, type, { status_message: actor.statusMessage }).then((entries) => this.enter(entries)))
    }
    this.stops.push(
      context.farm.on('job', ({ jobId, deleted, status, previousStatus }) => {
        const actor = registry.ofJob(jobId)
        if (deleted) return registry.forget(jobId)
        // A person resumed what had failed.
        if (actor?.status === 'ERROR' && previousStatus === 'paused' && (status === 'queued' || status === 'active'))
          this.follow(lifecycle.becomeReady(actor, actor.revision))
        // A deleted job came back, and its actor with it.
        if (!actor && previousStatus === null) this.follow(this.comeBack(jobId))
      }),
    )
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0)) stop()
    await Promise.all(this.running)
  }

  /** Runs what is due; a schedule that is off moves on all the same. */
  async runSchedules(): Promise<void> {
    const { context, registry, mailbox } = this.parts
    const now = context.now()
    for (const actor of [...registry.all()]) {
      const { cronSchedule, cronOn } = actor.spec
      if (cronSchedule === null || actor.cronNext === null || actor.cronNext > now || actor.status === 'SHUTTING_DOWN') continue
      // What was missed while the manager was down is run once.
      const cron = readCron(cronSchedule, actor.createdAt)
      const due = runAtOrAfter(cron, actor.cronNext, hourOf(now))
      const runsNow = due <= now
      await registry.change(actor, { cronNext: runsNow ? runAfter(cron, due) : due })
      if (!cronOn) continue
      await mailbox.send(actor, {
        executor: 'cron',
        type: 'str',
        text: 'This is your cron execution',
        variables: { Time_msg_queued: wireTime(now) },
      })
    }
  }

  /** Drops what is kept no longer. */
  async clean(): Promise<void> {
    const { context, registry } = this.parts
    const { actorsKeepDays, actorsKeepCount, actorsLogMs, actorsLogLimitMs } = context.settings.of(ActorsSettings)
    const now = context.now()
    const { read, writer, farm } = context
    // What ended this moment may still get its last lines.
    const settled = now - SETTLE_MS
    await writer.exclusive((tx) => old.dropResults(tx, now - RESULTS_KEPT_MS))
    for (const actor of [...registry.all()]) {
      const logMs = logTime(actor, actorsLogMs, actorsLogLimitMs)
      if (logMs > 0) await writer.exclusive((tx) => old.expireLogs(tx, actor.key, now - logMs))
      await this.inSlices(
        () => old.expiredLogs(read, actor.key, settled),
        async (tasks) => {
          await farm.tasks.drop(actor.jobId, tasks, 'logs')
          await writer.exclusive((tx) => old.noteLogsDropped(tx, tasks))
        },
      )
      const drop = (tasks: readonly number[]) => farm.tasks.drop(actor.jobId, tasks, 'tasks')
      const oldest = Math.min(settled, now - actorsKeepDays * DAY_MS)
      if (actorsKeepDays > 0) await this.inSlices(() => old.oldExecutions(read, actor.key, oldest), drop)
      if (actorsKeepCount > 0) await this.inSlices(() => old.surplusExecutions(read, actor.key, actorsKeepCount, settled), drop)
    }
  }

  /** Until nothing is found, or what was found stays; others get their turn in between. */
  private async inSlices(find: () => Promise<number[]>, drop: (tasks: readonly number[]) => Promise<void>): Promise<void> {
    let before = -1
    for (let slices = 0; slices < MAX_SLICES; slices++) {
      const tasks = await find()
      if (tasks.length === 0 || tasks[0] === before) return
      before = tasks[0] ?? -1
      await drop(tasks)
    }
  }

  private async comeBack(jobId: string): Promise<void> {
    if (await old.hasActor(this.parts.context.read, jobId)) await this.parts.registry.adopt(jobId)
  }

  private async enter(entries: Awaited<ReturnType<Events['publish']>>): Promise<void> {
    const { context } = this.parts
    if (entries.length === 0) return
    await context.writer.exclusive((tx) => old.enter(tx, entries, context.now()))
    context.notifier.wake()
  }

  private every(ms: number, check: () => Promise<void>): void {
    let busy = false
    const timer = setInterval(() => {
      if (busy) return
      busy = true
      this.follow(check().finally(() => (busy = false)))
    }, ms)
    timer.unref()
    this.stops.push(() => clearInterval(timer))
  }

  private follow(work: Promise<void>): void {
    const { log } = this.parts.context
    const followed = work
      .catch((error: unknown) => log.error({ err: error }, 'the upkeep of actors failed'))
      .finally(() => this.running.delete(followed))
    this.running.add(followed)
  }
}

/** How long an actor's logs are kept; 0: forever. */
function logTime(actor: Actor, usual: number, most: number): number {
  const { logEx } = actor.spec
  const wanted = logEx === null ? usual : logEx < 0 ? 0 : logEx * 1_000
  if (logEx === null || most === 0) return wanted
  return wanted === 0 ? most : Math.min(wanted, most)
}
