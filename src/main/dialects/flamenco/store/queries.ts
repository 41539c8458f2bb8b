/**
 * The reads of `/api/v3`. Lists come from SQLite as finished JSON text, slice by slice: a list of 100,000 tasks then
 * costs the main thread almost nothing, because the database's own threads build the texts. The shapes are those of
 * Flamenco §1.6; optional parts are omitted, never null.
 */
import { parseTaskId } from '../../../../shared/ids.ts'
import type { JobStatus, TaskStatus } from '../../../../shared/enums.ts'
import type { ReadDatabase } from '../../../store/connection.ts'

/** Rows of a list per slice: a few milliseconds of a database thread. */
const SLICE = 2_000

/** Milliseconds in a column as RFC 3339 in UTC, without rounding. */
function time(column: string): string {
  return `strftime('%Y-%m-%dT%H:%M:%S', ${column} / 1000, 'unixepoch') || printf('.%03dZ', ${column} % 1000)`
}

/** What clients may see: complete jobs of the farm that are not deleted. */
const VISIBLE_JOB = `j.namespace_id = 1 and j.deleted_at is null and j.status <> 'under-construction'`

/**
 * Variables of a container's environment may be passwords: these clients are anonymous, so they are hidden from all
 * (redaction.ts).
 */
const SHOWN_SETTINGS = `iif(instr(j.settings, '"environment"') > 0, json_replace(j.settings, '$.environment', '***'), j.settings)`

const JOB_JSON = `'{"id":"' || j.public_id || '","name":' || json_quote(j.name) || ',"type":' || json_quote(j.type)
  || ',"priority":' || j.priority || ',"submitter_platform":"","settings":' || ${SHOWN_SETTINGS} || ',"metadata":' || j.metadata
  || ',"created":"' || ${time('j.created_at')} || '","updated":"' || ${time('j.updated_at')}
  || '","status":"' || j.status || '","activity":' || json_quote(j.activity)
  || ',"steps_completed":' || j.steps_completed || ',"steps_total":' || j.steps_total
  || iif(j.checkout_id is null, '', ',"storage":{"shaman_checkout_id":' || json_quote(j.checkout_id) || '}')
  || iif(g.public_id is null, '', ',"worker_tag":"' || g.public_id || '"')
  || iif(j.delete_requested_at is null, '', ',"delete_requested_at":"' || ${time('coalesce(j.delete_requested_at, 0)')} || '"') || '}'`
const JOB_TABLES = 'jobs j left join worker_tags g on g.id = j.tag_id'

const WORKER_JSON = `iif(w.id is null, '{"id":"","name":"","address":""}',
  '{"id":"' || w.public_id || '","name":' || json_quote(w.name) || ',"address":' || json_quote(w.address) || '}')`
const TASK_ID = `printf('%08x', t.idx) || '-' || substr(j.public_id, 10)`
/** A TaskSummary without its closing brace. */
const TASK_JSON = `'{"id":"' || ${TASK_ID} || '","name":' || json_quote(t.name) || ',"status":"' || t.status
  || '","index_in_job":' || t.idx || ',"priority":' || t.priority || ',"task_type":' || json_quote(t.kind)
  || ',"updated":"' || ${time('t.updated_at')} || '","steps_completed":' || t.steps_completed || ',"steps_total":' || t.steps_total
  || ',"worker":' || ${WORKER_JSON}`

interface SliceRow {
  text: string | null
  last: number | null
  rows: number
}

/**
 * The slices of a list, each a text of objects separated by commas. `query` takes the key to continue after, and a
 * number of rows.
 */
async function* slices(query: (after: number, limit: number) => Promise<SliceRow | undefined>): AsyncGenerator<string> {
  let after = -1
  for (;;) {
    const slice = await query(after, SLICE)
    if (!slice?.text || slice.last === null) return
    yield slice.text
    if (slice.rows < SLICE) return
    after = slice.last
  }
}

/** All jobs in the order of their submission: texts of Job objects separated by commas. */
export function listJobs(db: ReadDatabase): AsyncGenerator<string> {
  return slices((after, limit) =>
    db.get<SliceRow>(
      `select group_concat(text, ',') as text, max(id) as last, count(*) as rows from (
         select j.id, ${JOB_JSON} as text from ${JOB_TABLES} where j.id > ? and ${VISIBLE_JOB} order by j.id limit ?)`,
      [after, limit],
    ),
  )
}

/** One Job as text; undefined when none is visible. */
export async function findJob(db: ReadDatabase, publicId: string): Promise<string | undefined> {
  const row = await db.get<{ text: string }>(`select ${JOB_JSON} as text from ${JOB_TABLES} where j.public_id = ? and ${VISIBLE_JOB}`, [
    publicId,
  ])
  return row?.text
}

/** Columns that JobsQuery may sort by. */
export const JOB_ORDER_COLUMNS: Readonly<Record<string, string>> = {
  id: 'j.public_id',
  name: 'j.name',
  type: 'j.type',
  priority: 'j.priority',
  status: 'j.status',
  activity: 'j.activity',
  created: 'j.created_at',
  updated: 'j.updated_at',
}

export interface JobSearch {
  statuses: readonly JobStatus[] | undefined
  /** Keys and the required values; texts are patterns of SQL's LIKE. */
  metadata: Record<string, unknown>
  settings: Record<string, unknown>
  order: readonly { column: string; descending: boolean }[]
  offset: number
  limit: number
}

/** True when every wanted [key, value, is text] of the parameter is in this column. Texts are patterns, other values JSON texts. */
function hasAll(column: string, parameter: string): string {
  return `not exists (select 1 from json_each(${parameter}) f where not exists (
    select 1 from json_each(j.${column}) e where e.key = f.value->>0 and iif(f.value->>2, e.value like f.value->>1,
      case when e.type in ('true', 'false', 'null') then e.type when e.type in ('array', 'object') then e.value else json_quote(e.value) end
        = f.value->>1)))`
}

function wantedRows(wanted: Record<string, unknown>): string {
  return JSON.stringify(
    Object.entries(wanted).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
      typeof value === 'string',
    ]),
  )
}

/** Jobs by filters (the JobsQuery of older clients): a text of Job objects separated by commas. */
export async function searchJobs(db: ReadDatabase, search: JobSearch): Promise<string> {
  // At most two columns, so the number of different statements stays small.
  const order = [...search.order.map(({ column, descending }) => `${column} ${descending ? 'desc' : 'asc'}`), 'j.id'].join(', ')
  const row = await db.get<{ text: string | null }>(
    `select group_concat(text, ',') as text from (
       select ${JOB_JSON} as text from ${JOB_TABLES}
       where ${VISIBLE_JOB} and (?1 is null or j.status in (select value from json_each(?1)))
         and ${hasAll('metadata', '?2')} and ${hasAll('settings', '?3')}
       order by ${order} limit ?4 offset ?5)`,
    [
      search.statuses === undefined ? null : JSON.stringify(search.statuses),
      wantedRows(search.metadata),
      wantedRows(search.settings),
      search.limit,
      search.offset,
    ],
  )
  return row?.text ?? ''
}

/** What routes check about a job before they change it. */
export interface JobFacts {
  id: number
  publicId: string
  owner: string
  ownerId: string
  checkoutId: string | null
}

/** Facts of a visible job. */
export function jobFacts(db: ReadDatabase, publicId: string): Promise<JobFacts | undefined> {
  return db.get<JobFacts>(
    `select j.id, j.public_id as publicId, j.owner, j.owner_id as ownerId, j.checkout_id as checkoutId from jobs j where j.public_id = ? and ${VISIBLE_JOB}`,
    [publicId],
  )
}

/** Tasks of a job in the order of their index: texts of TaskSummary objects separated by commas. Nothing for an unknown job. */
export async function* listTasks(db: ReadDatabase, jobPublicId: string): AsyncGenerator<string> {
  const job = await jobFacts(db, jobPublicId)
  if (!job) return
  yield* slices((after, limit) =>
    db.get<SliceRow>(
      `select group_concat(text, ',') as text, max(idx) as last, count(*) as rows from (
         select t.idx, ${TASK_JSON} || '}' as text from tasks t join jobs j on j.id = t.job_id left join workers w on w.id = t.worker_id
         where t.job_id = ? and t.idx > ? order by t.idx limit ?)`,
      [job.id, after, limit],
    ),
  )
}

const BY_TASK_ID = `substr(j.public_id, 10) = ? and t.idx = ? and ${VISIBLE_JOB}`

/** What routes check about a task before they change it. */
export interface TaskFacts {
  id: number
  jobPublicId: string
  owner: string
  ownerId: string
  attempts: number
}

/** Facts of a task; undefined when it is not visible. */
export async function taskFacts(db: ReadDatabase, publicId: string): Promise<TaskFacts | undefined> {
  const parts = parseTaskId(publicId)
  if (!parts) return undefined
  return db.get<TaskFacts>(
    `select t.id, j.public_id as jobPublicId, j.owner, j.owner_id as ownerId, t.attempts
     from jobs j join tasks t on t.job_id = j.id where ${BY_TASK_ID}`,
    [parts.jobTail, parts.index],
  )
}

/** Whether the job exists and is not deleted. */
export async function isLivingJob(db: ReadDatabase, publicId: string): Promise<boolean> {
  return (await db.get('select 1 as found from jobs where public_id = ? and deleted_at is null', [publicId])) !== undefined
}

/** A task for fetchTask: the summary's text without its closing brace, and the parts to add. */
export interface TaskDetails {
  summary: string
  jobId: string
  activity: string
  created: string
  touchedAt: number | null
  template: string
  params: string | null
  /** JSON array of TaskWorker. */
  failedBy: string
}

export async function taskDetails(db: ReadDatabase, publicId: string): Promise<TaskDetails | undefined> {
  const parts = parseTaskId(publicId)
  if (!parts) return undefined
  return db.get<TaskDetails>(
    `select ${TASK_JSON} as summary, j.public_id as jobId, t.activity, ${time('j.created_at')} as created, t.touched_at as touchedAt,
       c.body as template, t.params,
       (select json_group_array(json_object('id', f.public_id, 'name', f.name, 'address', f.address))
          from (select fw.public_id, fw.name, fw.address from task_failures tf join workers fw on fw.id = tf.worker_id
                where tf.task_id = t.id order by tf.at, fw.id) f) as failedBy
     from jobs j join tasks t on t.job_id = j.id join command_templates c on c.id = t.template_id left join workers w on w.id = t.worker_id
     where ${BY_TASK_ID}`,
    [parts.jobTail, parts.index],
  )
}

/** A WorkerTask as text, by the task's internal key; undefined when its job is deleted. */
export async function workerTask(db: ReadDatabase, taskId: number): Promise<string | undefined> {
  const row = await db.get<{ text: string }>(
    `select ${TASK_JSON} || ',"job_id":"' || j.public_id || '"}' as text
     from tasks t join jobs j on j.id = t.job_id left join workers w on w.id = t.worker_id where t.id = ? and ${VISIBLE_JOB}`,
    [taskId],
  )
  return row?.text
}

/** The task that a worker is running, by internal keys. */
export async function activeTaskOf(db: ReadDatabase, workerId: number): Promise<number | undefined> {
  const row = await db.get<{ id: number }>(
    `select id from tasks where worker_id = ? and status = 'active' order by started_at desc limit 1`,
    [workerId],
  )
  return row?.id
}

export interface BlocklistRow {
  worker_id: string
  task_type: string
  worker_name: string
}

/** Which workers are blocked from what in a job, by the workers' names. */
export function blocklist(db: ReadDatabase, jobPublicId: string): Promise<BlocklistRow[]> {
  return db.all<BlocklistRow>(
    `select w.public_id as worker_id, b.kind as task_type, w.name as worker_name
     from jobs j join job_blocks b on b.job_id = j.id join workers w on w.id = b.worker_id
     where j.public_id = ? and ${VISIBLE_JOB} order by w.name, b.kind`,
    [jobPublicId],
  )
}

/** Jobs unchanged since `updatedMax`; of one owner, or of all. */
export function jobsUpdatedUntil(db: ReadDatabase, updatedMax: number, ownerId: string | undefined): Promise<{ publicId: string }[]> {
  return db.all<{ publicId: string }>(
    `select j.public_id as publicId from jobs j where j.updated_at <= ?1 and (?2 is null or j.owner_id = ?2) and ${VISIBLE_JOB} order by j.id`,
    [updatedMax, ownerId ?? null],
  )
}

/** The job with the newest image. */
export async function lastRenderedJob(db: ReadDatabase): Promise<string | undefined> {
  const row = await db.get<{ publicId: string }>(
    `select j.public_id as publicId from jobs j where j.last_rendered_at is not null and ${VISIBLE_JOB}
     order by j.last_rendered_at desc limit 1`,
  )
  return row?.publicId
}

/** What an event about a task contains beside its status. */
export interface TaskEventFacts {
  id: string
  name: string
  activity: string
  updatedAt: number
  stepsCompleted: number
  stepsTotal: number
  status: TaskStatus
  workerId: string | null
  workerName: string | null
}

/** Facts of several tasks of one job. */
export function taskEventFacts(db: ReadDatabase, jobPublicId: string, taskIds: readonly string[]): Promise<TaskEventFacts[]> {
  const indices = taskIds.map((id) => parseTaskId(id)?.index ?? 0)
  return db.all<TaskEventFacts>(
    `select ${TASK_ID} as id, t.name, t.activity, t.updated_at as updatedAt, t.steps_completed as stepsCompleted,
       t.steps_total as stepsTotal, t.status, w.public_id as workerId, w.name as workerName
     from jobs j join tasks t on t.job_id = j.id left join workers w on w.id = t.worker_id
     where j.public_id = ? and t.idx in (select value from json_each(?)) and ${VISIBLE_JOB}`,
    [jobPublicId, JSON.stringify(indices)],
  )
}

/** A worker's name and deletion time; includes deleted workers. */
export function workerName(db: ReadDatabase, publicId: string): Promise<{ name: string; deletedAt: number | null } | undefined> {
  return db.get('select name, deleted_at as deletedAt from workers where public_id = ?', [publicId])
}
