/**
 * Schedules in memory and what they do by the clock. What to do is decided in firingRules.ts; here it is done. A firing, the
 * move of the schedule to its next moment and the job (or tasks) that it makes are one transaction, so whenever the manager
 * dies, a firing has happened whole or is still due. All that happens to one schedule happens one after the other.
 */
import type { FiringCause } from '../../../shared/schemas/schedule.ts'
import type { NewJob } from '../../../shared/schemas/job.ts'
import { taskPublicId } from '../../../shared/ids.ts'
import { compileTasks } from '../compileTasks.ts'
import type { Core } from '../core.ts'
import { ConflictError, FarmError, InvalidInputError, NotFoundError, UnavailableError } from '../errors.ts'
import type { FarmEngine } from '../farmEngine.ts'
import type { Every } from '../timers.ts'
import { jobNameAt, nextStep, overlapDecision, type Step } from './firingRules.ts'
import type {
  FiringCommit,
  FiringRecord,
  FiringResult,
  PreparedJob,
  ScheduleChanges,
  ScheduleEngine,
  ScheduleInput,
  ScheduleProgress,
  ScheduleRef,
  ScheduleState,
} from './scheduleEngine.ts'
import { checkTrigger, firstFiring, nextFirings } from './trigger.ts'

/** Schedules that are at work at once. */
const AT_WORK = 8
/** How often a schedule with waiting firings looks whether earlier work is finished. */
const WAITING_CHECK_MS = 1_000
/** After an unexpected error a schedule is left alone for this long. */
const TROUBLE_MS = 10_000

/** Turns a template into a job as a submission of that moment would be. @throws what submitting throws */
export type PrepareJob = (job: NewJob, by: { owner: string; origin: ScheduleState['origin'] }) => Promise<PreparedJob>
type Jobs = Pick<FarmEngine, 'submitJob' | 'growJob' | 'findJob' | 'actOnJob' | 'actOnTask'>

/** A firing that is about to be carried out. */
interface Firing {
  /** Row of a firing that waited. */
  id: number | null
  dueAt: number
  cause: FiringCause
}

export class Schedules implements ScheduleEngine {
  private readonly byId = new Map<string, ScheduleState>()
  /** The last thing that was asked of each schedule. */
  private readonly tails = new Map<string, Promise<unknown>>()
  private readonly atWork = new Set<string>()
  /** Schedules with an unexpected error, and those whose waiting firings were looked at: nothing happens before. */
  private readonly quietUntil = new Map<string, number>()
  private readonly waitsUntil = new Map<string, number>()
  private readonly stops: (() => void)[] = []
  private prepare: PrepareJob | undefined
  private stopped = false

  constructor(
    private readonly core: Core,
    private readonly jobs: Jobs,
  ) {}

  async load(): Promise<void> {
    for (const schedule of await this.core.store.loadSchedules()) this.byId.set(schedule.publicId, schedule)
  }

  /** From now on they fire. */
  start(prepare: PrepareJob, every: Every): void {
    this.prepare = prepare
    // Not waited for: one that takes long does not hold up the others.
    this.stops.push(every(200, () => void this.tick()))
    this.stops.push(every(600_000, () => this.core.store.purgeSchedules(this.core.now() - this.core.settings().undoPeriodMs)))
  }

  /** Nothing fires any more; what has begun is carried to its end. */
  async stop(): Promise<void> {
    this.stopped = true
    for (const stop of this.stops.splice(0)) stop()
    await Promise.allSettled(this.tails.values())
  }

  /** Carries out what is due. Resolves when all that it began is done. */
  async tick(): Promise<void> {
    const now = this.core.now()
    const due = [...this.byId.values()]
      .filter((schedule) => this.isDue(schedule, now))
      .sort((a, b) => (a.nextAt ?? now) - (b.nextAt ?? now))
    await Promise.all(due.slice(0, AT_WORK - this.atWork.size).map((schedule) => this.work(schedule)))
  }

  // What people and dialects do --------------------------------------------------------------------------------------

  async create(input: ScheduleInput): Promise<ScheduleState> {
    const now = this.core.now()
    const trigger = checkTrigger(input.trigger, now)
    await this.checkTemplate(input.template)
    const schedule = await this.core.store.insertSchedule({
      publicId: this.core.newId(),
      namespaceId: input.namespaceId ?? 1,
      origin: input.origin,
      clientId: input.clientId ?? null,
      owner: input.owner,
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
    const { trigger: input, template, ...simple } = changes
    if (template) await this.checkTemplate(template)
    return this.edit(ref, (schedule, now) => {
      const trigger = input && checkTrigger(input, now)
      const isNew = trigger !== undefined && JSON.stringify(trigger) !== JSON.stringify(schedule.trigger)
      const next: Partial<ScheduleState> = { ...simple, ...(template && { template }) }
      if (!isNew) return next
      if (schedule.state === 'paused') return { ...next, trigger }
      return { ...next, trigger, state: 'active', nextAt: begin(trigger, now) }
    })
  }

  async delete(ref: ScheduleRef): Promise<void> {
    const schedule = this.need(ref)
    await this.inTurn(schedule, async () => {
      await this.core.store.deleteSchedule(schedule.id, this.core.now())
      this.byId.delete(schedule.publicId)
      this.core.bus.emit({ type: 'schedule', at: this.core.now(), scheduleId: schedule.publicId, deleted: true })
    })
    this.tails.delete(schedule.publicId)
    this.quietUntil.delete(schedule.publicId)
    this.waitsUntil.delete(schedule.publicId)
  }

  pause(ref: ScheduleRef): Promise<ScheduleState> {
    return this.edit(ref, ({ state }) => {
      if (state === 'ended') throw new ConflictError('the schedule has ended: there is nothing to pause')
      return { state: 'paused', nextAt: null }
    })
  }

  resume(ref: ScheduleRef): Promise<ScheduleState> {
    return this.edit(ref, (schedule, now) => {
      if (schedule.state === 'active') return {}
      const nextAt = nextFirings(schedule.trigger, now, 1)[0]
      if (nextAt === undefined) throw new ConflictError('its moment has passed: give it another trigger, or run it now')
      return { state: 'active', nextAt }
    })
  }

  async runNow(ref: ScheduleRef): Promise<FiringResult> {
    const schedule = this.need(ref)
    return this.inTurn(schedule, () => {
      const { state, nextAt } = schedule
      return this.carryOut(schedule, { id: null, dueAt: this.core.now(), cause: 'manual' }, [], { state, nextAt })
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

  /** Everything that one schedule has to do now. Never rejects. */
  private async work(schedule: ScheduleState): Promise<void> {
    this.atWork.add(schedule.publicId)
    try {
      while (!this.stopped && (await this.inTurn(schedule, () => this.step(schedule))));
    } catch (error) {
      // The firing is still due. Most of all this is a database that cannot be written.
      this.core.log.error({ schedule: schedule.publicId, error: String(error) }, 'a schedule could not fire; it is tried again')
      this.quietUntil.set(schedule.publicId, this.core.now() + TROUBLE_MS)
    } finally {
      this.atWork.delete(schedule.publicId)
    }
  }

  /** The next thing that is due. False when there is none. */
  private async step(schedule: ScheduleState): Promise<boolean> {
    if (schedule.state === 'paused' || !this.byId.has(schedule.publicId)) return false
    const step = nextStep(schedule, this.core.now())
    if (step) {
      await this.take(schedule, step)
      return true
    }
    if (schedule.waiting === 0) return false
    this.waitsUntil.set(schedule.publicId, this.core.now() + WAITING_CHECK_MS)
    if ((await this.core.store.loadUnfinished(schedule.id)).length > 0) return false
    const waiting = await this.core.store.loadWaiting(schedule.id)
    if (!waiting) return false
    await this.carryOutOrRecord(schedule, waiting, [], { state: schedule.state, nextAt: schedule.nextAt })
    return true
  }

  private async take(schedule: ScheduleState, { fire, dropped, nextAt }: Step): Promise<void> {
    const stands = { state: nextAt === null ? ('ended' as const) : schedule.state, nextAt }
    const before: FiringRecord[] = dropped ? [this.row({ id: null, cause: 'missed', ...dropped }, 'missed', '', dropped.count)] : []
    if (!fire) return this.record(schedule, before, stands)
    const firing = { id: null, ...fire }
    const unfinished = schedule.overlap === 'allow' ? [] : await this.core.store.loadUnfinished(schedule.id)
    const decision = overlapDecision(schedule.overlap, unfinished.length > 0, schedule.waiting)
    if (decision === 'wait') return this.record(schedule, [...before, this.row(firing, 'waiting', '')], stands)
    if (decision === 'skip') {
      const reason = schedule.overlap === 'skip' ? 'earlier work is not finished' : 'too many firings wait already'
      return this.record(schedule, [...before, this.row(firing, 'skipped', reason)], stands)
    }
    if (decision === 'replace') await this.cancel(schedule, unfinished)
    await this.carryOutOrRecord(schedule, firing, before, stands)
  }

  /** What is wrong with the template is no trouble of the clock: it is recorded, and the next firing tries again. */
  private async carryOutOrRecord(schedule: ScheduleState, firing: Firing, before: FiringRecord[], stands: Stands): Promise<void> {
    try {
      await this.carryOut(schedule, firing, before, stands)
    } catch (error) {
      if (error instanceof UnavailableError) throw error
      if (!(error instanceof FarmError)) this.core.log.error({ schedule: schedule.publicId, error: String(error) }, 'a firing failed')
      const reason = error instanceof Error ? error.message : String(error)
      await this.record(
        schedule,
        [...before, this.row(firing, 'failed', reason)],
        hasLostItsJob(error, schedule) ? { state: 'ended', nextAt: null } : stands,
      )
    }
  }

  private async carryOut(schedule: ScheduleState, firing: Firing, before: FiringRecord[], stands: Stands): Promise<FiringResult> {
    const { template, owner, origin, trigger } = schedule
    const number = schedule.fired + 1
    const progress: ScheduleProgress = { ...stands, lastAt: this.core.now(), fired: number, updatedAt: schedule.updatedAt }
    const row = { ...this.row(firing, template.kind === 'submit' ? 'submitted' : 'grown', ''), number }
    const commit: FiringCommit = { scheduleId: schedule.id, firings: [...before, row], progress, grown: null }
    const result: FiringResult = { outcome: row.outcome, reason: '', jobId: null, tasks: null }
    if (template.kind === 'submit') {
      if (!this.prepare) throw new UnavailableError('the manager is starting')
      const name = jobNameAt(template.job.name, { number, dueAt: firing.dueAt }, trigger)
      const { record, compiled } = await this.prepare({ ...template.job, name }, { owner, origin })
      await this.jobs.submitJob(record, compiled, commit)
      result.jobId = record.publicId
    } else {
      const { timing, companions } = template
      const compiled = {
        ...compileTasks(template.tasks),
        settings: {},
        metadata: {},
        ...(timing && { timing }),
        ...(companions && { companions }),
      }
      const job = await this.jobs.growJob(template.jobId, compiled, commit)
      result.jobId = job.publicId
      result.tasks = commit.grown
    }
    this.apply(schedule, commit.firings, progress)
    return result
  }

  /** Firings that do nothing. */
  private async record(schedule: ScheduleState, firings: FiringRecord[], stands: Stands): Promise<void> {
    const progress = { ...stands, lastAt: schedule.lastAt, fired: schedule.fired, updatedAt: schedule.updatedAt }
    await this.core.store.commitFirings({ scheduleId: schedule.id, firings, progress, grown: null })
    this.apply(schedule, firings, progress)
  }

  /** Memory follows the disk. */
  private apply(schedule: ScheduleState, firings: FiringRecord[], progress: ScheduleProgress): void {
    for (const { id, outcome } of firings) {
      if (outcome === 'waiting') schedule.waiting += 1
      else if (id !== null) schedule.waiting -= 1
    }
    Object.assign(schedule, progress)
    this.announce(schedule)
  }

  private async cancel(schedule: ScheduleState, unfinished: { jobId: string; task: number | null }[]): Promise<void> {
    const actor = `schedule "${schedule.name}"`
    for (const { jobId, task } of unfinished) {
      const act =
        task === null ? this.jobs.actOnJob(jobId, 'cancel', actor) : this.jobs.actOnTask(taskPublicId(jobId, task), 'cancel', actor)
      // It may have come to its end by itself just now.
      await act.catch((error: unknown) => {
        if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error
      })
    }
  }

  private row({ id, dueAt, cause }: Firing, outcome: FiringRecord['outcome'], reason: string, count = 1): FiringRecord {
    return { id, number: null, dueAt, firedAt: this.core.now(), cause, outcome, reason, count }
  }

  // ------------------------------------------------------------------------------------------------------------------

  private async edit(
    ref: ScheduleRef,
    changesOf: (schedule: ScheduleState, now: number) => Partial<ScheduleState>,
  ): Promise<ScheduleState> {
    const schedule = this.need(ref)
    return this.inTurn(schedule, async () => {
      const changed = { ...schedule, ...changesOf(schedule, this.core.now()), updatedAt: this.core.now() }
      await this.core.store.saveSchedule(changed)
      Object.assign(schedule, changed)
      this.announce(schedule)
      return schedule
    })
  }

  private async checkTemplate(template: ScheduleState['template']): Promise<void> {
    if (template.kind === 'submit') return
    if (template.tasks.length === 0) throw new InvalidInputError('/template/tasks', 'there is no task to add')
    const job = await this.jobs.findJob(template.jobId)
    if (!job || job.deletedAt !== null)
      throw new InvalidInputError('/template/jobId', `there is no job "${template.jobId}" to add tasks to`)
  }

  private need(ref: ScheduleRef): ScheduleState {
    const schedule = this.find(ref)
    if (!schedule) throw new NotFoundError('schedule', 'publicId' in ref ? ref.publicId : ref.clientId)
    return schedule
  }

  /** Runs after everything that was asked of this schedule before. @throws NotFoundError when it was deleted by then */
  private inTurn<T>(schedule: ScheduleState, run: () => Promise<T>): Promise<T> {
    const before = this.tails.get(schedule.publicId) ?? Promise.resolve()
    const result = before.then(() => {
      if (!this.byId.has(schedule.publicId)) throw new NotFoundError('schedule', schedule.publicId)
      return run()
    })
    this.tails.set(
      schedule.publicId,
      result.catch(() => undefined),
    )
    return result
  }

  private announce(schedule: ScheduleState): void {
    this.core.bus.emit({ type: 'schedule', at: this.core.now(), scheduleId: schedule.publicId, deleted: false })
  }
}

type Stands = Pick<ScheduleProgress, 'state' | 'nextAt'>

/** A moment that has passed is now. */
function begin(trigger: ScheduleState['trigger'], now: number): number | null {
  const first = firstFiring(trigger, now)
  return first === null ? null : Math.max(first, now)
}

/** The job that it adds tasks to is gone for good. */
function hasLostItsJob(error: unknown, { template }: ScheduleState): boolean {
  return error instanceof NotFoundError && template.kind === 'grow'
}
