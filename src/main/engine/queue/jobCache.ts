/**
 * The jobs in memory: loads them on demand, keeps the ready index in step with their state, and guards bulk changes.
 * Call `refresh` after anything that may change a job's position in the index.
 */
import { idTail, isUuid, parseTaskId } from '../../../shared/ids.ts'
import { FINISHED_JOB_STATUSES, type JobStatus } from '../../../shared/enums.ts'
import { Signal } from '../../../shared/async.ts'
import type { Core } from '../base/core.ts'
import { jobHolds, type JobFacts } from '../rules/eligibility.ts'
import { NotFoundError } from '../base/errors.ts'
import { longestWaitMs } from '../rules/failurePolicy.ts'
import { factsOf } from './jobFacts.ts'
import { JobRuntime } from './jobRuntime.ts'
import { LaneOrder } from './ready/laneOrder.ts'
import type { Leases } from './leases.ts'
import { MassUpdates } from './massUpdates.ts'
import type { LimitState, TaskState } from '../base/model.ts'
import { compareRanks, jobRank } from '../rules/orderKey.ts'
import type { JobSeed, LaneState } from '../base/ports.ts'
import { ReadyIndex } from './ready/readyIndex.ts'
import { ReadyQueue } from './ready/readyQueue.ts'
import type { ClockJump } from '../base/watchedClock.ts'

/** Idle jobs leave memory this long after their last use. */
const IDLE_MS = 60_000
/** Larger numbers of released tasks go through the database window instead of being inserted one by one. */
const INSERT_ONE_BY_ONE = 256

export class JobCache {
  readonly index = new ReadyIndex<JobRuntime>()
  readonly limits = new Map<number, LimitState>()
  readonly lanes = new Map<number, LaneState>()
  private readonly byId = new Map<number, JobRuntime>()
  private readonly byTail = new Map<string, JobRuntime>()
  private readonly loading = new Map<string, Promise<JobRuntime | undefined>>()
  /** Jobs that wait for a time: a start-after time, or tasks with a retry delay. */
  private readonly timed = new Set<JobRuntime>()
  /** Tasks may have become available. */
  readonly ready = new Signal()
  readonly laneOrder = new LaneOrder(this.lanes, () => this.byId.values())
  private readonly massUpdates: MassUpdates

  constructor(
    private readonly core: Core,
    private readonly leases: Leases,
  ) {
    leases.reservations.returned.on(({ job, task }) => {
      this.enqueue(job, task)
      this.refresh(job)
      this.ready.emit()
    })
    this.massUpdates = new MassUpdates(core, leases, this)
  }

  all(): Iterable<JobRuntime> {
    return this.byId.values()
  }

  /** The job with this public id. @throws NotFoundError */
  async need(publicId: string): Promise<JobRuntime> {
    const job = await this.find(publicId)
    if (!job) throw new NotFoundError('job', publicId)
    return job
  }

  find(publicId: string): Promise<JobRuntime | undefined> {
    if (!isUuid(publicId)) return Promise.resolve(undefined)
    return this.findByTail(idTail(publicId)).then((job) => (job?.state.publicId === publicId.toLowerCase() ? job : undefined))
  }

  findById(id: number): Promise<JobRuntime | undefined> {
    const job = this.byId.get(id)
    if (job) return Promise.resolve(job)
    return this.core.store.loadJob({ id }).then((seed) => seed && this.add(seed))
  }

  /** The job with this public id, if it is in memory. */
  hotJob(publicId: string): JobRuntime | undefined {
    return this.byTail.get(idTail(publicId))
  }

  /** The job of a task id, and the task's index. Synchronous when the job is in memory, which it is on every hot path. */
  hotTask(taskId: string): { job: JobRuntime; index: number } | undefined {
    const parsed = parseTaskId(taskId)
    const job = parsed && this.byTail.get(parsed.jobTail)
    return job && { job, index: parsed.index }
  }

  /** The task and its job, from memory or disk. @throws NotFoundError */
  async needTask(taskId: string): Promise<{ job: JobRuntime; task: TaskState }> {
    const parsed = parseTaskId(taskId)
    const job = parsed && (await this.findByTail(parsed.jobTail))
    const task = job && (await this.taskOf(job, parsed.index))
    if (!task) throw new NotFoundError('task', taskId)
    return { job, task }
  }

  /**
   * Runs `change` on a task when no mass update of its job is running; its synchronous part sees the task's state at
   * that time. @throws NotFoundError
   */
  async changeTask<T>(taskId: string, change: (job: JobRuntime, task: TaskState) => Promise<T>): Promise<T> {
    for (;;) {
      const { job, task } = await this.needTask(taskId)
      if (!job.busy) return change(job, task)
      await job.busy
    }
  }

  /** The one object that represents a task: memory takes precedence over the database. */
  async taskOf(job: JobRuntime, index: number): Promise<TaskState | undefined> {
    for (;;) {
      const { bulks } = job
      const task = await job.unsaved.find(index, async () => {
        const loaded = await this.core.store.loadTask(job.state.id, index)
        return loaded && this.canonical(job, loaded)
      })
      if (job.bulks === bulks) return task
    }
  }

  private canonical(job: JobRuntime, loaded: TaskState): TaskState {
    return (
      job.active.get(loaded.id)?.task ??
      job.reserved.get(loaded.id)?.task ??
      job.unsaved.get(loaded.index) ??
      job.delayed.get(loaded.id) ??
      job.queues.get(loaded.kind)?.get(loaded.id) ??
      loaded
    )
  }

  /** Adds a loaded job to memory; an existing object for it takes precedence. */
  add(seed: JobSeed): JobRuntime {
    const known = this.byId.get(seed.job.id)
    if (known) return known
    const job = new JobRuntime(seed)
    job.usedAt = this.core.now()
    this.byId.set(job.state.id, job)
    this.byTail.set(idTail(job.state.publicId), job)
    this.setQueues(job, seed)
    this.refresh(job)
    return job
  }

  forget(job: JobRuntime): void {
    for (const entry of job.entries.values()) this.index.remove(entry)
    for (const reservation of [...job.reserved.values()]) this.leases.reservations.withdraw(reservation)
    job.entries.clear()
    this.timed.delete(job)
    this.byId.delete(job.state.id)
    this.byTail.delete(idTail(job.state.publicId))
  }

  /** Drops idle jobs that were not used recently from memory. */
  forgetIdle(): void {
    const before = this.core.now() - IDLE_MS
    for (const job of this.byId.values()) {
      const resting = FINISHED_JOB_STATUSES.includes(job.state.status) || job.state.status === 'paused' || job.state.deletedAt !== null
      if (resting && job.active.size === 0 && job.unsaved.size === 0 && !job.busy && job.usedAt < before) this.forget(job)
    }
  }

  facts(job: JobRuntime): JobFacts {
    return factsOf(job, { leases: this.leases, limits: this.limits, lanes: this.lanes, laneOrder: this.laneOrder })
  }

  /** Statuses of the jobs that are not deleted. */
  *statuses(): Iterable<JobStatus> {
    for (const { state } of this.byId.values()) if (state.deletedAt === null) yield state.status
  }

  /** Adds the job's queues to the index, moves or removes them, according to its state. */
  refresh(job: JobRuntime): void {
    const holds = jobHolds(this.facts(job), this.core.now())
    if (holds.length > 0 && job.reserved.size > 0) this.ready.emit()
    if (holds.some((hold) => hold.rule === 'start-after') || job.delayed.size > 0) this.timed.add(job)
    const only = this.laneOrder.offersOnly(job)
    let appeared = false
    for (const queue of job.queues.values()) {
      const head = holds.length === 0 && (only ?? queue) === queue ? queue.headKey : undefined
      const entry = job.entries.get(queue.kind)
      if (head === undefined) {
        if (entry) {
          this.index.remove(entry)
          job.entries.delete(queue.kind)
        }
        continue
      }
      const rank = jobRank(job.state.queueOrder, job.state, head)
      const tagId = job.state.tagId ?? 0
      if (entry && entry.key.tagId === tagId && compareRanks(entry.rank, rank) === 0) continue
      if (entry) this.index.remove(entry)
      const fresh = { job, rank, key: { namespaceId: job.state.namespaceId, kind: queue.kind, tagId } }
      this.index.insert(fresh)
      job.entries.set(queue.kind, fresh)
      appeared = true
    }
    if (appeared) this.ready.emit()
  }

  /** A unit that this job's attempts held was released: refreshes the jobs that share a limit or lane with it, and itself. */
  refreshSharers(job: JobRuntime): void {
    // These two exclude single workers, which the index does not know: a waiting one may be eligible now.
    if (job.state.maxWorkers !== null || job.state.limitIds.length > 0) this.ready.emit()
    if (job.state.limitIds.length === 0 && job.state.laneId === null) return
    for (const other of this.byId.values()) {
      if (other === job) continue
      const shares = other.state.limitIds.some((id) => job.state.limitIds.includes(id))
      if (shares || (job.state.laneId !== null && other.state.laneId === job.state.laneId)) this.refresh(other)
    }
  }

  refreshAll(): void {
    for (const job of this.byId.values()) this.refresh(job)
  }

  /** Records that the task's row changed; until it is on disk, memory has precedence. */
  saveTask(job: JobRuntime, task: TaskState): void {
    const saved = job.unsaved.change(task.index, task)
    job.usedAt = this.core.now()
    this.core.store.saveTask(task)
    this.core.store.afterCommit(() => {
      job.queues.get(task.kind)?.noteGone(task.id)
      saved()
    })
  }

  /** A new task at the end of its job: it may be assigned when it is on disk. */
  append(job: JobRuntime, task: TaskState, input: string | null): void {
    const saved = job.unsaved.change(task.index, task)
    job.usedAt = this.core.now()
    this.core.store.addTask(task, input, job.state.stepsTotal)
    this.core.store.afterCommit(() => {
      saved()
      // A mass update, or a client, may have changed it meanwhile; then it is not waiting, or is in its queue already.
      if (!isRunnable(task) || job.active.has(task.id) || job.delayed.has(task.id)) return
      if (task.notBefore !== null && task.notBefore > this.core.now()) this.enqueue(job, task)
      else this.queueOf(job, task.kind).append(task)
      this.refresh(job)
      this.ready.emit()
    })
  }

  /** The task may be assigned (again): adds it to its queue, or to the delayed tasks while its not-before time is ahead. */
  enqueue(job: JobRuntime, task: TaskState): void {
    if (task.unmet > 0) return
    // Limits the delay to the longest possible one: the clock may have been set back while no manager was running.
    if (task.attempts > 0 && task.notBefore !== null)
      task.notBefore = Math.min(task.notBefore, this.core.now() + longestWaitMs(job.state.policy))
    if (task.notBefore !== null && task.notBefore > this.core.now()) {
      job.delayed.set(task.id, task)
      this.timed.add(job)
      return
    }
    job.delayed.delete(task.id)
    this.queueOf(job, task.kind).insert(task)
  }

  /** The task must not be assigned as it is: removes it from its queue, from the delayed tasks and from its holder. */
  withdraw(job: JobRuntime, task: TaskState): void {
    job.queues.get(task.kind)?.remove(task)
    job.delayed.delete(task.id)
    this.leases.reservations.withdraw(job.reserved.get(task.id))
  }

  /** Loads tasks without remaining waits, and puts them where they can be assigned. */
  async release(job: JobRuntime, load: () => Promise<TaskState[]>): Promise<void> {
    for (;;) {
      while (job.busy) await job.busy
      const { bulks } = job
      const current = await job.unsaved.during(async () => {
        const tasks = await load()
        // A mass update has started or run in the meantime: it may have changed these tasks.
        if (job.busy || job.bulks !== bulks) return false
        this.takeReleased(job, tasks)
        return true
      })
      if (current) return
    }
  }

  private takeReleased(job: JobRuntime, released: TaskState[]): void {
    const tasks = released.map((loaded) => this.canonical(job, loaded))
    for (const task of tasks) task.unmet = 0
    if (tasks.length > INSERT_ONE_BY_ONE) {
      const first = new Map<string, number>()
      for (const { kind, orderKey } of tasks) first.set(kind, Math.min(orderKey, first.get(kind) ?? orderKey))
      for (const [kind, orderKey] of first) this.reopenWindow(job, kind, orderKey)
    } else {
      for (const task of tasks) if (isRunnable(task)) this.enqueue(job, task)
    }
    this.refresh(job)
  }

  /** The database has more of this kind than the window: starts the window again. Unsaved tasks stay in it. */
  private reopenWindow(job: JobRuntime, kind: string, released: number): void {
    const queue = this.queueOf(job, kind)
    queue.reset(Math.min(released, queue.headKey ?? released))
    for (const task of job.unsaved.values()) {
      const isElsewhere = job.active.has(task.id) || job.delayed.has(task.id) || job.reserved.has(task.id)
      if (task.kind === kind && isRunnable(task) && !isElsewhere) this.enqueue(job, task)
    }
  }

  /** The clock was set: delays before a retry are durations and move along; times that people set stay. */
  clockJumped({ shiftMs, steppedMs }: ClockJump): void {
    for (const job of this.byId.values()) {
      job.usedAt += shiftMs
      for (const avoid of job.avoid.values()) avoid.until += shiftMs
      if (steppedMs === 0) continue
      for (const task of job.delayed.values()) {
        if (task.attempts === 0 || task.notBefore === null) continue
        task.notBefore += steppedMs
        this.saveTask(job, task)
      }
    }
  }

  /** Releases jobs whose time has come. Called by the timer. */
  releaseDue(): void {
    const now = this.core.now()
    for (const job of this.timed) {
      for (const task of job.delayed.values()) {
        if (task.notBefore === null || task.notBefore <= now) this.enqueue(job, task)
      }
      const waits = job.delayed.size > 0 || (job.state.startAfter !== null && job.state.startAfter > now)
      if (!waits) this.timed.delete(job)
      this.refresh(job)
    }
  }

  /** A change of many tasks on disk while nothing else touches the job (massUpdates.ts). */
  bulk<T>(job: JobRuntime, change: () => Promise<T>, settle?: () => void): Promise<T> {
    return this.massUpdates.run(job, change, settle)
  }

  /** Drops tasks that have ended. */
  drop(job: JobRuntime, tasks: readonly number[]): Promise<void> {
    return this.massUpdates.drop(job, tasks)
  }

  /** Starts the job's windows of ready tasks again, from what was loaded. */
  setQueues(job: JobRuntime, seed: JobSeed): void {
    const hints = new Map(seed.ready.map(({ kind, orderKey }) => [kind, orderKey]))
    for (const [kind, queue] of job.queues) queue.reset(hints.get(kind))
    for (const [kind, hint] of hints) if (!job.queues.has(kind)) job.queues.set(kind, this.newQueue(job, kind, hint))
  }

  private queueOf(job: JobRuntime, kind: string): ReadyQueue {
    let queue = job.queues.get(kind)
    if (!queue) job.queues.set(kind, (queue = this.newQueue(job, kind, undefined)))
    return queue
  }

  private newQueue(job: JobRuntime, kind: string, hint: number | undefined): ReadyQueue {
    return new ReadyQueue(
      kind,
      hint,
      (afterKey, limit) => this.core.store.loadReady(job.state.id, kind, afterKey, limit),
      (task) => {
        if (job.active.has(task.id) || job.reserved.has(task.id)) return false
        if (job.unsaved.has(task.index) || job.delayed.has(task.id)) return false
        if (task.notBefore === null || task.notBefore <= this.core.now()) return true
        this.enqueue(job, task)
        return false
      },
      () => {
        this.refresh(job)
        this.ready.emit()
      },
      (error) => this.core.log.error({ error, job: job.state.publicId }, 'cannot load ready tasks'),
    )
  }

  private findByTail(tail: string): Promise<JobRuntime | undefined> {
    const job = this.byTail.get(tail)
    if (job) {
      job.usedAt = this.core.now()
      return Promise.resolve(job)
    }
    let pending = this.loading.get(tail)
    if (!pending) {
      pending = this.core.store
        .loadJob({ idTail: tail })
        .then((seed) => seed && this.add(seed))
        .finally(() => this.loading.delete(tail))
      this.loading.set(tail, pending)
    }
    return pending
  }
}

function isRunnable(task: TaskState): boolean {
  return task.status === 'queued' || task.status === 'soft-failed'
}
