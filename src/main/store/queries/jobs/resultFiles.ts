/** Results of jobs without shared storage: what is home, and what workers still have. */
import type { ReadDatabase } from '../../connection.ts'

export interface HomeResult {
  path: string
  bytes: number
  sha256: string
  seq: number
  receivedAt: number
  /** Index of the task that saved it, from 1. */
  taskIndex: number
}

const COLUMNS = `r.path, r.bytes, r.sha256, r.seq, r.received_at as receivedAt, t.idx as taskIndex
  from result_files r join tasks t on t.id = r.task_id`

/** One file that is home. */
export function homeResult(db: ReadDatabase, jobId: number, path: string): Promise<HomeResult | undefined> {
  return db.get<HomeResult>(`select ${COLUMNS} where r.job_id = ? and r.path = ? and r.seq is not null`, [jobId, path])
}

/** Files that came after `after`, in order of their arrival. */
export function homeResults(db: ReadDatabase, jobId: number, after: number, limit: number): Promise<HomeResult[]> {
  return db.all<HomeResult>(`select ${COLUMNS} where r.job_id = ? and r.seq > ? order by r.seq limit ?`, [jobId, after, limit])
}

export interface AwaitedResults {
  /** Public id. */
  workerId: string
  name: string
  files: number
  bytes: number
}

/** What workers have announced and not sent yet. */
export function awaitedResults(db: ReadDatabase, jobId: number): Promise<AwaitedResults[]> {
  return db.all<AwaitedResults>(
    `select w.public_id as workerId, w.name, count(*) as files, sum(r.bytes) as bytes from result_files r
     join attempts a on a.id = r.attempt_id join workers w on w.id = a.worker_id
     where r.job_id = ? and r.seq is null group by w.id order by w.name`,
    [jobId],
  )
}

/** The tasks that a task depends on, directly; `?1`: its id. */
const EARLIER_TASKS = `select depends_on_id from task_dependencies where task_id = ?1
  union select t.id from task_group_dependencies g join tasks t on t.group_id = g.group_id where g.task_id = ?1`

/** What the tasks that this one depends on saved, and is home, in order of its arrival. */
export function earlierResults(db: ReadDatabase, taskId: number, after: number, limit: number): Promise<HomeResult[]> {
  return db.all<HomeResult>(`select ${COLUMNS} where r.task_id in (${EARLIER_TASKS}) and r.seq > ?2 order by r.seq limit ?3`, [
    taskId,
    after,
    limit,
  ])
}

/** What of it is not home yet. */
export function awaitedEarlier(db: ReadDatabase, taskId: number): Promise<AwaitedResults[]> {
  return db.all<AwaitedResults>(
    `select w.public_id as workerId, w.name, count(*) as files, sum(r.bytes) as bytes from result_files r
     join attempts a on a.id = r.attempt_id join workers w on w.id = a.worker_id
     where r.task_id in (${EARLIER_TASKS}) and r.seq is null group by w.id order by w.name`,
    [taskId],
  )
}

/** How many files are home, and their bytes. */
export async function homeTotals(db: ReadDatabase, jobId: number): Promise<{ files: number; bytes: number }> {
  const row = await db.get<{ files: number; bytes: number | null }>(
    'select count(*) as files, sum(bytes) as bytes from result_files where job_id = ? and seq is not null',
    [jobId],
  )
  return { files: row?.files ?? 0, bytes: row?.bytes ?? 0 }
}

/** Bytes of all results below a folder of the manager. */
export async function ownBytes(db: ReadDatabase, folder: string): Promise<number> {
  const row = await db.get<{ bytes: number | null }>(
    `select sum(r.bytes) as bytes from result_files r join jobs j on j.id = r.job_id
     where r.seq is not null and substr(j.results_root, 1, length(?1)) = ?1`,
    [folder],
  )
  return row?.bytes ?? 0
}

/** Where an attempt's results go; undefined: there is no such attempt of this worker, or its job has none. `isNewest`: no later attempt began. */
export function sourceOfAttempt(
  db: ReadDatabase,
  taskId: number,
  attempt: number,
): Promise<{ jobId: number; root: string | null; taskId: number; attemptId: number; workerId: number; isNewest: number } | undefined> {
  return db.get(
    `select t.job_id as jobId, j.results_root as root, t.id as taskId, a.id as attemptId, a.worker_id as workerId,
       not exists (select 1 from attempts l where l.task_id = t.id and l.number > a.number) as isNewest
     from attempts a join tasks t on t.id = a.task_id join jobs j on j.id = t.job_id
     where a.task_id = ? and a.number = ?`,
    [taskId, attempt],
  )
}

/** A frame that a worker wrote to shared storage. `seq`: in the order of the first report of each. */
export interface WrittenFile {
  path: string
  bytes: number
  seq: number
  at: number
  taskIndex: number
}

const WRITTEN = `from frames f join tasks t on t.id = f.task_id where f.job_id = ? and coalesce(f.check_state, '') <> 'damaged'`

/** Frames of a job with shared storage. */
export function writtenFiles(db: ReadDatabase, jobId: number, after: number, limit: number): Promise<WrittenFile[]> {
  return db.all<WrittenFile>(
    `select f.path, coalesce(f.bytes, 0) as bytes, f.id as seq, f.created_at as at, t.idx as taskIndex ${WRITTEN} and f.id > ? order by f.id limit ?`,
    [jobId, after, limit],
  )
}

export async function writtenTotals(db: ReadDatabase, jobId: number): Promise<{ files: number; bytes: number }> {
  const row = await db.get<{ files: number; bytes: number | null }>(`select count(*) as files, sum(f.bytes) as bytes ${WRITTEN}`, [jobId])
  return { files: row?.files ?? 0, bytes: row?.bytes ?? 0 }
}

/** One of them, with the worker that wrote it. */
export function writtenFile(
  db: ReadDatabase,
  jobId: number,
  path: string,
): Promise<{ path: string; taskIndex: number; workerId: string; platform: string } | undefined> {
  return db.get(
    `select f.path, t.idx as taskIndex, w.public_id as workerId, w.platform from frames f join tasks t on t.id = f.task_id
     join attempts a on a.id = f.attempt_id join workers w on w.id = a.worker_id
     where f.job_id = ? and replace(f.path, '\\', '/') = ?`,
    [jobId, path],
  )
}

/** How many results of a job without shared storage are not home; undefined for any other job. */
export function resultsOfJob(db: ReadDatabase, jobId: number): Promise<{ awaited: number } | undefined> {
  return db.get<{ awaited: number }>(
    `select (select count(*) from result_files where job_id = j.id and seq is null) as awaited from jobs j
     where j.id = ? and j.results_root is not null`,
    [jobId],
  )
}
