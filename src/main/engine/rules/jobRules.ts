/**
 * The state machine of jobs and tasks, as pure functions over counts (Flamenco §3.1 and §3.2, with their intended
 * meaning: a late update does not resume a job that is being paused or canceled).
 */
import type { JobStatus, TaskStatus } from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'
import type { StatusCounts } from '../base/model.ts'

export interface JobChange {
  status: JobStatus
  reason: string
}

/** A percentage of failed tasks is only meaningful from this number on. */
const FEWEST_FAILED = 10

/**
 * The job's reaction to a new status of one of its tasks. `counts` already include the change. Undefined: none.
 */
export function jobAfterTaskChange(
  job: { status: JobStatus; counts: StatusCounts; taskCount: number },
  task: TaskStatus,
  policy: Pick<Policy, 'failJobAtPercent' | 'lastTaskDecides' | 'restsAs'>,
): JobChange | undefined {
  const { status, counts, taskCount } = job
  // Of a job that only rests, the others have ended for good.
  const reopened: JobStatus = policy.restsAs === undefined ? 'requeueing' : 'queued'
  if (status === 'completed') return task === 'queued' ? { status: reopened, reason: 'task was queued' } : undefined
  if (ENDED_OR_ENDING.includes(status)) return undefined
  const stopsEarly = counts.failed >= FEWEST_FAILED && Math.trunc((100 * counts.failed) / taskCount) >= policy.failJobAtPercent
  if (task === 'failed' && stopsEarly) return { status: 'failed', reason: 'too many tasks failed' }
  const rest = atRest({ counts, taskCount, last: task }, policy)
  if (rest) return rest.status === status ? undefined : rest
  if (status === 'pause-requested' && counts.active === 0) return { status: 'paused', reason: 'no task is running any longer' }
  const started = task === 'active' || task === 'soft-failed' || task === 'completed' || task === 'failed'
  return status === 'queued' && started ? { status: 'active', reason: `task became ${task}` } : undefined
}

const ENDED_OR_ENDING: readonly JobStatus[] = ['canceled', 'failed', 'cancel-requested', 'under-construction', 'requeueing']

/**
 * The status of a job with nothing left to run: ended, or paused when a person paused the remaining tasks. Undefined
 * while something runs or could run. `last`: the task status that brought the job to rest, if one did.
 */
export function atRest(
  { counts, taskCount, last }: { counts: StatusCounts; taskCount: number; last?: TaskStatus },
  policy: Pick<Policy, 'lastTaskDecides' | 'restsAs'>,
): JobChange | undefined {
  if (counts.active + counts.queued + counts['soft-failed'] > 0) return undefined
  if (policy.restsAs !== undefined && counts.paused === 0) return { status: 'completed', reason: policy.restsAs }
  if (counts.completed === taskCount) return { status: 'completed', reason: 'all tasks completed' }
  if (counts.paused > 0) return { status: 'paused', reason: 'only paused tasks are left' }
  if (last === 'canceled' && counts.failed > 0) return { status: 'canceled', reason: 'the last runnable task was canceled' }
  if (counts.failed > 0 && !(policy.lastTaskDecides && (last === 'completed' || (last === undefined && counts.completed > 0)))) {
    return { status: 'failed', reason: 'tasks failed and nothing is left to run' }
  }
  if (last === 'canceled' || counts.completed === 0) return { status: 'canceled', reason: 'all runnable tasks are canceled' }
  return { status: 'completed', reason: counts.failed > 0 ? 'nothing is left to run' : 'all tasks that were not canceled are completed' }
}

/** What a job's new status does to its tasks, and the status that follows automatically. */
export interface JobStatusEffect {
  tasks?: { from: readonly TaskStatus[]; to: TaskStatus; activity: string }
  /** Decided by the recount after the mass update. */
  next?: (counts: StatusCounts, taskCount: number, policy: Pick<Policy, 'lastTaskDecides' | 'restsAs'>) => JobChange | undefined
}

export function effectOfJobStatus(from: JobStatus, to: JobStatus): JobStatusEffect {
  switch (to) {
    case 'cancel-requested':
    case 'failed':
      return {
        tasks: {
          from: ['active', 'queued', 'soft-failed'],
          to: 'canceled',
          activity: `Manager cancelled this task because the job got status "${to}".`,
        },
        next: () => (to === 'cancel-requested' ? { status: 'canceled', reason: 'all tasks were canceled' } : undefined),
      }
    case 'pause-requested':
      return {
        tasks: {
          from: ['queued', 'soft-failed'],
          to: 'paused',
          activity: 'Manager paused this task because the job got status "pause-requested".',
        },
        next: (counts) => (counts.active === 0 ? { status: 'paused', reason: 'no task is running any longer' } : undefined),
      }
    case 'requeueing':
      if (from === 'under-construction') return {}
      return {
        tasks: {
          from:
            from === 'completed'
              ? ['completed', 'canceled', 'failed', 'paused', 'soft-failed', 'active']
              : ['canceled', 'failed', 'paused', 'soft-failed'],
          to: 'queued',
          activity: `Queued because job transitioned status from "${from}" to "requeueing"`,
        },
        next: () => ({ status: 'queued', reason: 'tasks were requeued' }),
      }
    case 'queued':
    case 'active':
      // A job without anything to run would be "running" forever.
      return { next: (counts, taskCount, policy) => (taskCount > 0 ? atRest({ counts, taskCount }, policy) : undefined) }
    default:
      return {}
  }
}

/** The statuses in which people may use an action; from others, its effect would be a surprise. */
export const ACTION_ALLOWED: Record<'pause' | 'resume' | 'cancel' | 'requeue' | 'requeue-failed', readonly JobStatus[]> = {
  pause: ['active', 'queued'],
  // Single tasks can be paused while their job continues.
  resume: ['paused', 'pause-requested', 'active', 'queued'],
  cancel: ['active', 'queued', 'paused', 'pause-requested', 'failed'],
  requeue: ['completed', 'failed', 'canceled', 'paused', 'active', 'queued'],
  'requeue-failed': ['failed', 'canceled', 'active', 'queued', 'completed', 'paused'],
}
