/** What people and clients do to jobs: submit, pause, cancel, requeue, delete, change. */
import { Value } from 'typebox/value'
import { Policy } from '../../../shared/policy.ts'
import { FINISHED_JOB_STATUSES, type JobStatus, type TaskStatus } from '../../../shared/enums.ts'
import type { JobAction } from '../../../shared/schemas/jobs/job.ts'
import type { CompiledJob } from '../base/compiledJob.ts'
import type { Core } from '../base/core.ts'
import { ConflictError, DiskFullError, InvalidInputError, NotFoundError } from '../base/errors.ts'
import type { FarmJobs } from '../base/farmEngine.ts'
import type { AppendedTask, JobChanges, NewJobRecord, RequeueOptions } from '../base/farmRecords.ts'
import type { Appends } from './appends.ts'
import type { JobCache } from '../queue/jobCache.ts'
import type { JobRuntime } from '../queue/jobRuntime.ts'
import { ACTION_ALLOWED } from '../rules/jobRules.ts'
import type { Leases } from '../queue/leases.ts'
import type { Stalls } from '../queue/stalls.ts'
import { licenceExpression } from '../queue/licencePattern.ts'
import type { JobState, JobWait, WorkerState } from '../base/model.ts'
import type { RerunChoice } from '../base/ports.ts'
import type { Limits } from '../workers/limits.ts'
import type { Tags } from '../workers/tags.ts'
import type { JobEdits } from './jobEdits.ts'
import { tasksForFrames } from './requeueFrames.ts'
import { checkOptions, choiceOf, named } from './requeueOptions.ts'
import type { FiringCommit } from '../base/scheduleEngine.ts'
import type { Transitions } from './transitions.ts'

interface JobActionsParts {
  book: JobCache
  leases: Leases
  transitions: Transitions
  tags: Tags
  limits: Limits
  appends: Appends
  stalls: Stalls
  worker(publicId: string): WorkerState
  edits: JobEdits
}

/** What else happens when jobs change; must not fail. */
export interface JobHooks {
  /** A job came, ended or came back, so the farm's status may change. */
  jobsChanged(): void
  /** A job was stored, by any client: called before the client is answered. */
  onSubmitted?(job: JobState, settings: Record<string, unknown>): Promise<void>
  /** A person requeued a whole job. */
  onRequeued?(job: JobState): Promise<void>
}

export class JobActions implements FarmJobs {
  constructor(
    private readonly core: Core,
    private readonly parts: JobActionsParts,
    private readonly hooks: JobHooks,
  ) {}

  async find(jobId: string): Promise<JobState | undefined> {
    return (await this.parts.book.find(jobId))?.state
  }

  waitsOf(jobId: string): JobWait[] {
    const job = this.parts.book.hotJob(jobId.toLowerCase())
    return job ? this.parts.stalls.waitsOf(job) : []
  }

  waiting(limit: number): { job: JobState; wait: JobWait }[] {
    return this.parts.stalls.waitingJobs(limit)
  }

  async submit(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState> {
    this.needRoom()
    const tagId = record.tag === null ? null : this.tagId(record.tag)
    const limitIds = this.parts.limits.idsOf(record.limits)
    const dependencies = await this.core.store.workers.findJobIds(record.dependsOn.map((id) => id.toLowerCase()))
    for (const wanted of record.dependsOn) {
      if (!dependencies.some((found) => found.publicId === wanted.toLowerCase() && found.deletedAt === null)) {
        throw new InvalidInputError('dependsOn', `job "${wanted}" to depend on not found`)
      }
    }
    checkPolicy(record.policy)
    const laneId = record.lane ? await this.laneId(record.lane) : null
    const id = await this.core.store.insertJob(
      { ...record, initialStatus: compiled.taskCount === 0 && record.initialStatus === 'queued' ? 'completed' : record.initialStatus },
      { tagId, laneId, limitIds, dependsOnIds: dependencies.map((found) => found.id) },
      compiled,
      firing,
    )
    const job = await this.parts.book.findById(id)
    if (!job) throw new NotFoundError('job', record.publicId)
    this.parts.transitions.announceJob(job, null, false)
    await this.core.store.durable()
    const { publicId, name, type, owner, taskCount: tasks } = job.state
    this.core.log.info({ job: publicId, name, type, owner, tasks }, 'job submitted')
    this.hooks.jobsChanged()
    await this.hooks.onSubmitted?.(job.state, compiled.settings)
    return job.state
  }

  async grow(jobId: string, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState> {
    this.needRoom()
    const job = await this.parts.book.need(jobId)
    if (job.state.deletedAt !== null) throw new ConflictError(`job "${jobId}" is deleted`)
    job.state.updatedAt = this.core.now()
    const change = (): Promise<void> => this.core.store.growJob(job.state, compiled, firing)
    await this.parts.edits.bulk(job, change, () => {
      if (FINISHED_JOB_STATUSES.includes(job.state.status)) return this.parts.transitions.job(job, 'queued', 'tasks were added')
    })
    await this.core.store.durable()
    return job.state
  }

  append(jobId: string, task: AppendedTask): Promise<number> {
    return this.parts.appends.append(jobId, task)
  }

  /** Tasks that are assigned from now on get nothing that only administrators may grant. */
  async dropAdminRights(jobId: string): Promise<void> {
    const job = await this.parts.book.need(jobId)
    if (!job.state.adminRights) return
    job.state.adminRights = false
    this.core.store.saveJob(job.state)
    // A worker that holds a task of it received the old description.
    for (const reservation of job.reserved.values()) this.parts.leases.reservations.recall(reservation, this.core.now())
    await this.core.store.durable()
  }

  /** @throws DiskFullError */
  private needRoom(): void {
    if (!this.core.store.hasRoom) throw new DiskFullError()
  }

  async act(jobId: string, action: JobAction, actor: string, options: RequeueOptions = {}): Promise<JobState> {
    const job = await this.parts.book.need(jobId)
    while (job.busy) await job.busy
    if (action === 'delete') await this.delete(job, actor)
    else if (action === 'undelete') this.undelete(job)
    else await this.changeCourse(job, action, actor, options)
    await this.core.store.durable()
    this.hooks.jobsChanged()
    if (action === 'requeue' && options.frames === undefined) await this.hooks.onRequeued?.(job.state)
    return job.state
  }

  /** Flamenco's setJobStatus: no status is refused. */
  async setStatus(jobId: string, status: JobStatus, reason: string): Promise<JobState> {
    const job = await this.parts.book.need(jobId)
    if (status === 'requeueing') this.forgetFailures(job)
    await this.parts.transitions.job(job, status, reason)
    await this.core.store.durable()
    return job.state
  }

  async change(jobId: string, changes: JobChanges): Promise<JobState> {
    const job = await this.parts.book.need(jobId)
    const { state } = job
    // Everything is validated before anything is changed.
    const tagId = changes.tag == null ? null : this.tagId(changes.tag)
    const limitIds = changes.limits && this.parts.limits.idsOf(changes.limits)
    const laneId = changes.lane ? await this.laneId(changes.lane) : changes.lane
    if (changes.policy) checkPolicy({ ...state.policy, ...changes.policy })
    if (limitIds) {
      await this.core.store.workers.setJobLimits(state.id, limitIds)
      this.parts.leases.changeLimits(job, limitIds)
      this.parts.book.refreshAll()
    }
    if (changes.tag !== undefined) state.tagId = tagId
    if (changes.policy) {
      state.policy = { ...state.policy, ...changes.policy }
      job.usePolicy()
    }
    state.name = changes.name ?? state.name
    state.project = changes.project ?? state.project
    state.priority = changes.priority ?? state.priority
    if (changes.maxWorkers !== undefined) state.maxWorkers = changes.maxWorkers
    if (changes.maxTasks !== undefined) state.maxTasks = changes.maxTasks
    if (laneId !== undefined) state.laneId = laneId
    if (changes.startAfter !== undefined) state.startAfter = changes.startAfter
    state.keepWhole = changes.keepWholeFrames ?? state.keepWhole
    state.updatedAt = this.core.now()
    this.core.store.saveJob(state)
    // A worker that holds a task of it received the old description.
    for (const reservation of job.reserved.values()) this.parts.leases.reservations.recall(reservation, this.core.now())
    this.parts.book.refresh(job)
    this.parts.book.refreshSharers(job)
    this.parts.book.ready.emit()
    this.parts.transitions.announceJob(job, null, false)
    await this.core.store.durable()
    return state
  }

  async unblock(jobId: string, workerId: string, kind: string): Promise<void> {
    const worker = this.parts.worker(workerId)
    const job = await this.parts.book.need(jobId)
    this.parts.edits.forgive(job, worker.id, kind)
    this.parts.book.refresh(job)
    this.parts.book.ready.emit()
    await this.core.store.durable()
  }

  private async changeCourse(job: JobRuntime, action: keyof typeof ACTION_ALLOWED, actor: string, options: RequeueOptions): Promise<void> {
    checkOptions(action, options)
    const { status } = job.state
    if (job.state.deletedAt !== null) throw new ConflictError('the job is deleted; undelete it first')
    const nothingPaused = action === 'resume' && ['active', 'queued'].includes(status) && job.state.counts.paused === 0
    if (!ACTION_ALLOWED[action].includes(status) || nothingPaused) {
      throw new ConflictError(`cannot ${action} a job in state "${status}"; allowed in ${ACTION_ALLOWED[action].join(', ')}`)
    }
    const reason = `${action} by ${actor}`
    if (action === 'pause') return this.parts.transitions.job(job, 'pause-requested', reason)
    if (action === 'cancel') return this.parts.transitions.job(job, 'cancel-requested', reason)
    const requeue = (from: TaskStatus[], activity: string, rerun?: RerunChoice) => (): Promise<number> =>
      this.core.store.bulkTaskStatus(job.state.id, from, 'queued', activity, this.core.now(), undefined, rerun)
    if (action === 'resume') {
      return this.parts.edits.bulk(job, requeue(['paused'], `Resumed by ${actor}`), () =>
        this.parts.transitions.job(job, job.state.counts.active > 0 ? 'active' : 'queued', reason),
      )
    }
    if (options.frames) {
      const picked = await tasksForFrames(this.core.store, job, options.frames)
      const reruns = picked.map((rerun) => ({ ...rerun, ...choiceOf(options) }))
      const activity = `Requeued by ${actor}${named(options.frames)}`
      const change = (): Promise<number> => this.core.store.resetWithDependents(reruns, activity, this.core.now())
      return this.parts.edits.bulk(job, change, () => this.parts.edits.reopen(job, `${reason}${named(options.frames)}`))
    }
    this.forgetFailures(job)
    // Includes waiting tasks: one may wait for a retry, which would keep results of an earlier attempt.
    const from: TaskStatus[] =
      action === 'requeue' ? ['completed', 'canceled', 'failed', 'paused', 'soft-failed', 'active', 'queued'] : ['canceled', 'failed']
    await this.parts.edits.bulk(job, requeue(from, `Requeued by ${actor}`, choiceOf(options)), () => this.parts.edits.reopen(job, reason))
  }

  private async delete(job: JobRuntime, actor: string): Promise<void> {
    if (job.state.deletedAt !== null) return
    if (['active', 'queued', 'pause-requested'].includes(job.state.status))
      await this.parts.transitions.job(job, 'cancel-requested', `delete by ${actor}`)
    const now = this.core.now()
    job.state.deleteRequestedAt = now
    job.state.deletedAt = now
    job.state.updatedAt = now
    this.core.store.saveJob(job.state)
    this.parts.book.refresh(job)
    this.parts.transitions.announceJob(job, null, false)
  }

  private undelete(job: JobRuntime): void {
    if (job.state.deletedAt === null) throw new ConflictError('the job is not deleted')
    job.state.deletedAt = null
    job.state.deleteRequestedAt = null
    job.state.updatedAt = this.core.now()
    this.core.store.saveJob(job.state)
    this.parts.book.refresh(job)
    this.parts.transitions.announceJob(job, null, false)
  }

  private forgetFailures(job: JobRuntime): void {
    job.failures.clear()
    job.failuresOfWorker.clear()
    job.blocks.clear()
    job.excludedWorkers.clear()
    job.outdone.clear()
    job.state.firstFailure = null
    this.core.store.saveJob(job.state)
    this.core.store.clearJobFailures(job.state.id)
    this.core.store.clearJobWarnings(job.state.id, ['missing-file', 'missing-library'])
  }

  private async laneId(input: NonNullable<NewJobRecord['lane']>): Promise<number> {
    const lane = await this.core.store.workers.ensureLane(input)
    this.parts.book.lanes.set(lane.id, lane)
    return lane.id
  }

  private tagId(publicId: string): number {
    const tag = this.parts.tags.find(publicId)
    if (!tag) throw new InvalidInputError('tag', `worker tag "${publicId}" not found`)
    return tag.id
  }
}

/** @throws InvalidInputError naming the field of the policy */
function checkPolicy(policy: Policy): void {
  const [problem] = Value.Errors(Policy, policy)
  if (problem) throw new InvalidInputError(`policy${problem.instancePath}`, problem.message)
  if (policy.licencePattern === undefined) return
  try {
    licenceExpression(policy.licencePattern)
  } catch (error) {
    throw new InvalidInputError('policy/licencePattern', error instanceof Error ? error.message : 'is not a valid regular expression')
  }
}
