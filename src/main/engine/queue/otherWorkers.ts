/** Which other workers could run a task. Computed each time: workers come, leave, are retagged and gain kinds. */
import type { Core } from '../base/core.ts'
import { triesAlone } from '../rules/failurePolicy.ts'
import { workerKind, type JobRuntime } from './jobRuntime.ts'
import type { TaskState, WorkerState } from '../base/model.ts'
import type { UnseenRoot } from '../rules/storageRoots.ts'
import { presenceOf, type Presence } from '../rules/workers/presence.ts'
import type { StorageProofs } from '../workers/storageProofs.ts'

/** Workers that could take a task, by presence. */
export interface OthersCount {
  here: number
  away: number
}

export class Others {
  constructor(
    private readonly core: Core,
    private readonly workers: () => Iterable<WorkerState>,
    private readonly storage: StorageProofs,
  ) {}

  presence(worker: WorkerState): Presence {
    return presenceOf(worker, this.core.settings().workerGoneMs, this.core.now())
  }

  /** Approved workers of the kind and tag that see the job's storage, whatever their history with this job. */
  *fitting(job: JobRuntime, kind: string): Iterable<WorkerState> {
    for (const worker of this.workers()) {
      if (worker.approvedAt !== null && hasKindAndTag(job, kind, worker) && this.unseenStorage(job, worker) === undefined) yield worker
    }
  }

  unseenStorage(job: JobRuntime, worker: WorkerState): UnseenRoot | undefined {
    return this.storage.unseen(job.state.storageRoots, worker)
  }

  /** Workers other than `except` that are eligible for the task and did not fail it. */
  of(job: JobRuntime, task: TaskState, exceptId: number): OthersCount {
    const failedBy = job.failures.get(task.id)
    const excludedWorkers = job.excludedWorkers.get(task.id)
    const count = { here: 0, away: 0 }
    for (const worker of this.fitting(job, task.kind)) {
      if (worker.id === exceptId || this.isBlocked(job, task.kind, worker)) continue
      if (excludedWorkers?.has(worker.id) || (!job.state.policy.retryOnSameWorker && failedBy?.has(worker.id))) continue
      const presence = this.presence(worker)
      if (presence === 'away') count.away++
      else if (presence !== 'gone') count.here++
    }
    return count
  }

  /** Workers other than `except` that are not gone and are eligible for tasks of the kind. */
  ofKind(job: JobRuntime, kind: string, exceptId: number): number {
    let left = 0
    for (const worker of this.fitting(job, kind)) {
      if (worker.id !== exceptId && !this.isBlocked(job, kind, worker) && this.presence(worker) !== 'gone') left++
    }
    return left
  }

  /** Whether workers that failed the task may get it again: no other worker can take it now, and it has tries left. */
  mayRetry(job: JobRuntime, task: TaskState): boolean {
    const { policy } = job.state
    if (policy.retryOnSameWorker) return true
    if (task.retries >= triesAlone(policy)) return false
    const failedBy = job.failures.get(task.id)
    const excludedWorkers = job.excludedWorkers.get(task.id)
    for (const worker of this.fitting(job, task.kind)) {
      if (failedBy?.has(worker.id) || excludedWorkers?.has(worker.id) || this.isBlocked(job, task.kind, worker)) continue
      const presence = this.presence(worker)
      if (presence === 'awake' || presence === 'asleep') return false
    }
    return true
  }

  /** Whether another worker could run the task once its failures are cleared. */
  couldRunElsewhere(job: JobRuntime, task: TaskState, exceptId: number): boolean {
    const excludedWorkers = job.excludedWorkers.get(task.id)
    for (const worker of this.fitting(job, task.kind)) {
      if (worker.id !== exceptId && !excludedWorkers?.has(worker.id) && !this.isBlocked(job, task.kind, worker)) return true
    }
    return false
  }

  isBlocked(job: JobRuntime, kind: string, worker: WorkerState): boolean {
    return job.blocks.size > 0 && job.blocks.has(workerKind(worker.id, kind))
  }
}

export function hasKindAndTag(job: JobRuntime, kind: string, worker: WorkerState): boolean {
  return worker.kinds.includes(kind) && (job.state.tagId === null || worker.tagIds.has(job.state.tagId))
}
