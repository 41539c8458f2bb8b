/**
 * Assigns tasks: picks the best one for a worker from the ready index, creates its lease, and lets workers wait until
 * there is work for them. All in memory; its decisions are on disk when `durable` resolves.
 */
import { Signal } from '../../../shared/async.ts'
import type { Core } from '../base/core.ts'
import { jobHolds, workerExclusion, type TaskFacts, type WorkerExclusion, type WorkerFacts } from '../rules/eligibility.ts'
import { externalLease, externalTerms } from '../rules/externalTerms.ts'
import type { CancelSignal } from '../base/cancelSignal.ts'
import type { JobCache } from './jobCache.ts'
import { workerKind, type JobRuntime, type Lease } from './jobRuntime.ts'
import { machineKey, type Leases } from './leases.ts'
import type { LeaseKind } from '../../../shared/enums.ts'
import type { TaskState, WorkerState } from '../base/model.ts'
import type { Others } from './otherWorkers.ts'
import type { ReadyQueue } from './ready/readyQueue.ts'
import type { WarmApps } from './warmApps.ts'
import type { StorageProofs } from '../workers/storageProofs.ts'
import { betterPlaced, choosingOrder, type WaiterFacts } from '../rules/warmAppRules.ts'
import type { Transitions } from '../jobs/transitions.ts'

/** How many tasks of one queue are examined before the next job gets its chance. */
const SCAN_DEPTH = 256
/** A queue below this level has its successors loaded in the background. */
const RUNNING_DRY = 32

export type Pick = { task: TaskState; job: JobRuntime } | { loading: Promise<void> } | undefined

interface Wish {
  readonly worker: WorkerState
  readonly slots: number
  /** Those that it wants; usually all of the worker's. */
  readonly kinds: readonly string[] | undefined
  readonly leaseKind: LeaseKind
}

interface Waiter extends WaiterFacts, Wish {
  resolve(leases: Lease[]): void
}

export class Dispatcher {
  /** By the worker's internal id, or by an object of its own for each open call of an external executor. */
  private readonly waiters = new Map<number | object, Waiter>()
  private wakeScheduled = false
  /** After each round, and when a worker starts to wait for work: another worker may need the tasks that busy workers hold. */
  readonly roundDone = new Signal()

  constructor(
    private readonly core: Core,
    private readonly book: JobCache,
    private readonly leases: Leases,
    private readonly transitions: Transitions,
    private readonly sessions: WarmApps,
    private readonly others: Others,
    private readonly storage: StorageProofs,
  ) {
    book.ready.on(() => this.wake())
    storage.changed.on(() => this.wake())
    leases.takenAway.on((workerId) => this.nudge(workerId))
  }

  /** Leases up to `slots` tasks to the worker, now. Waits only while a window of tasks is loaded from disk. */
  async take(worker: WorkerState, slots: number, leaseKind: LeaseKind, kinds?: readonly string[]): Promise<Lease[]> {
    const taken: Lease[] = []
    while (taken.length < slots) {
      const pick = this.pick(worker, kinds)
      if (!pick) break
      if ('loading' in pick) await pick.loading
      else taken.push(this.lease(pick.job, pick.task, worker, leaseKind))
    }
    return taken
  }

  /** Resolves with leases as soon as there is work for the worker, or without any when it is nudged or the time is up. */
  wait(worker: WorkerState, slots: number, waitMs: number, signal: CancelSignal): Promise<Lease[]> {
    this.waiters.get(worker.id)?.resolve([])
    return this.waitAs(worker.id, { worker, slots, kinds: undefined, leaseKind: 'heartbeat' }, waitMs, signal)
  }

  /** The same for an external executor: one task, and any number of its calls may be open. */
  waitApart(worker: WorkerState, kinds: readonly string[], waitMs: number, signal: CancelSignal): Promise<Lease[]> {
    return this.waitAs({}, { worker, slots: 1, kinds, leaseKind: 'unbounded' }, waitMs, signal)
  }

  private waitAs(key: number | object, { worker, slots, kinds, leaseKind }: Wish, waitMs: number, signal: CancelSignal): Promise<Lease[]> {
    return new Promise((resolve) => {
      const finish = (leases: Lease[]): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', nudge)
        if (this.waiters.get(key) === waiter) this.waiters.delete(key)
        resolve(leases)
      }
      const nudge = (): void => finish([])
      const { sessions } = this
      const waiter: Waiter = {
        worker,
        slots,
        kinds,
        leaseKind,
        resolve: finish,
        get warmFor() {
          return sessions.warmFor(worker.id)
        },
      }
      const timer = setTimeout(nudge, waitMs)
      signal.addEventListener('abort', nudge, { once: true })
      this.waiters.set(key, waiter)
      if (signal.aborted) return nudge()
      // Work that arrived between its own search and this moment has woken no worker.
      if (slots > 0 && this.pick(worker, kinds)) this.wake()
      if (slots > 0 && this.leases.reservations.size > 0) this.roundDone.emit()
    })
  }

  /** The worker has something other than work to receive: a status request, a cancellation, its approval. */
  nudge(workerId: number): void {
    this.waiters.get(workerId)?.resolve([])
  }

  /** The same for all open calls of an external executor. */
  nudgeApart(workerId: number): void {
    for (const waiter of [...this.waiters.values()]) if (waiter.worker.id === workerId) waiter.resolve([])
  }

  nudgeAll(): void {
    for (const waiter of [...this.waiters.values()]) waiter.resolve([])
  }

  /** Workers that wait with free slots, and how many. */
  idle(): { worker: WorkerState; slots: number }[] {
    return [...this.waiters.values()].filter(({ slots }) => slots > 0)
  }

  /** Whether this worker takes tasks and is eligible for this one. */
  suits(job: JobRuntime, task: TaskState, worker: WorkerState): boolean {
    return isWorking(worker) && this.mayHave(job, task, worker)
  }

  /** Whether no rule excludes the worker from the task, regardless of what the worker is doing now. */
  mayHave(job: JobRuntime, task: TaskState, worker: WorkerState): boolean {
    const exclusion = workerExclusion(this.taskFacts(job, task, worker), this.workerFacts(worker), this.core.now(), false)
    return exclusion === undefined && !this.taskLaneFull(job, task)
  }

  /** Whether a call of the worker is open: it is alive, however long ago the call started. */
  isWaiting(workerId: number): boolean {
    return this.waiters.has(workerId)
  }

  /** Tasks may be ready: offers them to waiting workers, the longest waiting first. Many calls in one turn are one round. */
  wake(): void {
    if (this.wakeScheduled || (this.waiters.size === 0 && this.leases.reservations.size === 0)) return
    this.wakeScheduled = true
    setImmediate(() => {
      this.wakeScheduled = false
      this.offer()
      if (this.leases.reservations.size > 0) this.roundDone.emit()
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
    const active = job.state.maxWorkers === null ? NO_WORKERS : job.activeWorkers()
    return {
      kind: task.kind,
      tagId: job.state.tagId,
      failedBy: this.failedBy(job, task, worker),
      blocked: job.blocks.size > 0 && job.blocks.has(workerKind(worker.id, task.kind)),
      excludedWorkers: job.excludedWorkers.get(task.id),
      avoid: job.avoid.get(task.id),
      maxWorkers: job.state.maxWorkers,
      activeWorkers: active.size,
      workerIsActive: active.has(worker.id),
      machineLimit: this.machineLimit(job, worker),
      unseenStorage: this.storage.unseen(job.state.storageRoots, worker),
    }
  }

  /** Workers that failed it and are excluded; none, when this worker failed it and no other can take it. */
  private failedBy(job: JobRuntime, task: TaskState, worker: WorkerState): ReadonlySet<number> | undefined {
    const failedBy = job.failures.size > 0 ? job.failures.get(task.id) : undefined
    return failedBy?.has(worker.id) && this.others.mayRetry(job, task) ? undefined : failedBy
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
        const pick = this.pick(waiter.worker, waiter.kinds)
        if (!pick) break
        if ('loading' in pick) {
          // The queue emits `ready` when its tasks are loaded; then this round is repeated.
          if (taken.length === 0) return
          break
        }
        const better = turns.length > 0 && !this.sessions.isEmpty ? betterPlaced(pick.job.state.id, waiter, turns) : undefined
        if (better && taken.length === 0) {
          // The worker with the scene open chooses before this one, which then chooses again.
          turns.splice(turns.indexOf(better), 1)
          turns.unshift(better, waiter)
          break
        }
        taken.push(this.lease(pick.job, pick.task, waiter.worker, waiter.leaseKind))
      }
      if (taken.length > 0) waiter.resolve(taken)
    }
  }

  /** The order in which workers choose: the longest waiting first, unless open applications make another order better. */
  private turns(): Waiter[] {
    const turns = [...this.waiters.values()]
    return this.sessions.isEmpty ? turns : choosingOrder(turns)
  }

  /** The task of highest rank that the worker is eligible for. @param kinds only these */
  pick(worker: WorkerState, kinds: readonly string[] = worker.kinds): Pick {
    // It may have been put to sleep while it waited, or while a window was loaded.
    if (!isWorking(worker) || !this.core.store.hasRoom) return undefined
    const now = this.core.now()
    for (const { job, key } of this.book.index.candidates(worker.namespaceId, kinds, worker.tagIds)) {
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
    const depth = this.book.laneOrder.inOrder(job) ? 1 : SCAN_DEPTH
    let looked = 0
    for (const task of queue.tasks()) {
      if (++looked > depth) return undefined
      // Its start-by time has passed: the timer fails it in a moment.
      if (task.startBy !== null && task.startBy <= now) continue
      const exclusion = workerExclusion(this.taskFacts(job, task, worker), facts, now, false)
      if (exclusion === undefined && !this.taskLaneFull(job, task)) {
        if (queue.size < RUNNING_DRY) this.preloadAfter(job, queue)
        return task
      }
      // These apply to every task of the job; the others to this task only.
      if (exclusion !== undefined && OF_THE_JOB.includes(exclusion)) return undefined
    }
    return undefined
  }

  /** Loads the windows of the next jobs in line, so that changing to another job costs no wait. */
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
      const limit = this.book.limits.get(limitId)
      const use = limit && this.leases.limitUse(limit)
      if (use?.scope === 'machine' && use.inUse >= use.max && !this.leases.machineHolds(limitId, machineKey(worker))) return use.name
    }
    return undefined
  }

  /** Makes it an attempt of this worker. */
  lease(job: JobRuntime, task: TaskState, worker: WorkerState, leaseKind: LeaseKind): Lease {
    const now = this.core.now()
    job.queues.get(task.kind)?.remove(task)
    job.avoid.delete(task.id)
    task.workerId = worker.id
    task.attempts++
    task.touchedAt = now
    worker.lastTaskId = task.id
    const terms = worker.adapter === 'external' ? externalLease(externalTerms(job.commandsOf(task)), now) : { leaseKind, leaseUntil: null }
    const lease: Lease = {
      job,
      task,
      worker,
      runningSince: now,
      touchedAt: now,
      lastSignAt: now,
      acknowledged: false,
      licenceLine: false,
      tail: '',
      unnamed: true,
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
        leaseKind: terms.leaseKind,
        leaseUntil: terms.leaseUntil,
        startedAt: now,
        endedAt: null,
        logBytes: 0,
        logLines: 0,
        logLineOpen: false,
        result: null,
        metrics: null,
      },
    }
    this.leases.add(lease)
    this.core.store.addAttempt(lease.attempt)
    // 'active' never involves a mass update, so there is nothing to wait for.
    void this.transitions.task(job, task, 'active', undefined, lease.attempt)
    if (jobHolds(this.book.facts(job), now).length > 0) this.book.refreshSharers(job)
    return lease
  }
}

const NO_WORKERS: ReadonlySet<number> = new Set()
const OF_THE_JOB: readonly WorkerExclusion[] = ['blocked', 'max-workers', 'machine-limit', 'tag', 'storage']

function isWorking({ status, approvedAt, statusRequested, deletedAt }: WorkerState): boolean {
  return status === 'awake' && approvedAt !== null && statusRequested === null && deletedAt === null
}
