/** What can be done from the page about a rule that keeps tasks waiting (the rules of engine/queue/explainer.ts). Pure. */
import type { Job } from '../../shared/schemas/jobs/job.ts'

export type RemedyLabel = 'workers' | 'limits' | 'settings' | 'startNow' | 'anyWorker' | 'noMaximum' | 'resume' | 'requeue'
export type Remedy =
  | { kind: 'go'; label: RemedyLabel; to: string }
  | { kind: 'change'; label: RemedyLabel; changes: Record<string, null> }
  | { kind: 'resume' | 'requeue'; label: RemedyLabel }

/** Undefined where only waiting helps. */
export function remedyOf(rule: string, job: Pick<Job, 'id' | 'status'>): Remedy | undefined {
  switch (rule) {
    case 'kind':
    case 'storage':
    case 'not-approved':
    case 'not-awake':
      return { kind: 'go', label: 'workers', to: '/workers' }
    case 'limit':
    case 'machine-limit':
      return { kind: 'go', label: 'limits', to: '/limits' }
    case 'blocked':
    case 'job-dependency':
      return { kind: 'go', label: 'settings', to: `/jobs/${job.id}/settings` }
    case 'start-after':
      return { kind: 'change', label: 'startNow', changes: { startAfter: null } }
    case 'tag':
      return { kind: 'change', label: 'anyWorker', changes: { tag: null } }
    case 'max-workers':
      return { kind: 'change', label: 'noMaximum', changes: { maxWorkers: null } }
    case 'max-tasks':
      return { kind: 'change', label: 'noMaximum', changes: { maxTasks: null } }
    case 'job-status':
      return job.status === 'paused' || job.status === 'pause-requested' ? { kind: 'resume', label: 'resume' } : undefined
    case 'failed-before':
    case 'kept-off':
    case 'retry-delay':
      return { kind: 'requeue', label: 'requeue' }
    default:
      return undefined
  }
}
