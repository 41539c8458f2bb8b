/** Reads jobs: lists, groups, one job. Details for a page are fetched for all its jobs together. */
import type { Static } from 'typebox'
import type { JobStatus } from '../../../../shared/enums.ts'
import { estimateSeconds } from '../../../../shared/eta.ts'
import type { NamedRef } from '../../../../shared/schemas/common.ts'
import { JOB_SORTS, type JobFilterQuery, type JobGroups, type JobQuery, type JobSummary } from '../../../../shared/schemas/jobs/job.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import type { ReadDatabase } from '../../connection.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { time, timeOrNull } from '../format.ts'
import { lastFrames } from '../tasks/frames.ts'
import { jobCondition } from './jobFilter.ts'

interface JobRow {
  id: number
  public_id: string
  name: string
  type: string
  project: string
  owner: string
  owner_id: string
  origin: string
  priority: number
  status: JobStatus
  activity: string
  rests_as: string | null
  task_count: number
  count_queued: number
  count_active: number
  count_completed: number
  count_failed: number
  count_canceled: number
  count_soft_failed: number
  count_paused: number
  steps_completed: number
  steps_total: number
  frame_count: number
  warning_count: number
  tag_public_id: string | null
  tag_name: string | null
  created_at: number
  updated_at: number
  started_at: number | null
  finished_at: number | null
  start_after: number | null
  deleted_at: number | null
}

const SUMMARY_COLUMNS = `j.id, j.public_id, j.name, j.type, j.project, j.owner, j.owner_id, j.origin, j.priority, j.status, j.activity,
  case when j.status = 'completed' then j.policy->>'restsAs' end as rests_as, j.task_count,
  j.count_queued, j.count_active, j.count_completed, j.count_failed, j.count_canceled, j.count_soft_failed, j.count_paused,
  j.steps_completed, j.steps_total, j.frame_count, j.warning_count, w.public_id as tag_public_id, w.name as tag_name,
  j.created_at, j.updated_at, j.started_at, j.finished_at, j.start_after, j.deleted_at`

type SortField = (typeof JOB_SORTS)[number]
/** The sort key of each order: an expression that is never null, and its type in a cursor. */
const SORTS: Record<SortField, { sql: string; type: 'string' | 'number' }> = {
  createdAt: { sql: 'j.created_at', type: 'number' },
  updatedAt: { sql: 'j.updated_at', type: 'number' },
  finishedAt: { sql: 'coalesce(j.finished_at, 0)', type: 'number' },
  name: { sql: 'j.name collate nocase', type: 'string' },
  priority: { sql: 'j.priority', type: 'number' },
  status: { sql: 'j.status', type: 'string' },
  type: { sql: 'j.type', type: 'string' },
  project: { sql: 'j.project', type: 'string' },
  owner: { sql: 'j.owner', type: 'string' },
}

/** A page of jobs; `total` counts all that match the filters. @throws InvalidInputError for an unknown order, status or cursor */
export async function pageOfJobs(
  db: ReadDatabase,
  query: Static<typeof JobQuery>,
  now: number,
): Promise<{ items: JobSummary[]; total: number; next: string | null }> {
  const order = query.sort ?? '-createdAt'
  const { sql: key, type, descending } = sortOf(order)
  const filter = jobCondition(query)
  const after = decodeCursor(query.cursor, order, [type, 'number'])
  const limit = query.limit ?? 100
  const direction = descending ? 'desc' : 'asc'
  const beyond = after ? ` and (${key}, j.id) ${descending ? '<' : '>'} (?, ?)` : ''
  const from = sourceOf(query)
  // Ids first, from an index that contains all filters and orders; whole rows only for the jobs shown.
  const page = db.all<{ id: number; key: string | number }>(
    `select j.id, ${key} as key from ${from} where ${filter.sql}${beyond} order by ${key} ${direction}, j.id ${direction} limit ?`,
    [...filter.values, ...(after ?? []), limit + 1],
  )
  const count = db.get<{ n: number }>(`select count(*) as n from ${from} where ${filter.sql}`, filter.values)
  const [keys, total] = await Promise.all([page, count])
  const shown = keys.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: await summariesOf(
      db,
      shown.map((row) => row.id),
      now,
    ),
    total: total?.n ?? 0,
    next: keys.length > limit && last ? encodeCursor(order, [last.key, last.id]) : null,
  }
}

/**
 * By itself, SQLite reads the wide rows or looks up every match of a text search by key. Scanning the narrow index that
 * has all columns takes a tenth of that, whatever the filters. Single ids are looked up.
 */
function sourceOf({ deleted, ids }: Static<typeof JobFilterQuery>): string {
  return deleted || ids ? 'jobs j' : 'jobs j indexed by jobs_listing'
}

function sortOf(order: string): { sql: string; type: 'string' | 'number'; descending: boolean } {
  const field = JOB_SORTS.find((name) => name === order.replace(/^-/, ''))
  if (!field) throw new InvalidInputError('sort', `sort must be one of ${JOB_SORTS.join(', ')}, optionally prefixed with -`)
  return { ...SORTS[field], descending: order.startsWith('-') }
}

const GROUP_COLUMNS = {
  status: 'j.status',
  type: 'j.type',
  project: 'j.project',
  owner: 'j.owner',
  tag: "coalesce((select public_id from worker_tags where id = j.tag_id), '')",
}

/** Number of jobs by value, most frequent first. */
export async function groupsOfJobs(
  db: ReadDatabase,
  by: keyof typeof GROUP_COLUMNS,
  filterQuery: Static<typeof JobFilterQuery>,
): Promise<JobGroups> {
  const filter = jobCondition(filterQuery)
  const items = await db.all<{ value: string; count: number }>(
    `select ${GROUP_COLUMNS[by]} as value, count(*) as count from ${sourceOf(filterQuery)} where ${filter.sql}
     group by 1 order by 2 desc, 1 limit 1000`,
    filter.values,
  )
  return { items }
}

/** Summaries in the order of the ids. */
export async function summariesOf(db: ReadDatabase, ids: readonly number[], now: number): Promise<JobSummary[]> {
  if (ids.length === 0) return []
  const list = JSON.stringify(ids)
  const [rows, workers, frames] = await Promise.all([
    db.all<JobRow>(
      `select ${SUMMARY_COLUMNS} from json_each(?) wanted
       join jobs j on j.id = wanted.value left join worker_tags w on w.id = j.tag_id order by wanted.key`,
      [list],
    ),
    activeWorkersOf(db, list),
    lastFrames(db, ids),
  ])
  const paces = await pacesOf(
    db,
    rows.filter((row) => row.count_active > 0).map((row) => row.id),
  )
  return rows.map((row) => ({
    ...facts(row),
    activeWorkers: workers.get(row.id) ?? [],
    etaSeconds: etaOf(row, paces.get(row.id) ?? null, now),
    lastFrame: frames.get(row.id) ?? null,
  }))
}

async function activeWorkersOf(db: ReadDatabase, ids: string): Promise<Map<number, NamedRef[]>> {
  const rows = await db.all<{ job_id: number; id: string; name: string }>(
    `select distinct a.job_id, w.public_id as id, w.name from attempts a join workers w on w.id = a.worker_id
     where a.status = 'active' and a.job_id in (select value from json_each(?)) order by w.name`,
    [ids],
  )
  const byJob = new Map<number, NamedRef[]>()
  for (const { job_id, id, name } of rows) byJob.set(job_id, [...(byJob.get(job_id) ?? []), { id, name }])
  return byJob
}

/** How many of the newest attempts the pace is computed from. */
const PACE_SAMPLE = 30

/** Average running time of each job's newest completed attempts, in milliseconds. */
async function pacesOf(db: ReadDatabase, ids: readonly number[]): Promise<Map<number, number>> {
  if (ids.length === 0) return new Map()
  const rows = await db.all<{ id: number; pace: number | null }>(
    `select wanted.value as id, (
       select avg(run) from (
         select ended_at - started_at as run from attempts
         where job_id = wanted.value and status = 'completed' order by started_at desc limit ${PACE_SAMPLE})) as pace
     from json_each(?) wanted`,
    [JSON.stringify(ids)],
  )
  return new Map(rows.flatMap(({ id, pace }) => (pace === null ? [] : [[id, pace] as const])))
}

function etaOf(row: JobRow, averageRunMs: number | null, now: number): number | null {
  return estimateSeconds({
    status: row.status,
    waiting: row.count_queued + row.count_soft_failed,
    running: row.count_active,
    stepsCompleted: row.steps_completed,
    stepsTotal: row.steps_total,
    averageRunMs,
    startedAt: row.started_at,
    now,
  })
}

function facts(row: JobRow): Omit<JobSummary, 'activeWorkers' | 'etaSeconds' | 'lastFrame'> {
  return {
    id: row.public_id,
    name: row.name,
    type: row.type,
    project: row.project,
    owner: row.owner,
    ownerId: row.owner_id,
    origin: row.origin,
    priority: row.priority,
    status: row.status,
    activity: row.activity,
    ...(row.rests_as !== null && { restsAs: row.rests_as }),
    counts: {
      // Not `task_count`, the number of the last one: some may have been dropped since.
      total:
        row.count_queued +
        row.count_active +
        row.count_completed +
        row.count_failed +
        row.count_canceled +
        row.count_soft_failed +
        row.count_paused,
      queued: row.count_queued,
      active: row.count_active,
      completed: row.count_completed,
      failed: row.count_failed,
      canceled: row.count_canceled,
      softFailed: row.count_soft_failed,
      paused: row.count_paused,
    },
    steps: { completed: row.steps_completed, total: row.steps_total },
    frameCount: row.frame_count,
    warningCount: row.warning_count,
    tag: row.tag_public_id === null || row.tag_name === null ? null : { id: row.tag_public_id, name: row.tag_name },
    createdAt: time(row.created_at),
    updatedAt: time(row.updated_at),
    startedAt: timeOrNull(row.started_at),
    finishedAt: timeOrNull(row.finished_at),
    startAfter: timeOrNull(row.start_after),
    deletedAt: timeOrNull(row.deleted_at),
  }
}
