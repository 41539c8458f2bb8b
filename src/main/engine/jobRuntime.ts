/** The hot state of one job that may hand out or finish tasks. Rebuilt from the database at start and after bulk changes. */
import type { Command } from '../../shared/schemas/job.ts'
import { prepareTemplate, type PreparedTemplate } from './commandTemplates.ts'
import { LicencePattern } from './licencePattern.ts'
import type { IndexEntry } from './readyIndex.ts'
import type { ReadyQueue } from './readyQueue.ts'
import type { AttemptState, JobState, TaskState, WorkerState } from './model.ts'
import type { JobSeed } from './ports.ts'
import type { Reservation } from './reservations.ts'
import { Unsaved } from './unsaved.ts'

/** The right of a worker to run an attempt. */
export interface Lease {
  readonly job: JobRuntime
  readonly task: TaskState
  readonly attempt: AttemptState
  readonly worker: WorkerState
  /** Heard of by any means (heartbeat, may-i-run, update). */
  touchedAt: number
  /** Showed a sign of life of its own: a log line or progress. */
  lastSignAt: number
  /** The worker has named it: the reply that handed it out arrived. */
  acknowledged: boolean
  /** Its log matched the policy's licence pattern. */
  licenceLine: boolean
}

export class JobRuntime {
  readonly state: JobState
  /** Barriers: members that are not completed. */
  readonly groups = new Map<number, number>()
  private readonly templates = new Map<number, string>()
  private readonly prepared = new Map<number, PreparedTemplate>()
  /** By task id. */
  readonly active = new Map<number, Lease>()
  /** Held by busy workers as their next ones, by task id: queued, and in no queue. */
  readonly reserved = new Map<number, Reservation>()
  /** Task id → workers that failed it. */
  readonly failures = new Map<number, Set<number>>()
  /** `worker/kind` → failed tasks. */
  readonly failuresOfWorker = new Map<string, number>()
  readonly blocks = new Set<string>()
  /** Task id → workers that a person keeps from it. */
  readonly keptOff = new Map<number, Set<number>>()
  readonly queues = new Map<string, ReadyQueue>()
  readonly entries = new Map<string, IndexEntry<JobRuntime>>()
  /** Ready but for their not-before time. */
  readonly delayed = new Map<number, TaskState>()
  /** By task index: changed in memory, not yet on disk. */
  readonly unsaved = new Unsaved<number, TaskState>()
  /** Requeued from a foreign worker, which must not get it back before `until`. */
  readonly avoid = new Map<number, { workerId: number; until: number }>()
  hasEdges = false
  /** Set while a bulk change runs: nothing else may touch the tasks. */
  busy: Promise<void> | undefined
  /** Bulk changes so far: what was loaded before one of them is void after it. */
  bulks = 0
  /** Last use, for forgetting jobs that have nothing to do. */
  usedAt = 0
  licencePattern: LicencePattern | undefined

  constructor(seed: JobSeed) {
    this.state = seed.job
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
    this.keptOff.clear()
    for (const { taskId, workerId } of seed.keptOff) this.keptOff.set(taskId, (this.keptOff.get(taskId) ?? new Set()).add(workerId))
    this.usePolicy()
  }

  /** To be called when the policy changed. */
  usePolicy(): void {
    const { licencePattern } = this.state.policy
    this.licencePattern = licencePattern ? new LicencePattern(licencePattern) : undefined
  }

  /** What the task's workers are to do; shared between tasks, so it must not be changed. */
  commandsOf(task: TaskState): Command[] {
    let prepared = this.prepared.get(task.templateId)
    if (!prepared) {
      const template = this.templates.get(task.templateId)
      if (template === undefined) throw new Error(`task ${task.id} has no command template ${task.templateId}`)
      this.prepared.set(task.templateId, (prepared = prepareTemplate(template)))
    }
    return prepared(task.params)
  }

  /** Different workers that run its tasks now. */
  activeWorkers(): Set<number> {
    const workers = new Set<number>()
    for (const lease of this.active.values()) workers.add(lease.worker.id)
    return workers
  }

  /** Returns false when it was known already. */
  noteFailure(taskId: number, workerId: number, kind: string): boolean {
    let workers = this.failures.get(taskId)
    if (!workers) this.failures.set(taskId, (workers = new Set()))
    if (workers.has(workerId)) return false
    workers.add(workerId)
    const key = workerKind(workerId, kind)
    this.failuresOfWorker.set(key, (this.failuresOfWorker.get(key) ?? 0) + 1)
    return true
  }

  forgetFailures(task: TaskState): void {
    for (const workerId of this.failures.get(task.id) ?? []) {
      const key = workerKind(workerId, task.kind)
      const left = (this.failuresOfWorker.get(key) ?? 1) - 1
      if (left > 0) this.failuresOfWorker.set(key, left)
      else this.failuresOfWorker.delete(key)
    }
    this.failures.delete(task.id)
    this.keptOff.delete(task.id)
  }
}

export const workerKind = (workerId: number, kind: string): string => `${workerId}/${kind}`

function refill<K, V>(map: Map<K, V>, entries: Iterable<[K, V]>): void {
  map.clear()
  for (const [key, value] of entries) map.set(key, value)
}
