/** The engine's state in memory, rebuilt from the database when the manager starts; what a crash interrupted is completed. */
import type { JobStatus } from '../../shared/enums.ts'
import type { Core } from './base/core.ts'
import type { TaskState } from './base/model.ts'
import type { EngineParts } from './parts.ts'
import type { JobRuntime } from './queue/jobRuntime.ts'
import { ranBefore } from './rules/timeouts.ts'

/** Jobs that a crash may have interrupted between two statuses. */
const BETWEEN: readonly JobStatus[] = ['cancel-requested', 'requeueing', 'pause-requested']

export async function rebuild(core: Core, parts: EngineParts): Promise<void> {
  const { leases, book, sessions, transitions, roster, tags, limits, foreignCompletion, finalLooks } = parts
  const { store } = core
  await tags.load()
  await limits.load()
  for (const lane of await store.workers.loadLanes()) book.lanes.set(lane.id, lane)
  roster.load(await store.workers.load())
  sessions.load(await store.workers.loadOpenWarmApps())
  // Half-stored jobs: their client never got an answer.
  for (const { id } of await store.loadUnderConstruction()) await store.purgeJob(id)
  const now = core.now()
  const cutOff = await store.loadRecountDue()
  for (const { id } of cutOff) await store.recount(id)
  const orphans: { job: JobRuntime; task: TaskState }[] = []
  for (const seed of await store.loadOpenJobs()) {
    const job = book.add(seed)
    for (const { task, attempt, reportedDone } of seed.active) {
      const worker = roster.byInternalId(attempt.workerId)
      // The reply that assigned it may never have been sent: the worker must name it first.
      const lease = worker && {
        job,
        task,
        attempt,
        worker,
        // The time without a manager does not count, and the clock may have been set in the meantime.
        runningSince: now - ranBefore(attempt.startedAt, task.touchedAt),
        touchedAt: now,
        lastSignAt: now,
        acknowledged: false,
        licenceLine: false,
        tail: '',
      }
      if (lease) leases.add(lease)
      else orphans.push({ job, task })
      if (lease && reportedDone) foreignCompletion.resume(lease)
      if (!worker)
        store.saveAttempt(Object.assign(attempt, { status: 'lost', outcome: 'lost', reason: 'its worker is gone', endedAt: now }))
    }
    for (const task of seed.orphans) orphans.push({ job, task })
  }
  for (const { job, task } of orphans) await transitions.task(job, task, 'queued', 'Queued because no worker runs it')
  for (const { id } of cutOff) await recover(core, parts, await book.findById(id))
  for (const job of [...book.all()]) {
    if (BETWEEN.includes(job.state.status)) await transitions.enforce(job, job.state.status, job.state.status)
    else await transitions.closeIfStuck(job)
    await finalLooks.resume(job)
    book.refresh(job)
  }
}

/** A crash interrupted a mass update of the job: repeats what its status does to its tasks. */
async function recover(core: Core, { transitions }: EngineParts, job: JobRuntime | undefined): Promise<void> {
  if (!job) return
  const { status, counts } = job.state
  const open = counts.queued + counts.active + counts['soft-failed'] > 0
  if (status === 'completed' && open) await transitions.job(job, 'queued', 'tasks were added or requeued')
  else if (status === 'canceled' && open) await transitions.job(job, 'cancel-requested', 'what was left of it is canceled')
  else await transitions.enforce(job, status, status)
  core.store.markRecountDue(job.state.id, false)
}
