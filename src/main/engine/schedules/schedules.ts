/**
 * Schedules in memory: what people and dialects do to them, and when each is due (firings.ts carries it out). Operations
 * on one schedule run one after the other.
 */
import { Sequencer } from '../../../shared/async.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, InvalidInputError, NotFoundError } from '../base/errors.ts'
import type { JobOwnership } from '../base/farmRecords.ts'
import type { Every } from '../timers.ts'
import { nextAfterStep, nextStep } from '../rules/schedules/firingRules.ts'
import type { FiringResult, ScheduleChanges, ScheduleEngine, ScheduleInput, ScheduleRef, ScheduleState } from '../base/scheduleEngine.ts'
import { Firings, type PrepareJob, type ScheduledWork } from './firings.ts'
import { checkTrigger, firstFiring, nextFirings } from '../rules/schedules/trigger.ts'

/** Most schedules that work at the same time. */
const AT_WORK = 8
/** How often a schedule with waiting firings checks whether earlier work is finished. */
const WAITING_CHECK_MS = 1_000
/** Pause of a schedule after an unexpected error. */
const TROUBLE_MS = 10_000

export class Schedules implements ScheduleEngine {
  private readonly byId = new Map<string, ScheduleState>()
  /** Operations on each schedule, by its public id. */
  private readonly turns = new Sequencer()
  private readonly atWork = new Set<string>()
  /** Schedules with an unexpected error, and those whose waiting firings were just checked: paused until this time. */
  private readonly quietUntil = new Map<string, number>()
  private readonly waitsUntil = new Map<string, number>()
  private readonly stops: (() => void)[] = []
  private readonly firings: Firings
  private stopped = false

  constructor(
    private readonly core: Core,
    private readonly jobs: ScheduledWork,
  ) {
    this.firings = new Firings(core, jobs, (schedule) => this.announce(schedule))
  }

  async load(): Promise<void> {
    for (const schedule of await this.core.store.schedules.load()) this.byId.set(schedule.publicId, schedule)
    // The clock may have been set back while no manager was running.
    this.clockJumped()
  }

  /**
   * The clock was set: no schedule waits for a moment that was only close in the old time. Past ones are due or missed
   * as after a pause.
   */
  clockJumped(): void {
    const now = this.core.now()
    this.quietUntil.clear()
    this.waitsUntil.clear()
    for (const schedule of this.byId.values()) {
      if (schedule.nextAt === null || schedule.state !== 'active') continue
      const nextAt = nextAfterStep(schedule.trigger, schedule.nextAt, now)
      if (nextAt === schedule.nextAt) continue
      this.core.log.warn(
        { schedule: schedule.name, was: new Date(schedule.nextAt).toISOString(), nextAt: new Date(nextAt).toISOString() },
        'the clock was set back: the schedule fires by the new time',
      )
      // Not written on its own: the next start computes the same.
      schedule.nextAt = nextAt
      this.announce(schedule)
    }
  }

  /** Starts firing. */
  start(prepare: PrepareJob, every: Every): void {
    this.firings.prepare = prepare
    // Not awaited: a slow one does not delay the others.
    this.stops.push(every(200, () => void this.tick()))
    this.stops.push(every(600_000, () => this.core.store.schedules.purge(this.core.now() - this.core.settings().undoPeriodMs)))
  }

  /** Stops firing; firings that have started are completed. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const stop of this.stops.splice(0)) stop()
    await this.turns.settled()
  }

  /** Carries out what is due. Resolves when everything it started is done. */
  async tick(): Promise<void> {
    const now = this.core.now()
    const due = [...this.byId.values()]
      .filter((schedule) => this.isDue(schedule, now))
      .sort((a, b) => (a.nextAt ?? now) - (b.nextAt ?? now))
    await Promise.all(due.slice(0, AT_WORK - this.atWork.size).map((schedule) => this.work(schedule)))
  }

  // Operations of people and dialects --------------------------------------------------------------------------------

  async create(input: ScheduleInput): Promise<ScheduleState> {
    const now = this.core.now()
    const trigger = checkTrigger(input.trigger, now)
    await this.checkTemplate(input.template)
    const schedule = await this.core.store.schedules.insert({
      publicId: this.core.newId(),
      namespaceId: input.namespaceId ?? 1,
      origin: input.origin,
      clientId: input.clientId ?? null,
      owner: input.owner,
      ownerId: input.ownerId,
      adminRights: input.adminRights,
      holdReason: '',
      name: input.name,
      state: input.paused ? 'paused' : 'active',
      trigger,
      template: input.template,
      missed: input.missed ?? 'once',
      missedLimit: input.missedLimit ?? 10,
      overlap: input.overlap ?? 'allow',
      nextAt: input.paused ? null : begin(trigger, now),
      lastAt: null,
      fired: 0,
      waiting: 0,
      createdAt: now,
      updatedAt: now,
    })
    this.byId.set(schedule.publicId, schedule)
    this.announce(schedule)
    return schedule
  }

  async change(ref: ScheduleRef, changes: ScheduleChanges): Promise<ScheduleState> {
    const { trigger: input, template, adminRights = true, ...simple } = changes
    if (template) await this.checkTemplate(template)
    return this.edit(ref, (schedule, now) => {
      const trigger = input && checkTrigger(input, now)
      const isNew = trigger !== undefined && JSON.stringify(trigger) !== JSON.stringify(schedule.trigger)
      const next: Partial<ScheduleState> = {
        ...simple,
        ...(template && { template, adminRights: schedule.adminRights && adminRights }),
      }
      if (!isNew) return next
      if (schedule.state === 'paused') return { ...next, trigger }
      return { ...next, trigger, state: 'active', nextAt: begin(trigger, now) }
    })
  }

  async delete(ref: ScheduleRef): Promise<void> {
    const schedule = this.need(ref)
    await this.inTurn(schedule, async () => {
      await this.core.store.schedules.delete(schedule.id, this.core.now())
      this.byId.delete(schedule.publicId)
      this.core.bus.emit({ type: 'schedule', at: this.core.now(), scheduleId: schedule.publicId, deleted: true })
    })
    this.quietUntil.delete(schedule.publicId)
    this.waitsUntil.delete(schedule.publicId)
  }

  pause(ref: ScheduleRef): Promise<ScheduleState> {
    return this.edit(ref, ({ state }) => {
      if (state === 'ended') throw new ConflictError('the schedule has ended and cannot be paused')
      return { state: 'paused', nextAt: null, holdReason: '' }
    })
  }

  resume(ref: ScheduleRef, heir?: JobOwnership): Promise<ScheduleState> {
    return this.edit(ref, (schedule, now) => {
      if (schedule.state === 'active') return {}
      // A moment that passed while the farm held it back is made up for.
      const heldBack = schedule.holdReason !== '' && schedule.trigger.kind === 'at' ? now : undefined
      const nextAt = nextFirings(schedule.trigger, now, 1)[0] ?? heldBack
      if (nextAt === undefined) throw new ConflictError('its time has passed: set another trigger, or run it now')
      const { gone } = this.firings.rightsOf(schedule)
      const inherited = gone !== null && heir !== undefined ? inheritance(schedule, heir) : {}
      return { ...inherited, state: 'active', nextAt, holdReason: '' }
    })
  }

  async runNow(ref: ScheduleRef): Promise<FiringResult> {
    const schedule = this.need(ref)
    return this.inTurn(schedule, () => {
      const { state, nextAt } = schedule
      const { gone } = this.firings.rightsOf(schedule)
      if (gone !== null) throw new ConflictError(`${gone}: resume the schedule to take it over`)
      return this.firings.carryOut(schedule, { id: null, dueAt: this.core.now(), cause: 'manual' }, [], { state, nextAt })
    })
  }

  find(ref: ScheduleRef): ScheduleState | undefined {
    if ('publicId' in ref) return this.byId.get(ref.publicId.toLowerCase())
    const { origin, clientId, namespaceId = 1 } = ref
    for (const schedule of this.byId.values()) {
      if (schedule.clientId === clientId && schedule.origin === origin && schedule.namespaceId === namespaceId) return schedule
    }
    return undefined
  }

  list(): ScheduleState[] {
    return [...this.byId.values()]
  }

  next(ref: ScheduleRef, count: number): number[] {
    const { state, nextAt, trigger } = this.need(ref)
    if (state !== 'active' || nextAt === null) return []
    return [nextAt, ...nextFirings(trigger, nextAt, count - 1)].slice(0, count)
  }

  // Firing -----------------------------------------------------------------------------------------------------------

  private isDue(schedule: ScheduleState, now: number): boolean {
    if (schedule.state === 'paused' || this.atWork.has(schedule.publicId) || this.stopped) return false
    const quietUntil = this.quietUntil.get(schedule.publicId) ?? 0
    if (schedule.nextAt !== null && schedule.nextAt <= now) return quietUntil <= now
    return schedule.waiting > 0 && Math.max(quietUntil, this.waitsUntil.get(schedule.publicId) ?? 0) <= now
  }

  /** Carries out everything that is due for one schedule. Never rejects. */
  private async work(schedule: ScheduleState): Promise<void> {
    this.atWork.add(schedule.publicId)
    try {
      while (!this.stopped && (await this.inTurn(schedule, () => this.step(schedule))));
    } catch (error) {
      // The firing is still due. The usual cause is a database that cannot be written.
      this.core.log.error({ schedule: schedule.publicId, error: String(error) }, 'a schedule cannot fire; retrying')
      this.quietUntil.set(schedule.publicId, this.core.now() + TROUBLE_MS)
    } finally {
      this.atWork.delete(schedule.publicId)
    }
  }

  /** Carries out the next due step. False when there is none. */
  private async step(schedule: ScheduleState): Promise<boolean> {
    if (schedule.state === 'paused' || !this.byId.has(schedule.publicId)) return false
    const { gone } = this.firings.rightsOf(schedule)
    if (gone !== null) {
      await this.firings.hold(schedule, gone)
      return false
    }
    const step = nextStep(schedule, this.core.now())
    if (step) {
      await this.firings.take(schedule, step)
      return true
    }
    if (schedule.waiting === 0) return false
    this.waitsUntil.set(schedule.publicId, this.core.now() + WAITING_CHECK_MS)
    return this.firings.takeWaiting(schedule)
  }

  // ------------------------------------------------------------------------------------------------------------------

  private async edit(
    ref: ScheduleRef,
    changesOf: (schedule: ScheduleState, now: number) => Partial<ScheduleState>,
  ): Promise<ScheduleState> {
    const schedule = this.need(ref)
    return this.inTurn(schedule, async () => {
      const changed = { ...schedule, ...changesOf(schedule, this.core.now()), updatedAt: this.core.now() }
      await this.core.store.schedules.save(changed)
      Object.assign(schedule, changed)
      this.announce(schedule)
      return schedule
    })
  }

  private async checkTemplate(template: ScheduleState['template']): Promise<void> {
    if (template.kind === 'submit') return
    if (template.tasks.length === 0) throw new InvalidInputError('/template/tasks', 'no task to add')
    const job = await this.jobs.jobs.find(template.jobId)
    if (!job || job.deletedAt !== null) throw new InvalidInputError('/template/jobId', `job "${template.jobId}" to add tasks to not found`)
  }

  private need(ref: ScheduleRef): ScheduleState {
    const schedule = this.find(ref)
    if (!schedule) throw new NotFoundError('schedule', 'publicId' in ref ? ref.publicId : ref.clientId)
    return schedule
  }

  /** Runs after all earlier operations on this schedule. @throws NotFoundError when it was deleted by then */
  private inTurn<T>(schedule: ScheduleState, run: () => Promise<T>): Promise<T> {
    return this.turns.run(schedule.publicId, () => {
      if (!this.byId.has(schedule.publicId)) throw new NotFoundError('schedule', schedule.publicId)
      return run()
    })
  }

  private announce(schedule: ScheduleState): void {
    this.core.bus.emit({ type: 'schedule', at: this.core.now(), scheduleId: schedule.publicId, deleted: false })
  }
}

/** Transfers a schedule whose owner is gone: the lower of both rights stays. */
function inheritance(schedule: ScheduleState, heir: JobOwnership): Partial<ScheduleState> {
  return { owner: heir.owner, ownerId: heir.ownerId, adminRights: schedule.adminRights && heir.adminRights }
}

/** A moment in the past becomes now. */
function begin(trigger: ScheduleState['trigger'], now: number): number | null {
  const first = firstFiring(trigger, now)
  return first === null ? null : Math.max(first, now)
}
