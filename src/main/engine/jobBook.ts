/**
 * The jobs in memory: loads them on demand, keeps the ready index in step with their state, and guards bulk changes.
 * `refresh` is to be called after anything that may change whether or where a job stands in the index.
 */
import { idTail, isUuid, parseTaskId } from '../../shared/ids.ts'
import { FINISHED_JOB_STATUSES, RUNNABLE_JOB_STATUSES } from '../../shared/enums.ts'
import type { Core } from './core.ts'
import { jobHolds, type JobFacts } from './eligibility.ts'
import { NotFoundError } from './errors.ts'
import { JobRuntime } from './jobRuntime.ts'
import type { Leases } from './leases.ts'
import type { LimitState, TaskState } from './model.ts'
import { compareRanks, jobRank } from './orderKey.ts'
import type { JobSeed, LaneState } from './ports.ts'
import { ReadyIndex } from './readyIndex.ts'
import { ReadyQueue } from './readyQueue.ts'

/** Jobs with nothing to do leave memory this long after their last use. */
const IDLE_MS = 60_000
/** More released tasks than this go through the database window instead of being inserted one by one. */
const INSERT_ONE_BY_ONE = 256

export class JobBook {
  readonly index = new ReadyIndex<JobRuntime>()
  readonly limits = new Map<number, LimitState>()
  readonly lanes = new Map<number, LaneState>()
  private readonly byId = new Map<number, JobRuntime>()
  private readonly byTail = new Map<string, JobRuntime>()
  private readonly loading = new Map<string, Promise<JobRuntime | undefined>>()
  /** Jobs that wait for a moment: a start-after time, or tasks with a retry delay. */
  private readonly timed = new Set<JobRuntime>()
  /** Told when tasks may have become available. */
  onReady: () => void = () => undefined

  constructor(
    private readonly core: Core,
    private readonly leases: Leases,
  ) {
    leases.reservations.onReturned = ({ job, task }) => {
      this.enqueue(job, task)
      this.refresh(job)
      this.onReady()
    }
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

  /** The job with this public id when it is in memory. */
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
   * Runs `change` on a task at a moment when no mass update of its job is under way; its synchronous part sees the task as
   * it is then. @throws NotFoundError
   */
  async changeTask<T>(taskId: string, change: (job: JobRuntime, task: TaskState) => Promise<T>): Promise<T> {
    for (;;) {
      const { job, task } = await this.needTask(taskId)
      if (!job.busy) return change(job, task)
      await job.busy
    }
  }

  /** The one object that stands for a task: what is in memory wins over what the database says. */
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

  /** Puts a loaded job into memory; an older object for it wins. */
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

  /** Drops jobs from memory that have nothing to do and were not asked for lately. */
  forgetIdle(): void {
    const before = this.core.now() - IDLE_MS
    for (const job of this.byId.values()) {
      const resting = FINISHED_JOB_STATUSES.includes(job.state.status) || job.state.status === 'paused' || job.state.deletedAt !== null
      if (resting && job.active.size === 0 && job.unsaved.size === 0 && !job.busy && job.usedAt < before) this.forget(job)
    }
  }

  facts(job: JobRuntime): JobFacts {
    const lane = job.state.laneId === null ? undefined : this.lanes.get(job.state.laneId)
    const overtakes = lane?.ordered === true && (job.delayed.size > 0 || this.isBehindOthers(job, lane.id))
    return {
      status: job.state.status,
      deletedAt: job.state.deletedAt,
      startAfter: job.state.startAfter,
      unmetJobs: job.state.unmetJobs,
      limits: job.state.limitIds.length === 0 ? NO_LIMITS : job.state.limitIds.flatMap((id) => this.limitUse(id) ?? []),
      lane: lane ? { ...this.leases.laneUse(lane), overtakes } : null,
      busy: job.busy !== undefined,
    }
  }

  /** An older job of an ordered lane has tasks that are not done. */
  private isBehindOthers(job: JobRuntime, laneId: number): boolean {
    const { createdAt, id } = job.state
    for (const { state } of this.byId.values()) {
      const older = state.createdAt < createdAt || (state.createdAt === createdAt && state.id < id)
      if (state.laneId === laneId && older && state.deletedAt === null && RUNNABLE_JOB_STATUSES.includes(state.status)) return true
    }
    return false
  }

  /** Its tasks are handed out one after the other, and none overtakes. */
  inOrder(job: JobRuntime): boolean {
    return job.state.laneId !== null && this.lanes.get(job.state.laneId)?.ordered === true
  }

  /** Of a job in an ordered lane only the first task is offered, whatever its kind. */
  private offersOnly(job: JobRuntime): ReadyQueue | undefined {
    if (!this.inOrder(job)) return undefined
    let first: ReadyQueue | undefined
    for (const queue of job.queues.values()) {
      if (queue.headKey !== undefined && (first?.headKey === undefined || queue.headKey < first.headKey)) first = queue
    }
    return first
  }

  limitUse(limitId: number) {
    const limit = this.limits.get(limitId)
    return limit && this.leases.limitUse(limit)
  }

  /** Puts the job's queues into the index, moves or removes them, as its state says now. */
  refresh(job: JobRuntime): void {
    const holds = jobHolds(this.facts(job), this.core.now())
    if (holds.length > 0 && job.reserved.size > 0) this.onReady()
    if (holds.some((hold) => hold.rule === 'start-after') || job.delayed.size > 0) this.timed.add(job)
    const only = this.offersOnly(job)
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
    if (appeared) this.onReady()
  }

  /** A unit of what this job's attempts hold came free: for the jobs that share a limit or lane with it, and for itself. */
  refreshSharers(job: JobRuntime): void {
    // These two exclude single workers, which the index does not know: one that waits may be let in now.
    if (job.state.maxWorkers !== null || job.state.limitIds.length > 0) this.onReady()
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

  /** Says that the task's row changed; until it is on disk, memory is the truth for it. */
  saveTask(job: JobRuntime, task: TaskState): void {
    const saved = job.unsaved.change(task.index, task)
    job.usedAt = this.core.now()
    this.core.store.saveTask(task)
    this.core.store.afterCommit(() => {
      job.queues.get(task.kind)?.noteGone(task.id)
      saved()
    })
  }

  /** The task may be handed out (again): into its queue, or into the waiting room while its not-before time is ahead. */
  enqueue(job: JobRuntime, task: TaskState): void {
    if (task.unmet > 0) return
    if (task.notBefore !== null && task.notBefore > this.core.now()) {
      job.delayed.set(task.id, task)
      this.timed.add(job)
      return
    }
    job.delayed.delete(task.id)
    this.queueOf(job, task.kind).insert(task)
  }

  /** The task is not to be handed out as it stands: out of its queue, of the waiting room, and of the hands of who holds it. */
  withdraw(job: JobRuntime, task: TaskState): void {
    job.queues.get(task.kind)?.remove(task)
    job.delayed.delete(task.id)
    this.leases.reservations.withdraw(job.reserved.get(task.id))
  }

  /** Loads tasks whose last wait is over, and puts them where they can be handed out. */
  async release(job: JobRuntime, load: () => Promise<TaskState[]>): Promise<void> {
    for (;;) {
      while (job.busy) await job.busy
      const { bulks } = job
      const current = await job.unsaved.during(async () => {
        const tasks = await load()
        // A mass update has begun or passed since: it may have changed these very tasks.
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

  /** The database has more of this kind than the window knows: begins it anew. What is not on disk yet stays in it. */
  private reopenWindow(job: JobRuntime, kind: string, released: number): void {
    const queue = this.queueOf(job, kind)
    queue.reset(Math.min(released, queue.headKey ?? released))
    for (const task of job.unsaved.values()) {
      const isElsewhere = job.active.has(task.id) || job.delayed.has(task.id) || job.reserved.has(task.id)
      if (task.kind === kind && isRunnable(task) && !isElsewhere) this.enqueue(job, task)
    }
  }

  /** Lets jobs go whose moment has come. Called by the timer. */
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

  /**
   * Runs a change of many tasks on disk while nothing else touches the job, then rebuilds its hot state from there.
   * Leases that the change ended are dropped; their workers learn it at the next contact. `settle` says what follows from
   * the new counts, before anybody else may touch the job.
   */
  async bulk<T>(job: JobRuntime, change: () => Promise<T>, settle?: () => void): Promise<T> {
    while (job.busy) await job.busy
    let done = (): void => undefined
    job.busy = new Promise((resolve) => (done = resolve))
    this.refresh(job)
    try {
      // What is said already is written before the change, and that a change is under way with it.
      this.core.store.markRecountDue(job.state.id, true)
      await this.core.store.durable()
      const result = await change().catch(async (error: unknown) => {
        // The slices that went through are true.
        await this.rebuild(job)
        throw error
      })
      await this.rebuild(job)
      settle?.()
      return result
    } finally {
      job.busy = undefined
      done()
      this.refresh(job)
      this.refreshSharers(job)
    }
  }

  private async rebuild(job: JobRuntime): Promise<void> {
    const { counts, stepsCompleted, stepsTotal } = await this.core.store.recount(job.state.id)
    const seed = await this.core.store.loadJob({ id: job.state.id })
    if (!seed) return
    // Statuses are written by JobTransitions alone: what memory says of the job itself stays.
    job.state.counts = counts
    job.state.stepsCompleted = stepsCompleted
    job.state.stepsTotal = stepsTotal
    job.state.taskCount = seed.job.taskCount
    job.adopt({ ...seed, job: job.state })
    const running = new Set(seed.active.map(({ task }) => task.id))
    for (const lease of [...job.active.values()]) if (!running.has(lease.task.id)) this.leases.takeAway(lease)
    for (const reservation of [...job.reserved.values()]) this.leases.reservations.withdraw(reservation)
    job.delayed.clear()
    job.unsaved.clear()
    job.bulks++
    this.setQueues(job, seed)
    this.core.store.saveJobCounters(job.state)
    this.core.store.markRecountDue(job.state.id, false)
  }

  private setQueues(job: JobRuntime, seed: JobSeed): void {
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
        this.onReady()
      },
      (error) => this.core.log.error({ error, job: job.state.publicId }, 'ready tasks could not be loaded'),
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

const NO_LIMITS: never[] = []

function isRunnable(task: TaskState): boolean {
  return task.status === 'queued' || task.status === 'soft-failed'
}
