/** What a dashboard shows: running jobs, what needs a person, newest frames, how busy the farm was. */
import { statfs } from 'node:fs/promises'
import type { Attention, Overview, Status } from '../../../shared/schemas/farm.ts'
import type { JobSummary } from '../../../shared/schemas/job.ts'
import type { WorkerState } from '../../engine/model.ts'
import { newestFrames } from '../../store/queries/frames.ts'
import { jobIdsByStatus, recentlyFailedJobs } from '../../store/queries/jobCounts.ts'
import { summariesOf } from '../../store/queries/jobs.ts'
import { time, timeOrNull } from '../../store/queries/format.ts'
import { HOUR_MS, type FarmHistory } from '../../store/queries/history.ts'
import { readBuckets } from '../../store/queries/statistics.ts'
import type { ServerContext } from '../context.ts'

const SHOWN_JOBS = 12
const SHOWN_FRAMES = 24
/** A failure older than this has been seen. */
const FRESH_FAILURE_MS = 3 * 24 * HOUR_MS
const DISK_LOW_BYTES = 5 * 2 ** 30
const DISK_LOW_SHARE = 0.05

/** After so long without news of a job. */
const STUCK_MS = 5 * 60_000

export async function readOverview(context: ServerContext, history: FarmHistory, status: Status): Promise<Overview> {
  const { read, farm } = context
  const now = context.now()
  const workers = farm.workers()
  const until = now
  // The hour that runs and the 23 before it.
  const since = (Math.floor((now - 1) / HOUR_MS) - 23) * HOUR_MS
  const [ids, frames, hours, attention] = await Promise.all([
    jobIdsByStatus(read, ['active', 'queued'], SHOWN_JOBS),
    newestFrames(read, { limit: SHOWN_FRAMES, tried: true }),
    readBuckets(read, history, { since, until, bucketMs: HOUR_MS }),
    attentionOf(context, workers, status),
  ])
  const running = await summariesOf(read, ids, now)
  attention.push(...stuckJobs(running, workers, now))
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

/**
 * Jobs that could run, of which nothing runs, while a worker is free: something keeps them that waiting does not cure.
 * Only looked for among the jobs shown.
 */
export function stuckJobs(
  jobs: readonly JobSummary[],
  workers: readonly Pick<WorkerState, 'publicId' | 'status' | 'approvedAt' | 'statusRequested'>[],
  now: number,
): Attention[] {
  const busy = new Set(jobs.flatMap((job) => job.activeWorkers.map((worker) => worker.id)))
  const isFree = (worker: (typeof workers)[number]): boolean =>
    worker.status === 'awake' && worker.approvedAt !== null && worker.statusRequested === null && !busy.has(worker.publicId)
  if (!workers.some(isFree)) return []
  return jobs
    .filter((job) => job.counts.active === 0 && now - Date.parse(job.updatedAt) > STUCK_MS)
    .filter((job) => job.startAfter === null || Date.parse(job.startAfter) <= now)
    .map((job) => ({
      kind: 'job-stuck',
      message: 'Nothing of it runs, though a worker is free.',
      target: { kind: 'job', id: job.id, name: job.name },
      at: job.updatedAt,
    }))
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
    message: job.activity || 'The job failed.',
    target: { kind: 'job', id: job.id, name: job.name },
    at: time(job.at),
  }))
  for (const worker of workers) {
    const target = { kind: 'worker', id: worker.publicId, name: worker.name }
    const at = timeOrNull(worker.lastSeenAt)
    if (worker.approvedAt === null)
      list.push({ kind: 'worker-pending', message: 'This worker asks to join.', target, at: time(worker.createdAt) })
    else if (worker.status === 'error')
      list.push({ kind: 'worker-error', message: 'This worker was lost while it should be working.', target, at })
  }
  if (status.openToLan)
    list.push({ kind: 'open-to-lan', message: 'Add-ons and workers of the network are let in without a key.', target: null, at: null })
  const disk = await lowDisk(context.paths.data)
  if (disk) list.push({ kind: 'disk-low', message: disk, target: null, at: null })
  return list
}

async function lowDisk(folder: string): Promise<string | undefined> {
  const disk = await statfs(folder).catch(() => undefined)
  if (!disk) return undefined
  const free = disk.bavail * disk.bsize
  if (free >= DISK_LOW_BYTES || disk.bavail >= disk.blocks * DISK_LOW_SHARE) return undefined
  return `Only ${(free / 2 ** 30).toFixed(1)} GB are free where the farm keeps its data.`
}
