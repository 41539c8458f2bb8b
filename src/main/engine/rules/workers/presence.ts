/** Whether a worker counts as able to run further tasks. Pure. */
import type { WorkerStatus } from '../../../../shared/enums.ts'

/**
 * - `awake`: takes tasks, or will in a moment
 * - `asleep`: takes tasks after a person or its schedule wakes it
 * - `away`: offline so briefly that it may come back
 * - `gone`: not waited for
 */
export type Presence = 'awake' | 'asleep' | 'away' | 'gone'

export interface PresenceFacts {
  status: WorkerStatus
  lastSeenAt: number | null
  createdAt: number
}

export function presenceOf(worker: PresenceFacts, goneAfterMs: number, now: number): Presence {
  if (worker.status === 'asleep') return 'asleep'
  if (worker.status !== 'offline' && worker.status !== 'error') return 'awake'
  return now - (worker.lastSeenAt ?? worker.createdAt) < goneAfterMs ? 'away' : 'gone'
}
