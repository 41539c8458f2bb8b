/**
 * The state machine of jobs and tasks, as pure functions over counts (Flamenco §3.1 and §3.2, with their intended
 * meaning: an update that comes late does not wake a job that is being paused or is cancelled).
 */
import type { JobStatus, TaskStatus } from '../../shared/enums.ts'
import type { Policy } from '../../shared/policy.ts'
import type { StatusCounts } from './model.ts'

export interface JobChange {
  status: JobStatus
  reason: string
}

/**
 * What becomes of the job when one of its tasks has got a new status. `counts` already include the change.
 * Undefined: nothing.
 */
export function jobAfterTaskChange(
  job: { status: JobStatus; counts: StatusCounts; taskCount: number },
  task: TaskStatus,
  policy: Pick<Policy, 'failJobAtPercent' | 'lastTaskDecides'>,
): JobChange | undefined {
  const { status, counts, taskCount } = job
  const paused: JobChange | undefined =
    status === 'pause-requested' && counts.active === 0 ? { status: 'paused', reason: 'no task is active any more' } : undefined
  const started: JobChange | undefined = status === 'queued' ? { status: 'active', reason: `task became ${task}` } : undefined
  switch (task) {
    case 'active':
      return started
    case 'soft-failed':
      return paused ?? started
    case 'completed':
      if (counts.completed === taskCount) return { status: 'completed', reason: 'all tasks completed' }
      if (nothingLeft(counts) && counts.paused === 0 && (status === 'active' || status === 'queued')) {
        return counts.failed > 0 && !policy.lastTaskDecides
          ? { status: 'failed', reason: 'tasks failed and nothing is left to run' }
          : { status: 'completed', reason: counts.failed > 0 ? 'nothing is left to run' : 'all tasks that were not canceled are completed' }
      }
      return paused ?? started
    case 'failed':
      if (status === 'canceled' || status === 'failed' || status === 'cancel-requested') return undefined
      if (Math.trunc((100 * counts.failed) / taskCount) >= policy.failJobAtPercent) return { status: 'failed', reason: 'too many tasks failed' }
      if (nothingLeft(counts) && counts.paused === 0) return { status: 'failed', reason: 'tasks failed and nothing is left to run' }
      return paused ?? started
    case 'canceled':
      if (status === 'completed' || status === 'failed' || status === 'canceled') return undefined
      if (nothingLeft(counts)) {
        return counts.failed > 0 && status !== 'cancel-requested'
          ? { status: 'canceled', reason: 'the last runnable task was canceled' }
          : { status: 'canceled', reason: 'all runnable tasks are canceled' }
      }
      return paused
    case 'paused':
      return paused
    case 'queued':
      return status === 'completed' ? { status: 'requeueing', reason: 'task was queued' } : paused
  }
}

/** No task is running or could run without somebody acting. */
function nothingLeft(counts: StatusCounts): boolean {
  return counts.active === 0 && counts.queued === 0 && counts['soft-failed'] === 0
}

/** What a job's new status does to its tasks, and to which status it goes on by itself. */
export interface JobStatusEffect {
  tasks?: { from: readonly TaskStatus[]; to: TaskStatus; activity: string }
  /** The recount after the mass update decides. */
  next?: (counts: StatusCounts, taskCount: number) => JobChange | undefined
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
        next: (counts) => (counts.active === 0 ? { status: 'paused', reason: 'no task is active any more' } : undefined),
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
      return {
        next: (counts, taskCount) =>
          taskCount > 0 && counts.completed === taskCount ? { status: 'completed', reason: 'all tasks are completed' } : undefined,
      }
    default:
      return {}
  }
}

/** Which statuses an action of a person may start from; what is missing would be a surprise. */
export const ACTION_ALLOWED: Record<'pause' | 'resume' | 'cancel' | 'requeue' | 'requeue-failed', readonly JobStatus[]> = {
  pause: ['active', 'queued'],
  resume: ['paused', 'pause-requested'],
  cancel: ['active', 'queued', 'paused', 'pause-requested', 'failed'],
  requeue: ['completed', 'failed', 'canceled', 'paused', 'active', 'queued'],
  'requeue-failed': ['failed', 'canceled', 'active', 'queued', 'completed'],
}
