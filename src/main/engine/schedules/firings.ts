/**
 * Carries out the firings of schedules. firingRules.ts decides what to do; this file does it. A firing, the progress of
 * the schedule to its next firing and the job (or tasks) that it creates are one transaction, so whenever the manager
 * dies, a firing is either complete or still due.
 */
import { taskPublicId } from '../../../shared/ids.ts'
import type { NewJob } from '../../../shared/schemas/jobs/job.ts'
import type { FiringCause } from '../../../shared/schemas/schedule.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, FarmError, NotFoundError, UnavailableError } from '../base/errors.ts'
import type { FarmEngine } from '../base/farmEngine.ts'
import type { JobOwnership } from '../base/farmRecords.ts'
import type { FiringCommit, FiringRecord, FiringResult, PreparedJob, ScheduleProgress, ScheduleState } from '../base/scheduleEngine.ts'
import { compileTasks } from '../compile/compileTasks.ts'
import { jobNameAt, overlapDecision, type Step } from '../rules/schedules/firingRules.ts'

/** Turns a template into a job as a submission at that time would. @throws what submitting throws */
export type PrepareJob = (job: NewJob, by: JobOwnership & { origin: ScheduleState['origin'] }) => Promise<PreparedJob>
/** What firings do to jobs. */
export type ScheduledWork = Pick<FarmEngine, 'jobs' | 'tasks'>

/** A firing that is about to be carried out. */
interface Firing {
  /** Row of a firing that waited. */
  id: number | null
  dueAt: number
  cause: FiringCause
}

type Stands = Pick<ScheduleProgress, 'state' | 'nextAt'>

export class Firings {
  /** Missing while the manager starts. */
  prepare: PrepareJob | undefined

  constructor(
    private readonly core: Core,
    private readonly jobs: ScheduledWork,
    /** A schedule changed. */
    private readonly announce: (schedule: ScheduleState) => void,
  ) {}

  /** Carries out a step that is due, or records why not. */
  async take(schedule: ScheduleState, { fire, dropped, nextAt }: Step): Promise<void> {
    const stands = { state: nextAt === null ? ('ended' as const) : schedule.state, nextAt }
    const before: FiringRecord[] = dropped ? [this.row({ id: null, cause: 'missed', ...dropped }, 'missed', '', dropped.count)] : []
    if (!fire) return this.record(schedule, before, stands)
    const firing = { id: null, ...fire }
    const unfinished = schedule.overlap === 'allow' ? [] : await this.core.store.schedules.loadUnfinished(schedule.id)
    const decision = overlapDecision(schedule.overlap, unfinished.length > 0, schedule.waiting)
    if (decision === 'wait') return this.record(schedule, [...before, this.row(firing, 'waiting', '')], stands)
    if (decision === 'skip') {
      const reason = schedule.overlap === 'skip' ? 'earlier work is not finished' : 'too many firings are already waiting'
      return this.record(schedule, [...before, this.row(firing, 'skipped', reason)], stands)
    }
    if (decision === 'replace') await this.cancel(schedule, unfinished)
    await this.carryOutOrRecord(schedule, firing, before, stands)
  }

  /** An error of the template is not a failure of the scheduler: it is recorded, and the next firing tries again. */
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

  async carryOut(schedule: ScheduleState, firing: Firing, before: FiringRecord[], stands: Stands): Promise<FiringResult> {
    const { template, owner, ownerId, origin, trigger } = schedule
    // With its owner's current rights, and never more than when it was created.
    const adminRights = schedule.adminRights && this.rightsOf(schedule).adminRights
    const number = schedule.fired + 1
    const progress: ScheduleProgress = { ...stands, lastAt: this.core.now(), fired: number, updatedAt: schedule.updatedAt }
    const row = { ...this.row(firing, template.kind === 'submit' ? 'submitted' : 'grown', ''), number }
    const commit: FiringCommit = { scheduleId: schedule.id, firings: [...before, row], progress, grown: null }
    const result: FiringResult = { outcome: row.outcome, reason: '', jobId: null, tasks: null }
    if (template.kind === 'submit') {
      if (!this.prepare) throw new UnavailableError('the manager is starting')
      const name = jobNameAt(template.job.name, { number, dueAt: firing.dueAt }, trigger)
      const { record, compiled } = await this.prepare({ ...template.job, name }, { owner, ownerId, adminRights, submittedWith: '', origin })
      await this.jobs.jobs.submit(record, compiled, commit)
      result.jobId = record.publicId
    } else {
      const { timing, sideRows } = template
      if (!adminRights) await this.jobs.jobs.dropAdminRights(template.jobId)
      const compiled = {
        ...compileTasks(template.tasks),
        settings: {},
        metadata: {},
        ...(timing && { timing }),
        ...(sideRows && { sideRows }),
      }
      const job = await this.jobs.jobs.grow(template.jobId, compiled, commit)
      result.jobId = job.publicId
      result.tasks = commit.grown
    }
    this.apply(schedule, commit.firings, progress)
    return result
  }

  /** Firings that do nothing. */
  private async record(schedule: ScheduleState, firings: FiringRecord[], stands: Stands): Promise<void> {
    const progress = { ...stands, lastAt: schedule.lastAt, fired: schedule.fired, updatedAt: schedule.updatedAt }
    await this.core.store.schedules.commitFirings({ scheduleId: schedule.id, firings, progress, grown: null })
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

  /** Carries out the oldest firing that waits, when earlier work is finished. False when there is nothing to do. */
  async takeWaiting(schedule: ScheduleState): Promise<boolean> {
    if ((await this.core.store.schedules.loadUnfinished(schedule.id)).length > 0) return false
    const waiting = await this.core.store.schedules.loadWaiting(schedule.id)
    if (!waiting) return false
    await this.carryOutOrRecord(schedule, waiting, [], { state: schedule.state, nextAt: schedule.nextAt })
    return true
  }

  /** Its owner is gone: it waits for a person. Must be called in sequence. */
  async hold(schedule: ScheduleState, reason: string): Promise<void> {
    if (schedule.state === 'ended') {
      // Nothing is left to resume: a firing that waited for earlier work fails.
      const waiting = await this.core.store.schedules.loadWaiting(schedule.id)
      if (waiting) await this.record(schedule, [this.row(waiting, 'failed', reason)], { state: 'ended', nextAt: null })
      return
    }
    const held = { ...schedule, state: 'paused' as const, nextAt: null, holdReason: reason, updatedAt: this.core.now() }
    await this.core.store.schedules.save(held)
    Object.assign(schedule, held)
    this.core.log.warn({ schedule: schedule.publicId, owner: schedule.owner, reason }, 'a schedule was paused because its owner is gone')
    this.announce(schedule)
  }

  /** What its owner may do now, and why they can no longer submit. */
  rightsOf({ ownerId, adminRights }: ScheduleState): { gone: string | null; adminRights: boolean } {
    return this.core.ownerRights?.(ownerId) ?? { gone: null, adminRights }
  }

  private async cancel(schedule: ScheduleState, unfinished: { jobId: string; task: number | null }[]): Promise<void> {
    const actor = `schedule "${schedule.name}"`
    for (const { jobId, task } of unfinished) {
      const act =
        task === null ? this.jobs.jobs.act(jobId, 'cancel', actor) : this.jobs.tasks.act(taskPublicId(jobId, task), 'cancel', actor)
      // It may just have ended on its own.
      await act.catch((error: unknown) => {
        if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error
      })
    }
  }

  private row({ id, dueAt, cause }: Firing, outcome: FiringRecord['outcome'], reason: string, count = 1): FiringRecord {
    return { id, number: null, dueAt, firedAt: this.core.now(), cause, outcome, reason, count }
  }
}

/** The job that it adds tasks to is permanently gone. */
function hasLostItsJob(error: unknown, { template }: ScheduleState): boolean {
  return error instanceof NotFoundError && template.kind === 'grow'
}
