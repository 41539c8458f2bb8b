/** A worker signs on: which of its attempts it keeps, and which are lost. */
import { taskPublicId } from '../../../shared/ids.ts'
import { english } from '../../../shared/said/said.ts'
import type { Fence } from '../../../shared/schemas/agent.ts'
import type { Core } from '../base/core.ts'
import type { WorkerState } from '../base/model.ts'
import type { Attempts } from '../jobs/attempts.ts'
import type { Leases } from '../queue/leases.ts'
import type { Prefetch } from '../queue/prefetch.ts'

interface Parts {
  core: Core
  leases: Leases
  attempts: Attempts
  next: Prefetch
}

/** Compares what the worker is running with our records. */
export async function reconcile(
  { core, leases, attempts, next }: Parts,
  worker: WorkerState,
  running: Fence[],
): Promise<{ keep: Fence[]; lost: Fence[] }> {
  const named = new Set(running.map((fence) => `${fence.taskId.toLowerCase()}/${fence.attempt}`))
  const keep: Fence[] = []
  const lost: Fence[] = []
  // A task that it began before we learned of it is its own; a task that it only held is dropped.
  for (const fence of running) await next.adopt(worker, fence)
  leases.reservations.giveBackOf(worker.id)
  for (const lease of [...leases.ofWorker(worker.id).values()]) {
    // It has done its part; only its files are still to be checked.
    if (lease.reportedDone) continue
    const fence = { taskId: taskPublicId(lease.job.state.publicId, lease.task.index), attempt: lease.attempt.number }
    if (named.has(`${fence.taskId}/${fence.attempt}`)) {
      lease.acknowledged = true
      lease.touchedAt = core.now()
      keep.push(fence)
    } else {
      lost.push(fence)
      await attempts.giveBack(lease, english('worker.restarted', { worker: worker.name }))
    }
  }
  return { keep, lost }
}
