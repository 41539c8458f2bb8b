/** What jobs wait for, according to the engine, added to the data from the database. */
import type { Attention } from '../../../../shared/schemas/farm.ts'
import { inEnglish, say, type Said } from '../../../../shared/said/said.ts'
import type { JobSummary } from '../../../../shared/schemas/jobs/job.ts'
import type { FarmEngine } from '../../../engine/base/farmEngine.ts'
import type { JobWait } from '../../../engine/base/model.ts'
import { time } from '../../../store/queries/format.ts'

/** Further ones add nothing: most of them wait for the same. */
const MOST_SHOWN = 20

/** The job with what its tasks wait for when no awake worker may run them. */
export function withWaits<T extends Pick<JobSummary, 'id'>>(farm: Pick<FarmEngine, 'jobs'>, job: T): T & Pick<JobSummary, 'waits'> {
  const waits = farm.jobs.waitsOf(job.id)
  if (waits.length === 0) return job
  return { ...job, waits: waits.map(({ until, ...wait }) => ({ ...wait, until: until === null ? null : time(until) })) }
}

/** Jobs that wait for something that people can provide, or that have no eligible worker; those that fail soonest come first. */
export function waitingJobs(farm: Pick<FarmEngine, 'jobs'>, now: number): Attention[] {
  return farm.jobs.waiting(MOST_SHOWN).map(({ job, wait }) => ({
    kind: wait.state === 'stalled' ? 'job-stalled' : 'job-waiting',
    ...inWords(attentionOf(wait, now)),
    target: { kind: 'job', id: job.publicId, name: job.name },
    at: time(job.updatedAt),
  }))
}

/** A message on the dashboard, in English and as its code. */
export function inWords(said: Said): Pick<Attention, 'message' | 'said'> {
  return { message: inEnglish(said), said }
}

function attentionOf({ said: { message: why }, until }: JobWait, now: number): Said {
  if (until === null) return say('attention.waiting', { why })
  return say('attention.stalled', { why, minutes: Math.max(1, Math.ceil((until - now) / 60_000)) })
}
