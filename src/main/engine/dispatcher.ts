/**
 * Hands out tasks: picks the best one for a worker from the ready index, gives it a lease, and lets workers wait until
 * there is something for them. All in memory; what it decided is on disk when `durable` resolves.
 */
import type { Core } from './core.ts'
import { jobHolds, workerExclusion, type TaskFacts, type WorkerFacts } from './eligibility.ts'
import type { CancelSignal } from './farmEngine.ts'
import type { JobBook } from './jobBook.ts'
import { workerKind, type JobRuntime, type Lease } from './jobRuntime.ts'
import { machineKey, type Leases } from './leases.ts'
import type { LeaseKind } from '../../shared/enums.ts'
import type { TaskState, WorkerState } from './model.ts'
import type { ReadyQueue } from './readyQueue.ts'
import type { SessionBook } from './sessionBook.ts'
import { betterPlaced, choosingOrder, type WaiterFacts } from './sessionRules.ts'
import type { Transitions } from './transitions.ts'

/** How many tasks of one queue are looked at before the next job gets its chance. */
const SCAN_DEPTH = 256
/** A queue that is about to run dry has its successors loaded meanwhile. */
const RUNNING_DRY = 32

export type Pick = { task: TaskState; job: JobRuntime } | { loading: Promise<void> } | undefined

interface Waiter extends WaiterFacts {
  readonly worker: WorkerState
  readonly slots: number
  resolve(leases: Lease[]): void
}

export class Dispatcher {
  private readonly waiters = new Map<number, Waiter>()
  private wakeScheduled = false
  /** Told after each round, and when a worker begins to wait for work: what busy workers hold may be wanted elsewhere. */
  onRound: () => void = () => undefined

  constructor(
    private readonly core: Core,
    private readonly book: JobBook,
    private readonly leases: Leases,
    private readonly transitions: Transitions,
    private readonly sessions: SessionBook,
  ) {
    book.onReady = () => this.wake()
    leases.onTakenAway = (workerId) => this.nudge(workerId)
  }

  /** Leases up to `slots` tasks to the worker, now. Waits only while a window of tasks comes from the disk. */
  async take(worker: WorkerState, slots: number, leaseKind: LeaseKind): Promise<Lease[]> {
    const taken: Lease[] = []
    while (taken.length < slots) {
      const pick = this.pick(worker)
      if (!pick) break
      if ('loading' in pick) await pick.loading
      else taken.push(this.lease(pick.job, pick.task, worker, leaseKind))
    }
    return taken
  }

  /** Resolves with leases as soon as there is work for the worker, or with none when it is nudged or the time is over. */
  wait(worker: WorkerState, slots: number, waitMs: number, signal: CancelSignal): Promise<Lease[]> {
    this.waiters.get(worker.id)?.resolve([])
    return new Promise((resolve) => {
      const finish = (leases: Lease[]): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', nudge)
        if (this.waiters.get(worker.id) === waiter) this.waiters.delete(worker.id)
        resolve(leases)
      }
      const nudge = (): void => finish([])
      const { sessions } = this
      const waiter: Waiter = {
        worker,
        slots,
        resolve: finish,
        get warmFor() {
          return sessions.warmFor(worker.id)
        },
      }
      const timer = setTimeout(nudge, waitMs)
      signal.addEventListener('abort', nudge, { once: true })
      this.waiters.set(worker.id, waiter)
      if (signal.aborted) nudge()
      else if (slots > 0 && this.leases.reservations.size > 0) this.onRound()
    })
  }

  /** The worker has something to learn other than work: a status request, a cancellation, its approval. */
  nudge(workerId: number): void {
    this.waiters.get(workerId)?.resolve([])
  }

  nudgeAll(): void {
    for (const waiter of [...this.waiters.values()]) waiter.resolve([])
  }

  /** Workers that wait with free slots, and how many. */
  idle(): { worker: WorkerState; slots: number }[] {
    return [...this.waiters.values()].filter(({ slots }) => slots > 0)
  }

  /** Whether this worker takes tasks and may have this one. */
  suits(job: JobRuntime, task: TaskState, worker: WorkerState): boolean {
    return isWorking(worker) && this.mayHave(job, task, worker)
  }

  /** Whether no rule excludes the worker from the task, whatever the worker does now. */
  mayHave(job: JobRuntime, task: TaskState, worker: WorkerState): boolean {
    const exclusion = workerExclusion(this.taskFacts(job, task, worker), this.workerFacts(worker), this.core.now(), false)
    return exclusion === undefined && !this.taskLaneFull(job, task)
  }

  /** Whether a call of the worker stands open: it is alive, however long ago it began. */
  isWaiting(workerId: number): boolean {
    return this.waiters.has(workerId)
  }

  /** Something may be ready: offers it to those who wait, the longest waiting first. Many calls of one turn are one round. */
  wake(): void {
    if (this.wakeScheduled || (this.waiters.size === 0 && this.leases.reservations.size === 0)) return
    this.wakeScheduled = true
    setImmediate(() => {
      this.wakeScheduled = false
      this.offer()
      if (this.leases.reservations.size > 0) this.onRound()
    })
  }

  workerFacts(worker: WorkerState): WorkerFacts {
    return {
      id: worker.id,
      status: worker.status,
      approved: worker.approvedAt !== null,
      statusRequested: worker.statusRequested,
      kinds: worker.kinds,
      tagIds: worker.tagIds,
      machineId: worker.machineId,
      freeSlots: worker.capacity - this.leases.ofWorker(worker.id).size,
    }
  }

  taskFacts(job: JobRuntime, task: TaskState, worker: WorkerState): TaskFacts {
    const active = job.state.maxWorkers === null ? NOBODY : job.activeWorkers()
    return {
      kind: task.kind,
      tagId: job.state.tagId,
      failedBy: job.state.policy.retryOnSameWorker ? undefined : job.failures.get(task.id),
      blocked: job.blocks.size > 0 && job.blocks.has(workerKind(worker.id, task.kind)),
      keptOff: job.keptOff.get(task.id),
      avoid: job.avoid.get(task.id),
      maxWorkers: job.state.maxWorkers,
      activeWorkers: active.size,
      workerIsActive: active.has(worker.id),
      machineLimit: this.machineLimit(job, worker),
    }
  }

  /** True when a lane of the task's own (not the job's) is full. */
  taskLaneFull(job: JobRuntime, task: TaskState): boolean {
    if (task.laneId === null || task.laneId === job.state.laneId) return false
    const lane = this.book.lanes.get(task.laneId)
    if (!lane) return false
    const { concurrency, inUse } = this.leases.laneUse(lane)
    return inUse >= concurrency
  }

  private offer(): void {
    const turns = this.turns()
    for (let waiter = turns.shift(); waiter; waiter = turns.shift()) {
      const taken: Lease[] = []
      while (taken.length < waiter.slots) {
        const pick = this.pick(waiter.worker)
        if (!pick) break
        if ('loading' in pick) {
          // The queue calls onReady when its tasks are there; then this round is repeated.
          if (taken.length === 0) return
          break
        }
        const better = turns.length > 0 && !this.sessions.isEmpty ? betterPlaced(pick.job.state.id, waiter, turns) : undefined
        if (better && taken.length === 0) {
          // The one that has the scene open chooses before this one, which then chooses anew.
          turns.splice(turns.indexOf(better), 1)
          turns.unshift(better, waiter)
          break
        }
        taken.push(this.lease(pick.job, pick.task, waiter.worker, 'heartbeat'))
      }
      if (taken.length > 0) waiter.resolve(taken)
    }
  }

  /** Who chooses when, the longest waiting first unless open applications make a better order. */
  private turns(): Waiter[] {
    const turns = [...this.waiters.values()]
    return this.sessions.isEmpty ? turns : choosingOrder(turns)
  }

  /** The task of highest rank that the worker may have. */
  pick(worker: WorkerState): Pick {
    // It may have been put to sleep while it waited, or while a window was loaded.
    if (!isWorking(worker)) return undefined
    const now = this.core.now()
    for (const { job, key } of this.book.index.candidates(worker.namespaceId, worker.kinds, worker.tagIds)) {
      const queue = job.queues.get(key.kind)
      if (!queue) continue
      if (queue.headMayBeOnDisk) {
        const loading = queue.refill()
        if (loading) return { loading }
      }
      const task = this.firstFor(job, queue, worker, now)
      if (task) {
        return { job, task }
      }
    }
    return undefined
  }

  private firstFor(job: JobRuntime, queue: ReadyQueue, worker: WorkerState, now: number): TaskState | undefined {
    const facts = this.workerFacts(worker)
    const depth = this.book.inOrder(job) ? 1 : SCAN_DEPTH
    let looked = 0
    for (const task of queue.tasks()) {
      if (++looked > depth) return undefined
      // Too late for it: the timer fails it in a moment.
      if (task.startBy !== null && task.startBy <= now) continue
      const exclusion = workerExclusion(this.taskFacts(job, task, worker), facts, now, false)
      if (exclusion === undefined && !this.taskLaneFull(job, task)) {
        if (queue.size < RUNNING_DRY) this.preloadAfter(job, queue)
        return task
      }
      // These hold for every task of the job; the others are about this one task.
      if (exclusion === 'blocked' || exclusion === 'max-workers' || exclusion === 'machine-limit' || exclusion === 'tag') return undefined
    }
    return undefined
  }

  /** Loads the windows of the next jobs in line, so that the change of job costs no wait. */
  private preloadAfter(job: JobRuntime, queue: ReadyQueue): void {
    let seen = false
    let loads = 2
    for (const entry of this.book.index.candidates(
      job.state.namespaceId,
      [queue.kind],
      job.state.tagId === null ? [] : [job.state.tagId],
    )) {
      if (entry.job === job) seen = true
      else if (seen) {
        const next = entry.job.queues.get(queue.kind)
        if (next && next.size === 0) void next.refill()
        if (--loads === 0) return
      }
    }
  }

  private machineLimit(job: JobRuntime, worker: WorkerState): string | undefined {
    for (const limitId of job.state.limitIds) {
      const use = this.book.limitUse(limitId)
      if (use?.scope === 'machine' && use.inUse >= use.max && !this.leases.machineHolds(limitId, machineKey(worker))) return use.name
    }
    return undefined
  }

  /** Makes it an attempt of this worker's. */
  lease(job: JobRuntime, task: TaskState, worker: WorkerState, leaseKind: LeaseKind): Lease {
    const now = this.core.now()
    job.queues.get(task.kind)?.remove(task)
    job.avoid.delete(task.id)
    task.workerId = worker.id
    task.attempts++
    task.touchedAt = now
    worker.lastTaskId = task.id
    const lease: Lease = {
      job,
      task,
      worker,
      touchedAt: now,
      lastSignAt: now,
      acknowledged: false,
      licenceLine: false,
      attempt: {
        id: this.core.store.newAttemptId(),
        taskId: task.id,
        jobId: job.state.id,
        number: task.attempts,
        workerId: worker.id,
        status: 'active',
        outcome: null,
        reason: '',
        exitCode: null,
        leaseKind,
        leaseUntil: null,
        startedAt: now,
        endedAt: null,
        logBytes: 0,
        logLines: 0,
        result: null,
        metrics: null,
      },
    }
    this.leases.add(lease)
    this.core.store.addAttempt(lease.attempt)
    // 'active' never brings a mass update with it, so nothing is left to wait for.
    void this.transitions.task(job, task, 'active', undefined, lease.attempt)
    if (jobHolds(this.book.facts(job), now).length > 0) this.book.refreshSharers(job)
    return lease
  }
}

const NOBODY: ReadonlySet<number> = new Set()

function isWorking({ status, approvedAt, statusRequested, deletedAt }: WorkerState): boolean {
  return status === 'awake' && approvedAt !== null && statusRequested === null && deletedAt === null
}
