/** What the farm did: from attempts that ended and frames that were made in a span of time. */
import type { Outcome } from '../../../shared/enums.ts'
import type { Statistics } from '../../../shared/schemas/farm.ts'
import type { ReadDatabase } from '../connection.ts'
import { json, time } from './format.ts'

export interface Span {
  /** Milliseconds since the epoch. */
  since: number
  until: number
  bucketMs: number
}

/** An attempt longer than this is not looked for when it began before the span: no render runs for a month. */
const LONGEST_ATTEMPT_MS = 30 * 86_400_000
const MAX_JOBS = 100

/** Buckets, failures by cause, and the jobs and workers that took most time. */
export async function readStatistics(db: ReadDatabase, span: Span): Promise<Statistics> {
  const [buckets, failures, jobs, workers] = await Promise.all([readBuckets(db, span), readFailures(db, span), readJobs(db, span), readWorkers(db, span)])
  return {
    since: time(span.since),
    until: time(span.until),
    bucketSeconds: Math.round(span.bucketMs / 1000),
    buckets,
    failures,
    jobs,
    workers,
  }
}

async function readBuckets(db: ReadDatabase, span: Span): Promise<Statistics['buckets']> {
  return (await readHours(db, span)).map(({ at, busyMs, ...counts }) => ({ at: time(at), ...counts, busySeconds: busyMs / 1000 }))
}

export interface Bucket {
  /** Start, milliseconds since the epoch. */
  at: number
  frames: number
  tasks: number
  failed: number
  /** Time that attempts ran in the bucket. */
  busyMs: number
}

/** What happened in each bucket of the span. */
export async function readHours(db: ReadDatabase, span: Span): Promise<Bucket[]> {
  const { since, until, bucketMs } = span
  const starts = Array.from({ length: Math.ceil((until - since) / bucketMs) }, (_, index) => since + index * bucketMs)
  // One range of an index per bucket: grouping by a computed bucket would sort every row first.
  const inBuckets = db.all<{ frames: number; ended: string }>(
    `select (select count(*) from frames where created_at >= b.value and created_at < b.value + ?2) as frames,
       (select json_array(sum(outcome = 'success'), sum(outcome not in ('success', 'stopped')), sum(case when started_at >= b.value then ended_at - started_at end))
        from attempts where ended_at >= b.value and ended_at < min(b.value + ?2, ?3)) as ended
     from json_each(?1) b order by b.key`,
    [JSON.stringify(starts), bucketMs, until],
  )
  const across = await busyAcross(db, span, starts)
  return (await inBuckets).map((row, index) => {
    const [tasks, failed, insideMs] = json<(number | null)[]>(row.ended, [])
    return { at: starts[index] ?? since, frames: row.frames, tasks: tasks ?? 0, failed: failed ?? 0, busyMs: (insideMs ?? 0) + (across[index] ?? 0) }
  })
}

/** Milliseconds in each bucket of the few attempts that reach over a bucket's edge, and of those that still run. */
async function busyAcross(db: ReadDatabase, { since, until, bucketMs }: Span, starts: readonly number[]): Promise<number[]> {
  const busy = starts.map(() => 0)
  const rows = await db.all<{ s: number; e: number }>(
    `select a.started_at as s, a.ended_at as e from json_each(?1) b cross join attempts a
       where a.ended_at >= b.value and a.ended_at < b.value + ?2 and a.started_at < b.value
     union all
     select started_at, ended_at from attempts where ended_at >= ?3 and ended_at < ?3 + ?4 and started_at < ?3
     union all
     select started_at, ?3 from attempts where status = 'active' and started_at < ?3`,
    [JSON.stringify(starts), bucketMs, until, LONGEST_ATTEMPT_MS],
  )
  for (const { s, e } of rows) {
    const end = Math.min(e, until)
    for (let at = Math.max(s, since); at < end; ) {
      const index = Math.floor((at - since) / bucketMs)
      const edge = Math.min(end, since + (index + 1) * bucketMs)
      busy[index] = (busy[index] ?? 0) + edge - at
      at = edge
    }
  }
  return busy
}

function readFailures(db: ReadDatabase, { since, until }: Span): Promise<{ outcome: Outcome; count: number }[]> {
  return db.all(
    `select outcome, count(*) as count from attempts
     where ended_at >= ? and ended_at < ? and outcome is not null and outcome <> 'success' group by outcome order by 2 desc`,
    [since, until],
  )
}

async function readJobs(db: ReadDatabase, { since, until }: Span): Promise<Statistics['jobs']> {
  const rows = await db.all<{ id: string; name: string; ms: number; frames: number; cost: number | null; watt_hours: number | null }>(
    `with spent as (
       select a.job_id, sum(a.ended_at - a.started_at) as ms,
         sum((a.ended_at - a.started_at) * m.hourly_rate) / 3600000.0 as cost,
         sum((a.ended_at - a.started_at) * m.watts) / 3600000.0 as watt_hours
       from attempts a left join workers w on w.id = a.worker_id left join machines m on m.id = w.machine_id
       where a.ended_at >= ?1 and a.ended_at < ?2 group by a.job_id order by 2 desc limit ${MAX_JOBS})
     select j.public_id as id, j.name, s.ms, s.cost, s.watt_hours, j.frame_count as frames
     from spent s join jobs j on j.id = s.job_id order by s.ms desc`,
    [since, until],
  )
  return rows.map((row) => ({
    job: { id: row.id, name: row.name },
    seconds: row.ms / 1000,
    frames: row.frames,
    cost: row.cost,
    wattHours: row.watt_hours,
  }))
}

async function readWorkers(db: ReadDatabase, { since, until }: Span): Promise<Statistics['workers']> {
  const rows = await db.all<{ id: string; name: string; ms: number; done: number; failed: number }>(
    `select w.public_id as id, w.name, s.ms, s.done, s.failed from (
       select worker_id, sum(ended_at - started_at) as ms, sum(outcome = 'success') as done, sum(outcome not in ('success', 'stopped')) as failed
       from attempts where ended_at >= ? and ended_at < ? group by worker_id) s
     join workers w on w.id = s.worker_id order by s.ms desc`,
    [since, until],
  )
  return rows.map((row) => ({ worker: { id: row.id, name: row.name }, seconds: row.ms / 1000, tasks: row.done, failed: row.failed }))
}
