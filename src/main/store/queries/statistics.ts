/** What the farm did: from attempts that ended and frames that were made in a span of time. */
import type { Outcome } from '../../../shared/enums.ts'
import type { Statistics } from '../../../shared/schemas/farm.ts'
import type { ReadDatabase } from '../connection.ts'
import { time } from './format.ts'

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
  const { since, until, bucketMs } = span
  const [frames, ended, busy] = await Promise.all([
    framesByBucket(db, span),
    db.all<{ bucket: number; done: number; failed: number }>(
      `select (ended_at - ?1) / ?3 as bucket, sum(outcome = 'success') as done, sum(outcome not in ('success', 'stopped')) as failed
       from attempts where ended_at >= ?1 and ended_at < ?2 group by 1`,
      [since, until, bucketMs],
    ),
    busyByBucket(db, span),
  ])
  const endedIn = new Map(ended.map((row) => [row.bucket, row]))
  return busy.map((busyMs, index) => ({
    at: time(since + index * bucketMs),
    frames: frames.get(index) ?? 0,
    tasks: endedIn.get(index)?.done ?? 0,
    failed: endedIn.get(index)?.failed ?? 0,
    busySeconds: busyMs / 1000,
  }))
}

/**
 * Milliseconds that attempts ran in each bucket. SQLite sums what lies in one bucket; the few attempts that reach over
 * a bucket's edge are split here.
 */
export async function busyByBucket(db: ReadDatabase, { since, until, bucketMs }: Span): Promise<number[]> {
  const inside = db.all<{ bucket: number; ms: number }>(
    `select (ended_at - ?1) / ?3 as bucket, sum(ended_at - started_at) as ms from attempts
     where ended_at >= ?1 and ended_at < ?2 and started_at >= ?1 and (started_at - ?1) / ?3 = (ended_at - ?1) / ?3 group by 1`,
    [since, until, bucketMs],
  )
  const across = db.all<{ s: number; e: number }>(
    `select started_at as s, ended_at as e from attempts
     where ended_at >= ?1 and ended_at < ?2 + ?4 and started_at < ?2
       and (started_at < ?1 or (started_at - ?1) / ?3 <> (ended_at - ?1) / ?3)
     union all
     select started_at, ?2 from attempts where status = 'active' and started_at < ?2`,
    [since, until, bucketMs, LONGEST_ATTEMPT_MS],
  )
  const busy = new Array<number>(Math.ceil((until - since) / bucketMs)).fill(0)
  for (const { bucket, ms } of await inside) busy[bucket] = (busy[bucket] ?? 0) + ms
  for (const { s, e } of await across) {
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

/** Busy time and frames of each bucket. */
export async function readHours(db: ReadDatabase, span: Span): Promise<{ at: number; busyMs: number; frames: number }[]> {
  const [busy, frames] = await Promise.all([busyByBucket(db, span), framesByBucket(db, span)])
  return busy.map((busyMs, index) => ({ at: span.since + index * span.bucketMs, busyMs, frames: frames.get(index) ?? 0 }))
}

async function framesByBucket(db: ReadDatabase, { since, until, bucketMs }: Span): Promise<Map<number, number>> {
  const rows = await db.all<{ bucket: number; n: number }>(
    `select (created_at - ?1) / ?3 as bucket, count(*) as n from frames where created_at >= ?1 and created_at < ?2 group by 1`,
    [since, until, bucketMs],
  )
  return new Map(rows.map((row) => [row.bucket, row.n]))
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
