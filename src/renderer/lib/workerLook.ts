/** The state that a worker is shown in: wanting to join and rendering come before its own word. Pure. */
import type { Worker } from '../../shared/schemas/worker.ts'
import { BUSY_LOOK, PENDING_LOOK, WORKER_LOOKS, type Look } from '../design/states.ts'

export function workerLook(worker: Pick<Worker, 'approved' | 'status' | 'running'>): Look {
  if (!worker.approved) return PENDING_LOOK
  if (worker.status === 'awake' && worker.running.length > 0) return BUSY_LOOK
  return WORKER_LOOKS[worker.status]
}
