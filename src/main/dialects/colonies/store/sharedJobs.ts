/** Jobs that single processes share, and what goes when one of their processes is removed. */
import type { Connection, ReadDatabase } from '../../../store/connection.ts'
import type { SideRowPlace } from '../../../store/sideRows.ts'

/** Characters of a spec. */
const LARGEST_READ_AHEAD = 65_536

/** A side row: the job is shared by processes of a kind. */
export interface NewSharedJob {
  colonyId: number
  kind: string
}

export async function writeSharedJob(tx: Connection, { jobId }: SideRowPlace, { colonyId, kind }: NewSharedJob): Promise<void> {
  await tx.run('insert into colonies_jobs (job_id, colony_id, kind) values (?, ?, ?)', [jobId, colonyId, kind])
}

/** Those that the next process of a kind joins, the newest last. */
export function openSharedJobs(db: ReadDatabase): Promise<{ kind: string; jobPublicId: string }[]> {
  return db.all(
    `select s.kind, j.public_id as jobPublicId from colonies_jobs s join jobs j on j.id = s.job_id
     where s.open = 1 and j.deleted_at is null order by s.job_id`,
  )
}

export async function closeSharedJob(tx: Connection, jobPublicId: string): Promise<void> {
  await tx.run('update colonies_jobs set open = 0 where job_id = (select id from jobs where public_id = ?)', [jobPublicId])
}

export function sharedJobsOf(db: ReadDatabase, colonyId: number): Promise<{ jobPublicId: string }[]> {
  return db.all(
    'select j.public_id as jobPublicId from colonies_jobs s join jobs j on j.id = s.job_id where s.colony_id = ? and j.deleted_at is null',
    [colonyId],
  )
}

/** What never changes of a process. */
export interface ProcessFacts {
  spec: string
  initiatorId: string
  initiatorName: string
  submittedAt: number
}

/** The processes of a shared job from one on, in order, without very large ones. By internal id of their tasks. */
export async function factsFrom(db: ReadDatabase, first: number, count: number): Promise<[number, ProcessFacts][]> {
  const row = await db.get<{ facts: string }>(
    `select json_group_array(json_array(task_id, spec, initiator_id, initiator_name, submitted_at)) as facts from (
       select p.* from colonies_processes p where p.job_id = (select job_id from colonies_processes where task_id = ?1) and p.task_id >= ?1
         and exists (select 1 from colonies_jobs s where s.job_id = p.job_id) and length(p.spec) <= ${LARGEST_READ_AHEAD}
       order by p.job_id, p.task_id limit ?2)`,
    [first, count],
  )
  // Written by this query.
  const rows = JSON.parse(row?.facts ?? '[]') as [number, string, string, string, number][]
  return rows.map(([taskId, spec, initiatorId, initiatorName, submittedAt]) => [taskId, { spec, initiatorId, initiatorName, submittedAt }])
}

export interface SharedProcess {
  taskId: number
  jobPublicId: string
  index: number
}

/** Single processes in a state that share a job, after an internal id. */
export function sharedProcesses(db: ReadDatabase, colonyId: number, state: number, after: number, count: number): Promise<SharedProcess[]> {
  return db.all(
    `select p.task_id as taskId, j.public_id as jobPublicId, t.idx as "index" from colonies_processes p
       join colonies_jobs s on s.job_id = p.job_id join tasks t on t.id = p.task_id join jobs j on j.id = p.job_id
     where p.colony_id = ? and p.state = ? and p.task_id > ? order by p.task_id limit ?`,
    [colonyId, state, after, count],
  )
}

const OF_A_PROCESS = ['colonies_processes', 'colonies_attributes', 'colonies_logs', 'colonies_entries']

/** Everything that the dialect knows of these processes. The farm's tasks stay. */
export async function deleteProcesses(tx: Connection, taskIds: readonly number[]): Promise<void> {
  for (const table of OF_A_PROCESS) {
    await tx.run(`delete from ${table} where task_id in (select value from json_each(?))`, [JSON.stringify(taskIds)])
  }
}

/** Whether a job that no process joins any longer has none left. */
export async function isUsedUp(db: ReadDatabase, jobPublicId: string): Promise<boolean> {
  const row = await db.get<{ used: number }>(
    `select s.open = 0 and not exists (select 1 from colonies_processes p where p.job_id = s.job_id) as used
     from colonies_jobs s join jobs j on j.id = s.job_id where j.public_id = ? and j.deleted_at is null`,
    [jobPublicId],
  )
  return row?.used === 1
}
