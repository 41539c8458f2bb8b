/** How a worker and its machine are shown. Pure. */
import type { Machine, Worker } from '../../../shared/schemas/worker.ts'
import { BUSY_LOOK, PENDING_LOOK, WORKER_LOOKS, type Look } from '../../ui/design/states.ts'

/** The state that it is shown in: wanting to join and rendering come before its own word. */
export function workerLook(worker: Pick<Worker, 'approved' | 'status' | 'running'>): Look {
  if (!worker.approved) return PENDING_LOOK
  if (worker.status === 'awake' && worker.running.length > 0) return BUSY_LOOK
  return WORKER_LOOKS[worker.status]
}

/** What it was asked to become and is not yet. One that is off keeps in mind to be awake: that is no news. */
export function wishOf({ status, statusRequested }: Pick<Worker, 'status' | 'statusRequested'>): Worker['statusRequested'] {
  return status === 'offline' && statusRequested === 'awake' ? null : statusRequested
}

/** The machines, without the load of those that have no running worker: the last numbers of a machine that is off are outdated. */
export function freshLoads<M extends Pick<Machine, 'id' | 'load'>>(
  machines: readonly M[],
  workers: readonly Pick<Worker, 'machine' | 'status'>[],
): M[] {
  const telling = new Set(workers.filter(({ status }) => status !== 'offline' && status !== 'error').map(({ machine }) => machine?.id))
  return machines.map((machine) => (telling.has(machine.id) ? machine : { ...machine, load: null }))
}

/** A version without the tail of a distribution. */
export const shortVersion = (version: string): string => version.split(/[-+]/)[0] ?? version
