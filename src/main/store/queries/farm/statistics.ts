/** The farm's work in a span of time: sums over what ended in it. */
import { OUTCOMES, type Outcome } from '../../../../shared/enums.ts'
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import type { Statistics } from '../../../../shared/schemas/farm.ts'
import type { ReadDatabase } from '../../connection.ts'
import { time } from '../format.ts'
import type { FarmHistory, Total, Unit } from './history.ts'

export interface Span {
  /** Milliseconds since the epoch; the start of an hour. */
  since: number
  until: number
  /** Whole hours. */
  bucketMs: number
}

export interface Bucket {
  /** Start, milliseconds since the epoch. */
  at: number
  frames: number
  /** Attempts that succeeded, and that failed. */
  tasks: number
  failed: number
  /** Time that attempts ran in the bucket. */
  busyMs: number
}

/** Longer attempts that ended after the span are not searched for: no render runs for a month. */
const LONGEST_ATTEMPT_MS = 30 * 86_400_000
const MAX_JOBS = 100

/** Buckets, failures by cause, and the jobs and workers with the most time. */
export async function readStatistics(db: ReadDatabase, history: FarmHistory, span: Span): Promise<Statistics> {
  const units = await history.units(span.since, span.until)
  const totals = units.flatMap((unit) => unit.totals)
  const [buckets, jobs, workers] = await Promise.all([bucketsOf(db, units, span), jobsOf(db, totals), workersOf(db, totals)])
  return {
    since: time(span.since),
    until: time(span.until),
    bucketSeconds: Math.round(span.bucketMs / 1000),
    buckets: buckets.map(({ at, busyMs, ...counts }) => ({ at: time(at), ...counts, busySeconds: busyMs / 1000 })),
    failures: failuresOf(totals),
    jobs,
    workers,
  }
}

/** The totals of each bucket of the span. */
export async function readBuckets(db: ReadDatabase, history: FarmHistory, span: Span): Promise<Bucket[]> {
  return bucketsOf(db, await history.units(span.since, span.until), span)
}

async function bucketsOf(db: ReadDatabase, units: readonly Unit[], { since, until, bucketMs }: Span): Promise<Bucket[]> {
  const buckets = Array.from({ length: Math.ceil((until - since) / bucketMs) }, (_, index) => ({
    at: since + index * bucketMs,
    frames: 0,
    tasks: 0,
    failed: 0,
    busyMs: 0,
  }))
  /** Adds the time of one attempt to the buckets that it ran in. */
  function spread(start: number, end: number): void {
    const last = Math.min(end, until)
    for (let at = Math.max(start, since); at < last;) {
      const index = Math.floor((at - since) / bucketMs)
      const edge = Math.min(last, since + (index + 1) * bucketMs)
      const bucket = buckets[index]
      if (bucket) bucket.busyMs += edge - at
      at = edge
    }
  }
  for (const unit of units) {
    const bucket = buckets[Math.floor((unit.start - since) / bucketMs)]
    if (!bucket) continue
    bucket.frames += unit.frames
    for (const total of unit.totals) {
      if (total.outcome === 'success') bucket.tasks += total.attempts
      else if (total.outcome !== 'stopped') bucket.failed += total.attempts
      bucket.busyMs += total.ms
    }
    for (const [start, end] of unit.crossing) {
      bucket.busyMs -= end - start
      spread(start, end)
    }
  }
  for (const { s, e } of await runningAt(db, until)) spread(s, e)
  return buckets
}

/** Attempts that were running at that time: they have ended since, or still run. */
function runningAt(db: ReadDatabase, at: number): Promise<{ s: number; e: number }[]> {
  return db.all(
    `select started_at as s, ended_at as e from attempts where ended_at >= ?1 and ended_at < ?1 + ?2 and started_at < ?1
     union all
     select started_at, ?1 from attempts where status = 'active' and started_at < ?1`,
    [at, LONGEST_ATTEMPT_MS],
  )
}

function failuresOf(totals: readonly Total[]): { outcome: Outcome; count: number }[] {
  return OUTCOMES.filter((outcome) => outcome !== 'success')
    .map((outcome) => ({ outcome, count: totals.reduce((sum, total) => sum + (total.outcome === outcome ? total.attempts : 0), 0) }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count)
}

async function jobsOf(db: ReadDatabase, totals: readonly Total[]): Promise<Statistics['jobs']> {
  const rates = await db.all<{ id: number; rate: number | null; watts: number | null }>(
    'select w.id, m.hourly_rate as rate, m.watts from workers w join machines m on m.id = w.machine_id',
  )
  const rateOf = new Map(rates.map((row) => [row.id, row]))
  const spent = new Map<number, { ms: number; cost: number | null; wattHours: number | null }>()
  for (const { jobId, workerId, ms } of totals) {
    const job = spent.get(jobId) ?? { ms: 0, cost: null, wattHours: null }
    const { rate, watts } = rateOf.get(workerId) ?? { rate: null, watts: null }
    const hours = ms / 3_600_000
    job.ms += ms
    if (rate !== null) job.cost = (job.cost ?? 0) + rate * hours
    if (watts !== null) job.wattHours = (job.wattHours ?? 0) + watts * hours
    spent.set(jobId, job)
  }
  const most = [...spent].sort(([, a], [, b]) => b.ms - a.ms).slice(0, MAX_JOBS)
  const names = await db.all<{ key: number; id: string; name: string; frames: number }>(
    'select id as key, public_id as id, name, frame_count as frames from jobs where id in (select value from json_each(?))',
    [JSON.stringify(most.map(([id]) => id))],
  )
  const jobOf = new Map(names.map((row) => [row.key, row]))
  return most.flatMap(([key, { ms, cost, wattHours }]) => {
    const job = jobOf.get(key)
    return job ? [{ job: { id: job.id, name: job.name }, seconds: ms / 1000, frames: job.frames, cost, wattHours }] : []
  })
}

async function workersOf(db: ReadDatabase, totals: readonly Total[]): Promise<Statistics['workers']> {
  const rows = await db.all<NamedRef & { key: number }>('select id as key, public_id as id, name from workers')
  const refOf = new Map(rows.map(({ key, id, name }) => [key, { id, name }]))
  const done = new Map<number, { ms: number; tasks: number; failed: number }>()
  for (const { workerId, outcome, attempts, ms } of totals) {
    const sum = done.get(workerId) ?? { ms: 0, tasks: 0, failed: 0 }
    sum.ms += ms
    if (outcome === 'success') sum.tasks += attempts
    else if (outcome !== 'stopped') sum.failed += attempts
    done.set(workerId, sum)
  }
  return [...done]
    .sort(([, a], [, b]) => b.ms - a.ms)
    .flatMap(([key, { ms, tasks, failed }]) => {
      const worker = refOf.get(key)
      return worker ? [{ worker, seconds: ms / 1000, tasks, failed }] : []
    })
}
