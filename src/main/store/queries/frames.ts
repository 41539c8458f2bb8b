/** Reading rendered frames. */
import { taskPublicId } from '../../../shared/ids.ts'
import type { WallFrame } from '../../../shared/schemas/farm.ts'
import type { Frame } from '../../../shared/schemas/job.ts'
import type { ReadDatabase, SqlValue } from '../connection.ts'
import { decodeCursor, encodeCursor } from './cursors.ts'
import { time } from './format.ts'

export interface FrameRow {
  id: number
  job_id: number
  job_public_id: string
  job_name: string
  task_idx: number
  attempt: number
  attempt_id: number
  frame: number | null
  path: string
  bytes: number | null
  width: number | null
  height: number | null
  preview: string
  light: number
  preview_problem: string
  rendered_ms: number | null
  created_at: number
}

/** To be followed by `where …` over f (frames), j (jobs), t (tasks), a (attempts). */
const SELECT = `select f.id, f.job_id, j.public_id as job_public_id, j.name as job_name, t.idx as task_idx, a.number as attempt,
    f.attempt_id, f.frame, f.path, f.bytes, f.width, f.height, f.preview, f.preview_problem, f.light, f.rendered_ms, f.created_at
  from frames f
  join jobs j on j.id = f.job_id
  join tasks t on t.id = f.task_id
  join attempts a on a.id = f.attempt_id`

/** The row as the API shows it. Addresses of previews change when a frame is rendered again, so they may be cached for ever. */
export function toFrame(row: FrameRow): Frame {
  const preview = row.preview === 'ready' || row.preview === 'failed' ? row.preview : 'none'
  const url = (size: string) => (preview === 'ready' ? `/api/v1/frames/${row.id}/${size}?v=${row.attempt_id}` : null)
  return {
    id: row.id,
    jobId: row.job_public_id,
    taskId: taskPublicId(row.job_public_id, row.task_idx),
    attempt: row.attempt,
    frame: row.frame,
    path: row.path,
    bytes: row.bytes,
    width: row.width,
    height: row.height,
    preview,
    previewProblem: row.preview_problem,
    thumbnailUrl: url('thumbnail'),
    largeUrl: url('large'),
    lightUrl: row.light ? url('light') : null,
    renderedMs: row.rendered_ms,
    createdAt: time(row.created_at),
  }
}

function toWallFrame(row: FrameRow): WallFrame {
  return { ...toFrame(row), jobName: row.job_name }
}

/** One frame of a job that is not purged. */
export function findFrame(db: ReadDatabase, id: number): Promise<FrameRow | undefined> {
  return db.get<FrameRow>(`${SELECT} where f.id = ?`, [id])
}

/** The newest frame with a preview of each of the jobs, by job. */
export async function lastFrames(db: ReadDatabase, jobIds: readonly number[]): Promise<Map<number, Frame>> {
  const rows = await db.all<FrameRow>(
    `${SELECT} where f.id in (
      select (select id from frames where job_id = wanted.value and preview = 'ready' order by created_at desc, id desc limit 1) from json_each(?) wanted)`,
    [JSON.stringify(jobIds)],
  )
  return new Map(rows.map((row) => [row.job_id, toFrame(row)]))
}

export interface FramePageInput {
  limit: number
  cursor?: string
  /** Only frames with a preview. */
  ready?: boolean
  /** Only frames whose preview could not be made. */
  problem?: boolean
  /** Only frames whose preview is there or could not be made: not those of which none is to be made. */
  tried?: boolean
}

function previewConditions({ ready, problem, tried }: Pick<FramePageInput, 'ready' | 'problem' | 'tried'>): string[] {
  return [
    ...(ready ? [`f.preview = 'ready'`] : []),
    ...(problem ? [`f.preview = 'failed'`] : []),
    ...(tried ? [`f.preview in ('ready', 'failed')`] : []),
  ]
}

export interface JobFramesInput extends FramePageInput {
  /** Only frames of the task with this index. */
  task?: number
  /** By frame number (single images first), or the newest first. */
  order?: 'number' | 'newest'
}

/** A page of one job's frames; `total` counts those of all pages. */
export async function pageOfJobFrames(
  db: ReadDatabase,
  jobId: number,
  { limit, cursor, order = 'number', ...filters }: JobFramesInput,
): Promise<{ items: Frame[]; total: number; next: string | null }> {
  // A null sorts before every number; as a key it must be one.
  const [key, direction, beyond] = order === 'newest' ? ['f.created_at', 'desc', '<'] : [`coalesce(f.frame, ${NO_FRAME})`, 'asc', '>']
  const cursorName = order === 'newest' ? 'newest frames' : 'frames'
  const after = decodeCursor(cursor, cursorName, ['number', 'number'])
  const where = [`f.job_id = ?`, ...(filters.task === undefined ? [] : ['t.idx = ?']), ...previewConditions(filters)].join(' and ')
  const values: SqlValue[] = [jobId, ...(filters.task === undefined ? [] : [filters.task])]
  const [rows, count] = await Promise.all([
    db.all<FrameRow>(
      `${SELECT} where ${where} ${after ? `and (${key}, f.id) ${beyond} (?, ?)` : ''} order by ${key} ${direction}, f.id ${direction} limit ?`,
      [...values, ...(after ?? []), limit + 1],
    ),
    // Counted with each page, so an index of frames alone has to do where tasks are not asked for.
    db.get<{ n: number }>(
      `select count(*) as n from frames f ${filters.task === undefined ? '' : 'join tasks t on t.id = f.task_id'} where ${where}`,
      values,
    ),
  ])
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  const keyOf = (row: FrameRow): number => (order === 'newest' ? row.created_at : (row.frame ?? NO_FRAME))
  const next = rows.length > limit && last ? encodeCursor(cursorName, [keyOf(last), last.id]) : null
  return { items: items.map(toFrame), total: count?.n ?? 0, next }
}

const NO_FRAME = -2_147_483_649

/** Newest frames of all jobs that are not deleted. */
export async function newestFrames(db: ReadDatabase, input: FramePageInput): Promise<{ items: WallFrame[]; next: string | null }> {
  const after = decodeCursor(input.cursor, 'newest', ['number', 'number'])
  const where = ['j.deleted_at is null', ...(after ? ['(f.created_at, f.id) < (?, ?)'] : []), ...previewConditions(input)]
  // Newest first by key, so the join order is fixed: the planner would first read all jobs otherwise.
  const select = SELECT.replace(/^  join /gm, '  cross join ')
  const rows = await db.all<FrameRow>(`${select} where ${where.join(' and ')} order by f.created_at desc, f.id desc limit ?`, [
    ...(after ?? []),
    input.limit + 1,
  ])
  const items = rows.slice(0, input.limit)
  const last = items.at(-1)
  const next = rows.length > input.limit && last ? encodeCursor('newest', [last.created_at, last.id]) : null
  return { items: items.map(toWallFrame), next }
}

/** Frames that were made since then. */
export async function countFramesSince(db: ReadDatabase, since: number): Promise<number> {
  const row = await db.get<{ n: number }>('select count(*) as n from frames where created_at >= ?', [since])
  return row?.n ?? 0
}

/** A frame that nobody has made a preview of. `jobId` and `taskId` are public, `workerId` is the internal id of who saved it. */
export interface UnseenFrame {
  id: number
  jobId: string
  taskId: string
  path: string
  workerId: number
  platform: string
  createdAt: number
}

/** Frames without a preview, of jobs that are not deleted, in the order in which they came. */
export async function unseenFrames(db: ReadDatabase, afterId: number, limit: number): Promise<UnseenFrame[]> {
  const rows = await db.all<Omit<UnseenFrame, 'taskId'> & { taskIndex: number }>(
    `select f.id, f.path, f.created_at as createdAt, j.public_id as jobId, t.idx as taskIndex, w.id as workerId, w.platform
     from frames f
     cross join jobs j on j.id = f.job_id
     cross join tasks t on t.id = f.task_id
     cross join attempts a on a.id = f.attempt_id
     cross join workers w on w.id = a.worker_id
     where f.preview = 'none' and f.id > ? and j.deleted_at is null order by f.id limit ?`,
    [afterId, limit],
  )
  return rows.map(({ taskIndex, ...row }) => ({ ...row, taskId: taskPublicId(row.jobId, taskIndex) }))
}

/** The id of the first frame made since then; 1 when there is none. */
export async function firstFrameSince(db: ReadDatabase, since: number): Promise<number> {
  const row = await db.get<{ id: number | null }>('select min(id) as id from frames where created_at >= ?', [since])
  return row?.id ?? 1
}
