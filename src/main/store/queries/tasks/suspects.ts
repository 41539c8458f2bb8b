/** Frames of a job that may be wrong, for people to check. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { SuspectFrames } from '../../../../shared/schemas/jobs/frame.ts'
import { suspectFrames, type FrameRecord, type Suspect } from '../../../../shared/pictures/suspects.ts'
import type { ReadDatabase } from '../../connection.ts'
import { framesByIds } from './frames.ts'

/** Frames on each side that are shown beside a suspect. */
const SHOWN = 2

interface Row {
  id: number
  task_idx: number
  frame: number | null
  path: string
  view: string
  bytes: number | null
  rendered_ms: number | null
  flat: number | null
  same_as_before: number | null
  /** Set when its task was sent to another worker than the one that ran it. */
  tried: number | null
}

export interface JobFrame extends FrameRecord {
  id: number
  /** Its task was already sent to another worker, by this check or by a person. */
  tried: boolean
}

/** Suspects of a job, in order. Compared within a folder and name: views and passes are saved side by side. */
export async function suspectsOfJob(db: ReadDatabase, job: { id: number; publicId: string }): Promise<Suspect<JobFrame>[]> {
  const rows = await db.all<Row>(
    `select f.id, t.idx as task_idx, f.frame, f.path, f.view, f.bytes, f.rendered_ms, f.flat, f.same_as_before,
       t.rerun->>'compare' as tried
     from frames f join tasks t on t.id = f.task_id
     where f.job_id = ? and f.frame is not null and f.side = 0`,
    [job.id],
  )
  return suspectFrames(
    rows.map((row) => ({
      id: row.id,
      path: row.path,
      taskId: taskPublicId(job.publicId, row.task_idx),
      frame: row.frame,
      view: `${row.view} ${nameWithoutNumber(row.path)}`,
      bytes: row.bytes,
      renderedMs: row.rendered_ms,
      allBlack: row.flat === null ? null : row.flat === 2,
      oneColour: row.flat === null ? null : row.flat >= 1,
      confirmed: row.same_as_before === 1,
      tried: row.tried === 1,
    })),
  )
}

/** The path without its digits: the same for all frames of one sequence. */
function nameWithoutNumber(path: string): string {
  const slash = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'))
  return path.slice(0, slash + 1) + path.slice(slash + 1).replace(/-?\d+/g, '#')
}

/** A job, and its policy for such frames; undefined when it is deleted. */
export async function pictureChecksOf(
  db: ReadDatabase,
  jobId: string,
): Promise<{ id: number; publicId: string; checks: 'off' | 'warn' | 'retry' } | undefined> {
  const job = await db.get<{ id: number; checks: string | null }>(
    `select id, policy->>'pictureChecks' as checks from jobs where public_id = ? and deleted_at is null`,
    [jobId],
  )
  return job && { id: job.id, publicId: jobId, checks: job.checks === 'off' || job.checks === 'retry' ? job.checks : 'warn' }
}

/** Whether the job already has warnings about such frames. */
export async function hasSuspectWarnings(db: ReadDatabase, jobId: number): Promise<boolean> {
  const sql = `select 1 as found from warnings where job_id = ? and task_id is null and code = 'frame-suspect' limit 1`
  return (await db.get(sql, [jobId])) !== undefined
}

/** The same in the API's format; none where the job's policy disables the check. */
export async function suspectPage(db: ReadDatabase, jobId: string, limit: number): Promise<SuspectFrames> {
  const job = await pictureChecksOf(db, jobId)
  if (!job || job.checks === 'off') return { items: [], total: 0 }
  const suspects = await suspectsOfJob(db, job)
  const listed = suspects.slice(0, limit).map((suspect) => {
    const at = suspect.frame.frame ?? 0
    const before = suspect.neighbours.filter(({ frame }) => (frame ?? 0) < at).slice(-SHOWN)
    const after = suspect.neighbours.filter(({ frame }) => (frame ?? 0) > at).slice(0, SHOWN)
    return { ...suspect, before, after }
  })
  const ids = new Set(listed.flatMap(({ frame, before, after }) => [frame, ...before, ...after].map(({ id }) => id)))
  const frames = new Map((await framesByIds(db, [...ids])).map((frame) => [frame.id, frame]))
  const items = listed.flatMap(({ frame, reason, value, usual, before, after }) => {
    const shown = frames.get(frame.id)
    if (!shown) return []
    const all = (others: readonly JobFrame[]) => others.flatMap(({ id }) => frames.get(id) ?? [])
    return [{ frame: shown, reason, value, usual, before: all(before), after: all(after) }]
  })
  return { items, total: suspects.length }
}
