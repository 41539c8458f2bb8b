/** Whether a job may assign tasks at all, and whether a given worker is eligible for one. Pure; `explain` uses the same rules. */
import type { JobStatus } from '../../../shared/enums.ts'
import { RUNNABLE_JOB_STATUSES } from '../../../shared/enums.ts'
import type { UnseenRoot } from './storageRoots.ts'

export interface LimitUse {
  name: string
  max: number
  scope: 'attempt' | 'machine'
  inUse: number
}

export interface JobFacts {
  status: JobStatus
  deletedAt: number | null
  startAfter: number | null
  unmetJobs: number
  limits: readonly LimitUse[]
  /** Its own maximum of running tasks, and how many are running. */
  maxTasks: number | null
  activeTasks: number
  /** overtakes: the lane is ordered, and something older in it is not finished. */
  lane: { concurrency: number; inUse: number; overtakes: boolean } | null
  /** A mass update of its tasks is running. */
  busy: boolean
}

export type JobHold =
  | { rule: 'status'; status: JobStatus }
  | { rule: 'deleted' }
  | { rule: 'start-after'; at: number }
  | { rule: 'job-dependency'; unmet: number }
  | { rule: 'limit'; limit: LimitUse }
  | { rule: 'max-tasks'; max: number }
  | { rule: 'lane'; concurrency: number }
  | { rule: 'lane-order' }
  | { rule: 'busy' }

/** Every rule that holds the whole job back now, for any worker. Empty: it may assign tasks. */
export function jobHolds(job: JobFacts, now: number): JobHold[] {
  const holds: JobHold[] = []
  if (job.deletedAt !== null) holds.push({ rule: 'deleted' })
  if (!RUNNABLE_JOB_STATUSES.includes(job.status)) holds.push({ rule: 'status', status: job.status })
  if (job.startAfter !== null && job.startAfter > now) holds.push({ rule: 'start-after', at: job.startAfter })
  if (job.unmetJobs > 0) holds.push({ rule: 'job-dependency', unmet: job.unmetJobs })
  for (const limit of job.limits) {
    if (limit.scope === 'attempt' && limit.inUse >= limit.max) holds.push({ rule: 'limit', limit })
  }
  if (job.maxTasks !== null && job.activeTasks >= job.maxTasks) holds.push({ rule: 'max-tasks', max: job.maxTasks })
  if (job.lane && job.lane.inUse >= job.lane.concurrency) holds.push({ rule: 'lane', concurrency: job.lane.concurrency })
  if (job.lane?.overtakes) holds.push({ rule: 'lane-order' })
  if (job.busy) holds.push({ rule: 'busy' })
  return holds
}

export interface WorkerFacts {
  id: number
  status: string
  approved: boolean
  statusRequested: string | null
  kinds: readonly string[]
  tagIds: ReadonlySet<number>
  machineId: number | null
  freeSlots: number
}

export interface TaskFacts {
  kind: string
  tagId: number | null
  /** Workers that failed it and are excluded. */
  failedBy: ReadonlySet<number> | undefined
  blocked: boolean
  /** Workers that a person excluded from it. */
  excludedWorkers: ReadonlySet<number> | undefined
  /** It was requeued from this foreign worker, which gets it again only after `until`. */
  avoid: { workerId: number; until: number } | undefined
  maxWorkers: number | null
  /** Different workers that run tasks of the job, and whether this one is among them. */
  activeWorkers: number
  workerIsActive: boolean
  /** Per-machine limits that are used up, unless this machine already holds a unit. */
  machineLimit: string | undefined
  /** The storage of the job that this worker does not see. */
  unseenStorage: UnseenRoot | undefined
}

export type WorkerExclusion =
  | 'kind'
  | 'tag'
  | 'storage'
  | 'blocked'
  | 'failed-before'
  | 'kept-off'
  | 'avoid'
  | 'max-workers'
  | 'machine-limit'
  | 'not-approved'
  | 'not-awake'
  | 'status-requested'
  | 'no-free-slot'

/**
 * The first rule that excludes this worker from the task, undefined when it is eligible. `requireFree`: also checks
 * state and slots.
 */
export function workerExclusion(task: TaskFacts, worker: WorkerFacts, now: number, requireFree: boolean): WorkerExclusion | undefined {
  if (!worker.kinds.includes(task.kind)) return 'kind'
  if (task.tagId !== null && !worker.tagIds.has(task.tagId)) return 'tag'
  if (task.unseenStorage !== undefined) return 'storage'
  if (task.blocked) return 'blocked'
  if (task.failedBy?.has(worker.id)) return 'failed-before'
  if (task.excludedWorkers?.has(worker.id)) return 'kept-off'
  if (task.avoid && task.avoid.workerId === worker.id && task.avoid.until > now) return 'avoid'
  if (task.maxWorkers !== null && !task.workerIsActive && task.activeWorkers >= task.maxWorkers) return 'max-workers'
  if (task.machineLimit !== undefined) return 'machine-limit'
  if (!requireFree) return undefined
  if (!worker.approved) return 'not-approved'
  if (worker.status !== 'awake') return 'not-awake'
  if (worker.statusRequested !== null) return 'status-requested'
  if (worker.freeSlots <= 0) return 'no-free-slot'
  return undefined
}
