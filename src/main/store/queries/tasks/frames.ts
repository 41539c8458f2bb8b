/** Reads rendered frames. */
import { parseTaskId, taskPublicId } from '../../../../shared/ids.ts'
import type { WallFrame } from '../../../../shared/schemas/farm.ts'
import type { Frame } from '../../../../shared/schemas/jobs/frame.ts'
import type { ReadDatabase, SqlValue } from '../../connection.ts'
import { decodeCursor, encodeCursor } from '../cursors.ts'
import { time } from '../format.ts'

export interface FrameRow {
  id: number
  job_id: number
  job_public_id: string
  job_name: string
  job_deleted_at: number | null
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
  check_state: Frame['check']
  check_reason: string
  kept: number
  side: number
  view: string
  sha256: string | null
  modified_at: number | null
}

/** Must be followed by `where …` over f (frames), j (jobs), t (tasks), a (attempts). */
const SELECT = `select f.id, f.job_id, j.public_id as job_public_id, j.name as job_name, j.deleted_at as job_deleted_at, t.idx as task_idx, a.number as attempt,
    f.attempt_id, f.frame, f.path, f.bytes, f.width, f.height, f.preview, f.preview_problem, f.light, f.rendered_ms, f.created_at,
    f.check_state, f.check_reason, f.kept, f.side, f.view, f.sha256, f.modified_at
  from frames f
  join jobs j on j.id = f.job_id
  join tasks t on t.id = f.task_id
  join attempts a on a.id = f.attempt_id`

/** The row in the API's format. Addresses of previews change when a frame is rendered again, so they may be cached forever. */
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
    check: row.check_state,
    checkReason: row.check_reason,
    kept: row.kept !== 0,
    side: row.side !== 0,
    view: row.view,
    sha256: row.sha256,
    modifiedAt: row.modified_at === null ? null : time(row.modified_at),
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

/** Frames by their ids; deleted ones are missing. */
export async function framesByIds(db: ReadDatabase, ids: readonly number[]): Promise<Frame[]> {
  const rows = await db.all<FrameRow>(`${SELECT} where f.id in (select value from json_each(?))`, [JSON.stringify(ids)])
  return rows.map(toFrame)
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
  /** Only frames whose preview failed. */
  problem?: boolean
  /** Only frames whose preview exists or failed: not those that get none. */
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
  // A null sorts before every number; as a key it must be a number.
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
    // Counted with each page, so an index of frames alone must suffice unless the filter needs tasks.
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
  // Newest first by key, so the join order is fixed: otherwise the planner would read all jobs first.
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

/** Frames created since then. */
export async function countFramesSince(db: ReadDatabase, since: number): Promise<number> {
  const row = await db.get<{ n: number }>('select count(*) as n from frames where created_at >= ?', [since])
  return row?.n ?? 0
}

/** A frame without any preview. `jobId` and `taskId` are public, `workerId` is the internal id of the worker that saved it. */
export interface UnseenFrame {
  id: number
  jobId: string
  taskId: string
  path: string
  workerId: number
  platform: string
  createdAt: number
}

/** Frames without a preview, of jobs that are not deleted, in order of arrival. */
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

/** The id of the first frame since then; 1 when there is none. */
export async function firstFrameSince(db: ReadDatabase, since: number): Promise<number> {
  const row = await db.get<{ id: number | null }>('select min(id) as id from frames where created_at >= ?', [since])
  return row?.id ?? 1
}

/** Files that the log of an attempt named, without those beside the main output. Ids are public. */
export async function framesOfAttempt(
  db: ReadDatabase,
  taskId: string,
  attempt: number,
): Promise<{ path: string; frame: number | null; kept: boolean }[]> {
  const parsed = parseTaskId(taskId)
  if (parsed === undefined) return []
  const rows = await db.all<{ path: string; frame: number | null; kept: number }>(
    `select f.path, f.frame, f.kept from jobs j
     join tasks t on t.job_id = j.id and t.idx = ?
     join attempts a on a.task_id = t.id and a.number = ?
     join frames f on f.task_id = t.id and f.attempt_id = a.id
     where substr(j.public_id, 10) = ? and f.side = 0 order by f.frame`,
    [parsed.index, attempt, parsed.jobTail],
  )
  return rows.map((row) => ({ ...row, kept: row.kept !== 0 }))
}

/** Workers that saved a job's frames; internal ids, with the path notation of the saving worker. */
export async function framesByWorker(db: ReadDatabase, jobId: number): Promise<{ workerId: number; name: string; frames: number }[]> {
  return db.all<{ workerId: number; name: string; frames: number }>(
    `select w.id as workerId, w.name, count(*) as frames from frames f
     join attempts a on a.id = f.attempt_id join workers w on w.id = a.worker_id
     where f.job_id = ? group by w.id order by max(f.created_at) desc`,
    [jobId],
  )
}

export interface SavedFile {
  id: number
  path: string
  /** The notation of the path; null: the manager's, which records what foreign workers save. */
  platform: string | null
  workerId: number
  workerName: string
}

/** The files of a job in the order of their rows. */
export async function savedFiles(db: ReadDatabase, jobId: number, afterId: number, limit: number): Promise<SavedFile[]> {
  return db.all<SavedFile>(
    `select f.id, f.path, iif(w.adapter = 'native', w.platform, null) as platform, w.id as workerId, w.name as workerName from frames f
     join attempts a on a.id = f.attempt_id join workers w on w.id = a.worker_id
     where f.job_id = ? and f.id > ? and coalesce(f.check_state, '') <> 'unchecked' order by f.id limit ?`,
    [jobId, afterId, limit],
  )
}

/** Workers that completed tasks of a job, the latest first; internal ids. */
export async function workersOfJob(db: ReadDatabase, jobId: number): Promise<number[]> {
  const rows = await db.all<{ id: number }>(
    `select worker_id as id from attempts where job_id = ? and status = 'completed' group by worker_id order by max(ended_at) desc`,
    [jobId],
  )
  return rows.map(({ id }) => id)
}
