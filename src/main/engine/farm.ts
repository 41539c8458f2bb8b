/** The farm: assembles the engine's parts, starts and stops them, and is what dialects see of the engine (farmEngine.ts). */
import type { FarmStatus } from '../../shared/enums.ts'
import type { EventOf, EventType, FramehouseEvent } from '../../shared/events.ts'
import { Bus } from './base/bus.ts'
import type { Core } from './base/core.ts'
import { UnavailableError } from './base/errors.ts'
import type { FarmEngine } from './base/farmEngine.ts'
import { HandOuts } from './base/handOut.ts'
import type { PurgeableJob } from './base/ports.ts'
import type { ClockJump } from './base/watchedClock.ts'
import type { JobHooks } from './jobs/jobActions.ts'
import { assemble, type EngineParts } from './parts.ts'
import { rebuild } from './rebuild.ts'
import { farmStatusOf } from './rules/farmStatus.ts'
import { Schedules } from './schedules/schedules.ts'
import { Timers, type Every } from './timers.ts'

export interface FarmOptions extends Omit<Core, 'bus' | 'handOuts'>, Omit<JobHooks, 'jobsChanged'> {
  every: Every
  onPurge(job: Omit<PurgeableJob, 'id'>): Promise<void>
  /** A worker runs twice: the second one was refused. */
  onClone?(worker: { id: string; name: string; address: string }): void
}

export class Farm implements FarmEngine {
  readonly jobs: FarmEngine['jobs']
  readonly tasks: FarmEngine['tasks']
  readonly workers: FarmEngine['workers']
  readonly tags: FarmEngine['tags']
  readonly limits: FarmEngine['limits']
  readonly warmApps: FarmEngine['warmApps']
  readonly results: FarmEngine['results']
  readonly native: FarmEngine['native']
  readonly foreign: FarmEngine['foreign']
  readonly external: FarmEngine['external']
  readonly schedules: Schedules
  readonly timers: Timers
  private readonly core: Core
  /** What it is made of. Dialects see FarmEngine only. */
  readonly parts: EngineParts
  private current: FarmStatus = 'starting'
  private broken = false

  private constructor(options: FarmOptions) {
    this.core = { ...options, bus: new Bus(options.log), handOuts: new HandOuts() }
    this.parts = assemble(this.core, {
      statusMayChange: () => this.noteFarmStatus(),
      jobChanged: () => {
        this.noteFarmStatus()
        this.nudgeHolders()
      },
      ...(options.onClone && { onClone: options.onClone }),
      ...(options.onSubmitted && { onSubmitted: options.onSubmitted }),
      ...(options.onRequeued && { onRequeued: options.onRequeued }),
    })
    const { core, parts } = this
    this.jobs = parts.jobs
    this.tasks = parts.tasks
    this.workers = parts.workers
    this.tags = parts.tags
    this.limits = parts.limits
    this.warmApps = parts.sessions
    this.results = parts.results
    this.native = parts.native
    this.foreign = parts.foreign
    this.external = parts.external
    this.timers = new Timers(core, { ...parts, onPurge: options.onPurge })
    this.schedules = new Schedules(core, this)
    options.onClockJump?.((jump) => this.clockJumped(jump))
  }

  /** Rebuilds the hot state from the database and starts the clock. */
  static async start(options: FarmOptions): Promise<Farm> {
    const farm = new Farm(options)
    await rebuild(farm.core, farm.parts)
    farm.noteFarmStatus()
    await farm.core.store.durable()
    farm.core.bus.emit({ type: 'lifecycle', at: farm.core.now(), phase: 'startup' })
    await farm.schedules.load()
    farm.watchWorkers()
    farm.timers.start(options.every)
    return farm
  }

  /** Releases all waiting calls and stops the clock. The store is closed by its owner. */
  async stop(): Promise<void> {
    this.timers.stop()
    await this.schedules.stop()
    this.parts.requests.stop()
    this.parts.dispatcher.nudgeAll()
    this.core.bus.emit({ type: 'lifecycle', at: this.core.now(), phase: 'shutdown' })
    try {
      this.parts.roster.saveSightings()
      await this.core.store.durable()
    } catch (error) {
      // These changes were never acknowledged.
      if (!(error instanceof UnavailableError)) throw error
      this.core.log.error({ error: error.message }, 'stopping; changes that were not acknowledged are lost')
    }
  }

  /** The manager itself has a fault, or no longer has one. */
  setBroken(broken: boolean): void {
    this.broken = broken
    this.noteFarmStatus()
  }

  /** The disk accepts new work again. */
  roomAgain(): void {
    this.parts.dispatcher.wake()
    this.noteFarmStatus()
  }

  /** Variables or other settings changed. */
  settingsChanged(): void {
    this.parts.assignments.forgetExpanders()
    // Held tasks were described with the old settings.
    for (const reservation of this.parts.leases.reservations.all()) this.parts.leases.reservations.recall(reservation, this.core.now())
  }

  /** The clock was set, or the program was suspended: running durations skip the jump. Called in the reading that detects it. */
  private clockJumped(jump: ClockJump): void {
    const { steppedMs, stoppedMs } = jump
    this.core.log.warn(
      { ...(steppedMs !== 0 && { clockMovedMs: steppedMs }), ...(stoppedMs > 0 && { stoodStillMs: stoppedMs }) },
      steppedMs !== 0
        ? 'the clock of this computer was set, or the computer was suspended: the time between does not count against workers'
        : 'the manager was suspended: the time between does not count against workers',
    )
    this.timers.clockJumped(jump)
    this.parts.roster.clockJumped(jump)
    this.parts.machines.clockJumped()
    this.parts.book.clockJumped(jump)
    this.schedules.clockJumped()
  }

  /** Open applications and open requests disappear with their worker. */
  private watchWorkers(): void {
    this.core.bus.on('worker', ({ workerId, status }) => {
      const worker = status === 'offline' || status === 'error' ? this.parts.roster.find(workerId) : undefined
      if (!worker) return
      this.parts.sessions.closeAll(worker.id, `the worker is ${status}`)
      this.parts.requests.drop(worker)
    })
  }

  /** A job's status changed: notifies workers with applications that it no longer needs. */
  private nudgeHolders(): void {
    if (this.parts.sessions.isEmpty) return
    for (const workerKey of this.parts.sessions.holders())
      if (this.parts.sessions.toClose(workerKey).length > 0) this.parts.dispatcher.nudge(workerKey)
  }

  status(): FarmStatus {
    return this.current
  }

  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void {
    return this.core.bus.on(type, listener)
  }

  onAny(listener: (event: FramehouseEvent) => void): () => void {
    return this.core.bus.onAny(listener)
  }

  private noteFarmStatus(): void {
    const workers = this.parts.roster.all().map((worker) => worker.status)
    const status = this.broken ? 'inoperative' : farmStatusOf(workers, this.parts.book.statuses())
    if (status === this.current) return
    this.current = status
    const event = { type: 'farm' as const, at: this.core.now(), status }
    // The fault may be in the database.
    if (this.broken) this.core.bus.emit(event)
    else this.core.store.afterCommit(() => this.core.bus.emit(event))
  }
}
