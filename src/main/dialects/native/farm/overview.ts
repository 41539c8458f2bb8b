/** Data for a dashboard: running jobs, items that need attention, newest frames, the farm's load. */
import type { Attention, Overview, Status } from '../../../../shared/schemas/farm.ts'
import { say } from '../../../../shared/said/said.ts'
import type { JobSummary } from '../../../../shared/schemas/jobs/job.ts'
import type { WorkerState } from '../../../engine/base/model.ts'
import { newestFrames } from '../../../store/queries/tasks/frames.ts'
import { jobIdsByStatus, recentlyFailedJobs, recentlyWarnedJobs } from '../../../store/queries/jobs/jobCounts.ts'
import { summariesOf } from '../../../store/queries/jobs/jobs.ts'
import { time, timeOrNull } from '../../../store/queries/format.ts'
import { HOUR_MS, type FarmHistory } from '../../../store/queries/farm/history.ts'
import { readBuckets } from '../../../store/queries/farm/statistics.ts'
import type { ServerContext } from '../../../http/context.ts'
import { inWords, waitingJobs, withWaits } from '../jobs/waits.ts'

const SHOWN_JOBS = 12
const SHOWN_FRAMES = 24
/** Older failures count as seen. */
const FRESH_FAILURE_MS = 3 * 24 * HOUR_MS
/** Completed jobs with warnings are listed for a day, the newest of them. */
const FRESH_WARNING_MS = 24 * HOUR_MS
const MAX_WARNED = 5

export async function readOverview(context: ServerContext, history: FarmHistory, status: Status): Promise<Overview> {
  const { read, farm } = context
  const now = context.now()
  const workers = farm.workers.all()
  const until = now
  // The current hour and the 23 before it.
  const since = (Math.floor((now - 1) / HOUR_MS) - 23) * HOUR_MS
  const [ids, frames, hours, attention] = await Promise.all([
    jobIdsByStatus(read, ['active', 'queued'], SHOWN_JOBS),
    newestFrames(read, { limit: SHOWN_FRAMES, tried: true }),
    readBuckets(read, history, { since, until, bucketMs: HOUR_MS }),
    attentionOf(context, workers, status),
  ])
  const running = (await summariesOf(read, ids, now)).map((job) => withWaits(farm, job))
  attention.push(...waitingJobs(farm, now))
  const slots = Math.max(
    1,
    workers.filter((worker) => worker.approvedAt !== null).reduce((sum, worker) => sum + worker.capacity, 0),
  )
  return {
    status,
    running,
    attention,
    frames: frames.items,
    utilisation: hours.map(({ at, busyMs, frames: made }) => ({
      at: time(at),
      share: Math.min(1, busyMs / (slots * Math.max(1, Math.min(HOUR_MS, until - at)))),
      frames: made,
    })),
    nextFinish: nextFinishOf(running, now),
  }
}

function nextFinishOf(running: readonly JobSummary[], now: number): Overview['nextFinish'] {
  const next = running.filter((job) => job.etaSeconds !== null).sort((a, b) => (a.etaSeconds ?? 0) - (b.etaSeconds ?? 0))[0]
  if (!next) return null
  return { job: { id: next.id, name: next.name }, at: time(now + (next.etaSeconds ?? 0) * 1000) }
}

async function attentionOf(context: ServerContext, workers: readonly WorkerState[], status: Status): Promise<Attention[]> {
  const failed = await recentlyFailedJobs(context.read, context.now() - FRESH_FAILURE_MS, 20)
  const list: Attention[] = failed.map((job) => ({
    kind: 'job-failed',
    ...(job.activity === '' ? inWords(say('attention.job-failed')) : { message: job.activity }),
    target: { kind: 'job', id: job.id, name: job.name },
    at: time(job.at),
  }))
  const warned = await recentlyWarnedJobs(context.read, context.now() - FRESH_WARNING_MS, MAX_WARNED)
  for (const { id, name, warnings, at } of warned) {
    list.push({
      kind: 'job-warnings',
      ...inWords(say('attention.job-warnings', { n: warnings })),
      target: { kind: 'job', id, name },
      at: time(at),
    })
  }
  for (const worker of workers) {
    const target = { kind: 'worker', id: worker.publicId, name: worker.name }
    const at = timeOrNull(worker.lastSeenAt)
    if (worker.approvedAt === null)
      list.push({ kind: 'worker-pending', ...inWords(say('attention.worker-pending')), target, at: time(worker.createdAt) })
    else if (worker.status === 'error') list.push({ kind: 'worker-error', ...inWords(say('attention.worker-error')), target, at })
  }
  for (const schedule of context.farm.schedules.list()) {
    if (schedule.holdReason === '') continue
    const target = { kind: 'schedule', id: schedule.publicId, name: schedule.name }
    const said = say('attention.schedule-held', { why: schedule.holdReason })
    list.push({ kind: 'schedule-held', ...inWords(said), target, at: time(schedule.updatedAt) })
  }
  if (status.openToLan) list.push({ kind: 'open-to-lan', ...inWords(say('attention.open-to-lan')), target: null, at: null })
  // Problems with the farm's own disk come first.
  const faults = status.faults
    .filter(({ kind }) => kind === 'disk-low' || kind === 'disk-full')
    .map(({ message, remedy, since }): Attention => ({ kind: 'disk-low', message: `${message} ${remedy}`, target: null, at: since }))
  return [...faults, ...list]
}
