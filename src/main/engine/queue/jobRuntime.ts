/** The hot state of one job that may assign or finish tasks. Rebuilt from the database at start and after bulk changes. */
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import { prepareTemplate, type PreparedTemplate } from '../compile/commandTemplates.ts'
import { LicencePattern } from './licencePattern.ts'
import type { IndexEntry } from './ready/readyIndex.ts'
import type { Tally } from '../rules/failurePolicy.ts'
import type { ReadyQueue } from './ready/readyQueue.ts'
import type { AttemptState, JobState, TaskState, WorkerState } from '../base/model.ts'
import type { JobSeed } from '../base/ports.ts'
import type { Reservation } from './reservations.ts'
import { Unsaved } from './unsaved.ts'

/** The right of a worker to run an attempt. */
export interface Lease {
  readonly job: JobRuntime
  readonly task: TaskState
  readonly attempt: AttemptState
  readonly worker: WorkerState
  /** When its uninterrupted run started, for duration limits: moves with the clock, unlike the attempt's own start. */
  runningSince: number
  /** The last contact of any kind (heartbeat, may-i-run, update). */
  touchedAt: number
  /** The last sign of life of its own: a log line or progress. */
  lastSignAt: number
  /** The worker has named it: the reply that assigned it arrived. */
  acknowledged: boolean
  /** Its log matched the policy's license pattern. */
  licenceLine: boolean
  /** The end of its program's output so far. */
  tail: string
  /** Its worker reported completion, and its files are being checked (foreignCompletion.ts). */
  reportedDone?: boolean
  /** None of its frames is known yet: its worker's log named none. Missing: who knows. */
  unnamed?: boolean
  /** Its worker is asked to stop it, and its end completes the task. `sentAt`: when the worker was last told. */
  halt?: { readonly reason: string; sentAt?: number }
}

export class JobRuntime {
  readonly state: JobState
  /** Barriers: members that are not completed. */
  readonly groups = new Map<number, number>()
  private readonly templates = new Map<number, string>()
  private readonly prepared = new Map<number, PreparedTemplate>()
  /** By task id. Only leases.ts changes it. */
  readonly active = new Map<number, Lease>()
  /** The same by task index. */
  readonly activeByIndex = new Map<number, Lease>()
  /** Held by busy workers as their next ones, by task id: queued, and in no queue. */
  readonly reserved = new Map<number, Reservation>()
  /** Task id → workers that failed it. */
  readonly failures = new Map<number, Set<number>>()
  /** Task id → its kind, of the tasks in `failures`. */
  private readonly kindOfFailed = new Map<number, string>()
  /** `worker/kind` → failed tasks. */
  readonly failuresOfWorker = new Map<string, number>()
  /** `worker/kind` → tasks it completed. */
  readonly completedBy = new Map<string, number>()
  /** `worker/kind` → tasks it failed and another worker, which did not fail them, completed. */
  readonly outdone = new Map<string, number>()
  readonly blocks = new Set<string>()
  /** Task id → workers that a person excluded from it. */
  readonly excludedWorkers = new Map<number, Set<number>>()
  readonly queues = new Map<string, ReadyQueue>()
  readonly entries = new Map<string, IndexEntry<JobRuntime>>()
  /** Ready, except for their not-before time. */
  readonly delayed = new Map<number, TaskState>()
  /** By task index: changed in memory, not yet on disk. */
  readonly unsaved = new Unsaved<number, TaskState>()
  /** Requeued from a foreign worker, which must not get it back before `until`. */
  readonly avoid = new Map<number, { readonly workerId: number; until: number }>()
  /** Kinds (or `kind/task id`) that no worker can take, and since when (stalls.ts). */
  readonly stalledSince = new Map<string, number>()
  /** Workers (internal ids) that saved its frames; undefined when only the database knows. */
  framesFrom: Set<number> | undefined
  /** The running check of all its files before it counts as completed. */
  finalLook: object | undefined
  hasEdges = false
  /** Set while a bulk change runs: nothing else may touch the tasks. */
  busy: Promise<void> | undefined
  /** Bulk changes so far: data loaded before one of them is invalid after it. */
  bulks = 0
  /** Last use, for dropping idle jobs. */
  usedAt = 0
  licencePattern: LicencePattern | undefined

  constructor(seed: JobSeed) {
    this.state = seed.job
    // A job that never ran has none.
    this.framesFrom = seed.job.startedAt === null ? new Set() : undefined
    this.adopt(seed)
  }

  /** Takes over everything but leases and queues. */
  adopt(seed: JobSeed): void {
    Object.assign(this.state, seed.job)
    this.hasEdges = seed.hasEdges
    refill(this.groups, seed.groups)
    refill(this.templates, seed.templates)
    this.prepared.clear()
    this.blocks.clear()
    for (const block of seed.blocks) this.blocks.add(workerKind(block.workerId, block.kind))
    this.failures.clear()
    this.failuresOfWorker.clear()
    for (const failure of seed.failures) this.noteFailure(failure.taskId, failure.workerId, failure.kind)
    this.completedBy.clear()
    for (const { workerId, kind, tasks } of seed.completed) this.completedBy.set(workerKind(workerId, kind), tasks)
    this.outdone.clear()
    for (const { workerId, kind, tasks } of seed.outdone) this.outdone.set(workerKind(workerId, kind), tasks)
    this.excludedWorkers.clear()
    for (const { taskId, workerId } of seed.excludedWorkers)
      this.excludedWorkers.set(taskId, (this.excludedWorkers.get(taskId) ?? new Set()).add(workerId))
    this.usePolicy()
  }

  /** Call it when the policy changes. */
  usePolicy(): void {
    const { licencePattern } = this.state.policy
    this.licencePattern = licencePattern ? new LicencePattern(licencePattern) : undefined
  }

  /** The template of tasks that are added one by one; undefined: the job has none. */
  get firstTemplate(): number | undefined {
    return this.templates.keys().next().value
  }

  /** The commands of the task; shared between tasks, so they must not be changed. */
  commandsOf(task: TaskState): Command[] {
    let prepared = this.prepared.get(task.templateId)
    if (!prepared) {
      const template = this.templates.get(task.templateId)
      if (template === undefined) throw new Error(`task ${task.id} has no command template ${task.templateId}`)
      this.prepared.set(task.templateId, (prepared = prepareTemplate(template)))
    }
    return prepared(task.params)
  }

  /** The lease of the task with this index. */
  leaseOf(index: number): Lease | undefined {
    return this.activeByIndex.get(index)
  }

  /** The distinct workers that run its tasks now. */
  activeWorkers(): Set<number> {
    const workers = new Set<number>()
    for (const lease of this.active.values()) workers.add(lease.worker.id)
    return workers
  }

  /** Returns false when it was already recorded. */
  noteFailure(taskId: number, workerId: number, kind: string): boolean {
    let workers = this.failures.get(taskId)
    if (!workers) this.failures.set(taskId, (workers = new Set()))
    if (workers.has(workerId)) return false
    workers.add(workerId)
    this.kindOfFailed.set(taskId, kind)
    const key = workerKind(workerId, kind)
    this.failuresOfWorker.set(key, (this.failuresOfWorker.get(key) ?? 0) + 1)
    return true
  }

  /** The worker completed a task. Returns the workers that failed it before and are thereby shown to be at fault. */
  noteCompletion(task: TaskState, workerId: number): number[] {
    add(this.completedBy, workerKind(workerId, task.kind))
    const failedBy = this.failures.get(task.id)
    if (!failedBy || failedBy.has(workerId)) return []
    for (const failer of failedBy) add(this.outdone, workerKind(failer, task.kind))
    return [...failedBy]
  }

  /** The results of this worker with one kind of task, and those of all others together. */
  tallies(workerId: number, kind: string): { mine: Tally; others: Tally; outdone: number } {
    const key = workerKind(workerId, kind)
    const sum = (map: ReadonlyMap<string, number>): number => {
      let others = 0
      for (const [each, n] of map) if (each !== key && each.endsWith(`/${kind}`)) others += n
      return others
    }
    return {
      mine: { failed: this.failuresOfWorker.get(key) ?? 0, completed: this.completedBy.get(key) ?? 0 },
      others: { failed: sum(this.failuresOfWorker), completed: sum(this.completedBy) },
      outdone: this.outdone.get(key) ?? 0,
    }
  }

  /** This worker's failures of one kind no longer count. */
  forgetFailuresOf(workerId: number, kind: string): void {
    for (const [taskId, workers] of this.failures) {
      if (!workers.has(workerId) || this.kindOfFailed.get(taskId) !== kind) continue
      workers.delete(workerId)
      if (workers.size === 0) this.failures.delete(taskId)
    }
    const key = workerKind(workerId, kind)
    this.failuresOfWorker.delete(key)
    this.outdone.delete(key)
  }

  forgetFailures(task: TaskState): void {
    for (const workerId of this.failures.get(task.id) ?? []) {
      const key = workerKind(workerId, task.kind)
      const left = (this.failuresOfWorker.get(key) ?? 1) - 1
      if (left > 0) this.failuresOfWorker.set(key, left)
      else this.failuresOfWorker.delete(key)
    }
    this.failures.delete(task.id)
    this.excludedWorkers.delete(task.id)
  }
}

export const workerKind = (workerId: number, kind: string): string => `${workerId}/${kind}`

function add(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}

function refill<K, V>(map: Map<K, V>, entries: Iterable<[K, V]>): void {
  map.clear()
  for (const [key, value] of entries) map.set(key, value)
}
