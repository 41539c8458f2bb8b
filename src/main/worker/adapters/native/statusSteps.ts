/** The effects of a status that the manager requests. Pure. */
import type { WorkerStatus } from '../../../../shared/enums.ts'

/** The statuses of our own worker while it runs, and how it can end. */
export type OwnStatus = 'awake' | 'asleep'
export type EndStatus = 'offline' | 'restart'

export interface StatusStep {
  /** The new status. */
  become: OwnStatus | EndStatus
  /** Whether to accept new work. */
  accept: boolean
  /** Whether to stop and return running attempts. */
  giveBack: boolean
}

/**
 * @param current the current status
 * @param requested the requested status; null when there is none
 * @param lazy whether running attempts may end first
 * @param busy number of running attempts
 */
export function statusStep(current: OwnStatus, requested: WorkerStatus | null, lazy: boolean, busy: number): StatusStep {
  const target = requested === null ? current : reachable(requested)
  if (target === 'awake') return { become: 'awake', accept: true, giveBack: false }
  if (busy === 0) return { become: target, accept: false, giveBack: false }
  // While something runs the status stays, so that the manager does not requeue work that is being finished or stopped.
  return { become: current, accept: false, giveBack: !lazy }
}

/** Statuses that only a manager can set (`error`, `testing`) mean "do nothing" to a worker. */
function reachable(requested: WorkerStatus): OwnStatus | EndStatus {
  switch (requested) {
    case 'awake':
    case 'starting':
      return 'awake'
    case 'offline':
    case 'restart':
      return requested
    default:
      return 'asleep'
  }
}
