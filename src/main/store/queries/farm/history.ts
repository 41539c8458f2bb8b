/**
 * What ended when. The past does not change, so it is read once, in units of an hour (of five minutes in the current
 * hour), and cached: statistics over days cost a few sums, and a busy farm's dashboard one small range of an index.
 */
import type { ReadDatabase } from '../../connection.ts'

const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
const FINE_MS = 5 * MINUTE_MS
/** A unit is final this long after its end: by then everything that ended in it is on disk. */
const SETTLE_MS = MINUTE_MS
/** Rows of totals in the cache, all units together. */
const MAX_ROWS = 200_000
const PARALLEL = 4

/** Attempts of one job on one worker with one outcome. */
export interface Total {
  jobId: number
  workerId: number
  outcome: string | null
  attempts: number
  /** Their running time in milliseconds. */
  ms: number
}

/** Everything that ended in [start, start + length). */
export interface Unit {
  start: number
  length: number
  frames: number
  totals: Total[]
  /** [start, end] of attempts that started before the unit: their time also belongs to earlier ones. */
  crossing: [number, number][]
}

export class FarmHistory {
  private readonly kept = new Map<string, Unit>()
  private keptRows = 0

  constructor(
    private readonly read: ReadDatabase,
    private readonly now: () => number,
  ) {}

  /** Units that together cover [since, until). `since` must be the start of an hour. */
  async units(since: number, until: number): Promise<Unit[]> {
    const wanted = unitsOf(since, until, this.now())
    const units: Unit[] = []
    for (let i = 0; i < wanted.length; i += PARALLEL) {
      units.push(...(await Promise.all(wanted.slice(i, i + PARALLEL).map((unit) => this.unit(unit.start, unit.length)))))
    }
    return units
  }

  private async unit(start: number, length: number): Promise<Unit> {
    const key = `${start}+${length}`
    const known = this.kept.get(key)
    if (known) return known
    const unit = await readUnit(this.read, start, length)
    if (start + length + SETTLE_MS <= this.now()) this.keep(key, unit)
    return unit
  }

  private keep(key: string, unit: Unit): void {
    if (this.keptRows > MAX_ROWS) {
      this.kept.clear()
      this.keptRows = 0
    }
    this.kept.set(key, unit)
    this.keptRows += unit.totals.length + unit.crossing.length + 1
  }
}

/** Whole hours where they are final, otherwise five minutes; the last one may be shorter. Pure. */
export function unitsOf(since: number, until: number, now: number): { start: number; length: number }[] {
  const units: { start: number; length: number }[] = []
  for (let start = since; start < until;) {
    const isHour = start % HOUR_MS === 0 && start + HOUR_MS <= until && start + HOUR_MS + SETTLE_MS <= now
    const length = Math.min(isHour ? HOUR_MS : FINE_MS - (start % FINE_MS), until - start)
    units.push({ start, length })
    start += length
  }
  return units
}

async function readUnit(db: ReadDatabase, start: number, length: number): Promise<Unit> {
  const span = [start, start + length]
  const [frames, totals, crossing] = await Promise.all([
    db.get<{ n: number }>('select count(*) as n from frames where created_at >= ? and created_at < ?', span),
    db.all<Total>(
      `select job_id as jobId, worker_id as workerId, outcome, count(*) as attempts, sum(ended_at - started_at) as ms
       from attempts where ended_at >= ? and ended_at < ? group by job_id, worker_id, outcome`,
      span,
    ),
    db.all<{ s: number; e: number }>(
      'select started_at as s, ended_at as e from attempts where ended_at >= ?1 and ended_at < ?2 and started_at < ?1',
      span,
    ),
  ])
  return { start, length, frames: frames?.n ?? 0, totals, crossing: crossing.map(({ s, e }) => [s, e]) }
}
