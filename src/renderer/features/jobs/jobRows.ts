/** What a row of the job list says, made from a job. Pure. */
import type { JobSummary } from '../../../shared/schemas/jobs/job.ts'
import type { Look } from '../../ui/design/states.ts'
import { JOB_LOOKS, RESTING_LOOKS, WAITING_LOOK } from '../../ui/design/states.ts'
import { percent } from '../../lib/format.ts'

export type GroupKey = '' | 'project' | 'owner' | 'type' | 'status'
export type ListRow = { kind: 'job'; job: JobSummary } | { kind: 'group'; key: string; jobs: number; open: boolean }

/** The state to show: a queued job that waits for a time shows as waiting, and so does a completed one that more tasks may join. */
export function lookOf(job: JobSummary, now: number): Look {
  if (job.status === 'queued' && job.startAfter && Date.parse(job.startAfter) > now) return WAITING_LOOK
  if (job.restsAs !== undefined) return RESTING_LOOKS[job.restsAs] ?? WAITING_LOOK
  return JOB_LOOKS[job.status]
}

/** Share done in per cent, by steps where the job counts them, else by tasks. */
export function donePercent(job: JobSummary): number {
  if (job.status === 'completed' && job.counts.total === 0) return 100
  return job.steps.total > 0 && job.status !== 'completed'
    ? percent(job.steps.completed, job.steps.total)
    : percent(job.counts.completed, job.counts.total)
}

/** Seconds from its start to its end or to now; null before it starts. */
export function elapsedSeconds(job: JobSummary, now: number): number | null {
  if (!job.startedAt) return null
  const end = job.finishedAt ? Date.parse(job.finishedAt) : now
  return Math.max(0, (end - Date.parse(job.startedAt)) / 1000)
}

/** Jobs under group headings, in order of first appearance. */
export function groupRows(jobs: readonly JobSummary[], by: GroupKey, closed: ReadonlySet<string>): ListRow[] {
  if (by === '') return jobs.map((job) => ({ kind: 'job', job }))
  const groups = new Map<string, JobSummary[]>()
  for (const job of jobs) {
    const key = job[by]
    const group = groups.get(key)
    if (group) group.push(job)
    else groups.set(key, [job])
  }
  const rows: ListRow[] = []
  for (const [key, members] of groups) {
    const open = !closed.has(key)
    rows.push({ kind: 'group', key, jobs: members.length, open })
    if (open) for (const job of members) rows.push({ kind: 'job', job })
  }
  return rows
}

/** Placeholder for a job without an image: its kind of work. */
export function iconOf(job: Pick<JobSummary, 'type'>): 'film' | 'cube' | 'log' {
  if (/render|blender|image|encode/.test(job.type)) return 'film'
  return /container|docker/.test(job.type) ? 'cube' : 'log'
}
