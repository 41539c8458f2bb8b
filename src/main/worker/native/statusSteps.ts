/** What follows from a status that the manager asks for. Pure. */
import type { WorkerStatus } from '../../../shared/enums.ts'

/** What a worker of ours can be while it runs, and how it can end. */
export type OwnStatus = 'awake' | 'asleep'
export type EndStatus = 'offline' | 'restart'

export interface StatusStep {
  /** The status to have from now on. */
  become: OwnStatus | EndStatus
  /** Whether new work is wanted. */
  accept: boolean
  /** Whether what runs is to be stopped and given back. */
  giveBack: boolean
}

/**
 * @param current the status it has
 * @param requested what the manager asks for; null when nothing
 * @param lazy whether what runs may end first
 * @param busy how many attempts run
 */
export function statusStep(current: OwnStatus, requested: WorkerStatus | null, lazy: boolean, busy: number): StatusStep {
  const target = requested === null ? current : reachable(requested)
  if (target === 'awake') return { become: 'awake', accept: true, giveBack: false }
  if (busy === 0) return { become: target, accept: false, giveBack: false }
  // While something runs it stays what it is, so that the manager does not requeue work that is being finished or ended.
  return { become: current, accept: false, giveBack: !lazy }
}

/** Statuses that only a manager can give (`error`, `testing`) mean "do nothing" to a worker. */
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
