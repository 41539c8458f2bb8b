/** What people and clients do to jobs and tasks: submit, pause, cancel, requeue, delete, change. */
import { Value } from 'typebox/value'
import { Policy } from '../../shared/policy.ts'
import { FINISHED_JOB_STATUSES, type JobStatus, type TaskStatus } from '../../shared/enums.ts'
import type { JobAction, TaskAction } from '../../shared/schemas/job.ts'
import { statusLine } from './attemptLines.ts'
import type { Attempts } from './attempts.ts'
import type { CompiledJob } from './compiledJob.ts'
import type { Core } from './core.ts'
import { ConflictError, InvalidInputError, NotFoundError } from './errors.ts'
import type { JobChanges, NewJobRecord } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import { workerKind, type JobRuntime } from './jobRuntime.ts'
import { ACTION_ALLOWED } from './jobRules.ts'
import type { Leases } from './leases.ts'
import { licenceExpression } from './licencePattern.ts'
import type { JobState, TaskState } from './model.ts'
import type { Registry } from './registry.ts'
import type { FiringCommit } from './schedules/scheduleEngine.ts'
import type { Transitions } from './transitions.ts'

export class JobActions {
  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly transitions: Transitions,
    private readonly registry: Registry,
    private readonly attempts: Attempts,
  ) {}

  async submit(record: NewJobRecord, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState> {
    const tagId = record.tag === null ? null : this.tagId(record.tag)
    const limitIds = this.registry.limitIds(record.limits)
    const dependencies = await this.core.store.findJobIds(record.dependsOn.map((id) => id.toLowerCase()))
    for (const wanted of record.dependsOn) {
      if (!dependencies.some((found) => found.publicId === wanted.toLowerCase() && found.deletedAt === null)) {
        throw new InvalidInputError('dependsOn', `there is no job "${wanted}" to depend on`)
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
    const job = await this.book.findById(id)
    if (!job) throw new NotFoundError('job', record.publicId)
    this.transitions.announceJob(job, null, false)
    await this.core.store.durable()
    return job.state
  }

  async grow(jobId: string, compiled: CompiledJob, firing?: FiringCommit): Promise<JobState> {
    const job = await this.book.need(jobId)
    if (job.state.deletedAt !== null) throw new ConflictError(`job "${jobId}" is deleted`)
    job.state.updatedAt = this.core.now()
    const change = (): Promise<void> => this.core.store.growJob(job.state, compiled, firing)
    await this.bulk(job, change, () => {
      if (FINISHED_JOB_STATUSES.includes(job.state.status)) return this.transitions.job(job, 'queued', 'tasks were added')
    })
    await this.core.store.durable()
    return job.state
  }

  async act(jobId: string, action: JobAction, actor: string): Promise<JobState> {
    const job = await this.book.need(jobId)
    while (job.busy) await job.busy
    if (action === 'delete') await this.delete(job, actor)
    else if (action === 'undelete') this.undelete(job)
    else await this.changeCourse(job, action, actor)
    await this.core.store.durable()
    return job.state
  }

  /** Flamenco's setJobStatus: no status is refused. */
  async setStatus(jobId: string, status: JobStatus, reason: string): Promise<JobState> {
    const job = await this.book.need(jobId)
    if (status === 'requeueing') this.forgetFailures(job)
    await this.transitions.job(job, status, reason)
    await this.core.store.durable()
    return job.state
  }

  async change(jobId: string, changes: JobChanges): Promise<JobState> {
    const job = await this.book.need(jobId)
    const { state } = job
    // Everything is checked before anything is changed.
    const tagId = changes.tag == null ? null : this.tagId(changes.tag)
    const limitIds = changes.limits && this.registry.limitIds(changes.limits)
    if (changes.policy) checkPolicy({ ...state.policy, ...changes.policy })
    if (limitIds) {
      await this.core.store.setJobLimits(state.id, limitIds)
      this.leases.changeLimits(job, limitIds)
      this.book.refreshAll()
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
    if (changes.startAfter !== undefined) state.startAfter = changes.startAfter
    state.updatedAt = this.core.now()
    this.core.store.saveJob(state)
    // Who holds a task of it was told what the job was before.
    for (const reservation of job.reserved.values()) this.leases.reservations.recall(reservation, this.core.now())
    this.book.refresh(job)
    this.book.refreshSharers(job)
    this.book.onReady()
    this.transitions.announceJob(job, null, false)
    await this.core.store.durable()
    return state
  }

  async unblock(jobId: string, workerId: number, kind: string): Promise<void> {
    const job = await this.book.need(jobId)
    job.blocks.delete(workerKind(workerId, kind))
    this.core.store.removeBlock(job.state.id, workerId, kind)
    this.book.refresh(job)
    this.book.onReady()
    await this.core.store.durable()
  }

  async actOnTask(taskId: string, action: TaskAction, actor: string): Promise<void> {
    await this.book.changeTask(taskId, (job, task) => {
      if (job.state.deletedAt !== null) throw new ConflictError('the job is deleted')
      if (action === 'requeue' || action === 'requeue-elsewhere') {
        const keepOff = action === 'requeue-elsewhere' ? this.lastRunner(job, task) : undefined
        const activity = `Requeued by ${actor}${keepOff === undefined ? '' : ', to run elsewhere'}`
        const change = (): Promise<number> => this.core.store.resetWithDependents([task.id], activity, this.core.now(), keepOff)
        return this.bulk(job, change, () => this.reopen(job, `task "${task.name}" was requeued by ${actor}`))
      }
      if (task.status === 'completed') throw new ConflictError(`task "${task.name}" is completed already; requeue it instead`)
      return this.override(
        job,
        task,
        action === 'skip' ? 'completed' : 'canceled',
        `${action === 'skip' ? 'Skipped' : 'Canceled'} by ${actor}`,
      )
    })
    await this.core.store.durable()
  }

  /** Flamenco's setTaskStatus: no status is refused. */
  async setTaskStatus(taskId: string, status: TaskStatus, reason: string): Promise<void> {
    await this.book.changeTask(taskId, async (job, task) => {
      if (status === 'queued') {
        job.forgetFailures(task)
        this.core.store.clearTaskFailures(task.id)
        task.retries = 0
        task.notBefore = null
      }
      await this.override(job, task, status, reason)
      // A worker that waits may have been kept away by its own failure.
      if (status === 'queued') this.book.onReady()
    })
    await this.core.store.durable()
  }

  /** Who is kept from a task that is to run elsewhere. @throws ConflictError when nobody ran it, or nobody else could */
  private lastRunner(job: JobRuntime, task: TaskState): number {
    if (task.workerId === null) throw new ConflictError(`task "${task.name}" has not run yet; there is no worker to keep it from`)
    if (!this.attempts.couldRunElsewhere(job, task, task.workerId)) {
      throw new ConflictError(`no other worker could run task "${task.name}"; see why on its page, or add a worker`)
    }
    return task.workerId
  }

  /** A status given from outside: ends what runs, and reopens what was completed. Nothing is waited for before the change. */
  private async override(job: JobRuntime, task: TaskState, status: TaskStatus, activity: string): Promise<void> {
    const lease = job.active.get(task.id)
    if (lease && status !== 'active' && this.attempts.close(lease, 'canceled', { outcome: 'stopped', reason: activity })) {
      this.leases.onTakenAway(lease.worker.id)
    }
    if (task.status === 'completed' && status !== 'completed') {
      const change = (): Promise<void> => this.core.store.overrideTaskStatus(task.id, status, activity, this.core.now())
      return this.bulk(job, change, () => {
        if (status === 'queued' && job.state.status === 'completed') return this.transitions.job(job, 'requeueing', 'task was queued')
      })
    }
    const from = task.status
    await this.transitions.task(job, task, status, activity, lease?.attempt)
    if (lease) this.book.refreshSharers(job)
    else if (from !== status) await this.attempts.tellLastLog(job, task, statusLine(from, status))
  }

  /** A mass update, announced, and what follows from it. */
  private async bulk(job: JobRuntime, change: () => Promise<unknown>, then: () => Promise<void> | undefined): Promise<void> {
    let following: Promise<void> | undefined
    await this.book.bulk(job, change, () => {
      this.transitions.announceJob(job, null, true)
      following = then()
    })
    await following
    // What was requeued, added or resumed may depend on what is canceled or failed.
    await this.transitions.closeIfStuck(job)
  }

  private async changeCourse(job: JobRuntime, action: keyof typeof ACTION_ALLOWED, actor: string): Promise<void> {
    const { status } = job.state
    if (job.state.deletedAt !== null) throw new ConflictError('the job is deleted; undelete it first')
    if (!ACTION_ALLOWED[action].includes(status)) {
      throw new ConflictError(`"${action}" is not possible for a job in state "${status}", but in ${ACTION_ALLOWED[action].join(', ')}`)
    }
    const reason = `${action} by ${actor}`
    if (action === 'pause') return this.transitions.job(job, 'pause-requested', reason)
    if (action === 'cancel') return this.transitions.job(job, 'cancel-requested', reason)
    const requeue = (from: TaskStatus[], activity: string) => (): Promise<number> =>
      this.core.store.bulkTaskStatus(job.state.id, from, 'queued', activity, this.core.now())
    if (action === 'resume') {
      return this.bulk(job, requeue(['paused'], `Resumed by ${actor}`), () =>
        this.transitions.job(job, job.state.counts.active > 0 ? 'active' : 'queued', reason),
      )
    }
    this.forgetFailures(job)
    const from: TaskStatus[] =
      action === 'requeue' ? ['completed', 'canceled', 'failed', 'paused', 'soft-failed', 'active'] : ['canceled', 'failed']
    await this.bulk(job, requeue(from, `Requeued by ${actor}`), () => this.reopen(job, reason))
  }

  /** The job has something to do again. */
  private async reopen(job: JobRuntime, reason: string): Promise<void> {
    const { status, counts } = job.state
    if (status === 'paused' || status === 'pause-requested') return
    const open = counts.queued + counts.active + counts['soft-failed'] > 0
    if (open && !['queued', 'active'].includes(status)) await this.transitions.job(job, 'queued', reason)
  }

  private async delete(job: JobRuntime, actor: string): Promise<void> {
    if (job.state.deletedAt !== null) return
    if (['active', 'queued', 'pause-requested'].includes(job.state.status))
      await this.transitions.job(job, 'cancel-requested', `delete by ${actor}`)
    const now = this.core.now()
    job.state.deleteRequestedAt = now
    job.state.deletedAt = now
    job.state.updatedAt = now
    this.core.store.saveJob(job.state)
    this.book.refresh(job)
    this.transitions.announceJob(job, null, false)
  }

  private undelete(job: JobRuntime): void {
    if (job.state.deletedAt === null) throw new ConflictError('the job is not deleted')
    job.state.deletedAt = null
    job.state.deleteRequestedAt = null
    job.state.updatedAt = this.core.now()
    this.core.store.saveJob(job.state)
    this.book.refresh(job)
    this.transitions.announceJob(job, null, false)
  }

  private forgetFailures(job: JobRuntime): void {
    job.failures.clear()
    job.failuresOfWorker.clear()
    job.blocks.clear()
    job.keptOff.clear()
    this.core.store.clearJobFailures(job.state.id)
  }

  private async laneId(input: NonNullable<NewJobRecord['lane']>): Promise<number> {
    const lane = await this.core.store.ensureLane(input)
    this.book.lanes.set(lane.id, lane)
    return lane.id
  }

  private tagId(publicId: string): number {
    const tag = this.registry.findTag(publicId)
    if (!tag) throw new InvalidInputError('tag', `there is no worker tag "${publicId}"`)
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
    throw new InvalidInputError('policy/licencePattern', error instanceof Error ? error.message : 'is no regular expression')
  }
}
