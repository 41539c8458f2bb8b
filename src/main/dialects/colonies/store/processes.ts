/** Processes and process graphs: the dialect's rows, read together with the farm's jobs, tasks and attempts. */
import type { JobStatus } from '../../../../shared/enums.ts'
import type { AppendedRow } from '../../../engine/base/farmRecords.ts'
import type { Connection, ReadDatabase, SqlValue } from '../../../store/connection.ts'
import type { SideRowPlace } from '../../../store/sideRows.ts'

/** What is stored of one process beside its task. Parents and children: indices in the job. */
export interface NewProcess {
  /** Its index in what is added, from 1. */
  index: number
  spec: string
  executorType: string
  label: string
  /** JSON list, or null: what its parents put out. */
  input: string | null
  parents: number[]
  children: number[]
}

/** A side row: the processes of a job, or those that a job grows by. */
export interface NewProcesses {
  colonyId: number
  initiatorId: string
  initiatorName: string
  isGraph: boolean
  cronId: number | null
  processes: NewProcess[]
  /** Older processes whose parents and children change with it. */
  relinked?: { index: number; parents: number[]; children: number[] }[]
}

export async function writeProcesses(tx: Connection, { jobId, firstTaskId, at }: SideRowPlace, rows: NewProcesses): Promise<void> {
  const { colonyId, initiatorId, initiatorName, processes, relinked = [] } = rows
  if (rows.isGraph) {
    await tx.run(
      `insert into colonies_graphs (job_id, colony_id, initiator_id, initiator_name, submitted_at, cron_id) values (?, ?, ?, ?, ?, ?)
       on conflict do nothing`,
      [jobId, colonyId, initiatorId, initiatorName, at, rows.cronId],
    )
  }
  for (const { index, spec, executorType, label, input, parents, children } of processes) {
    await tx.run(
      `insert into colonies_processes (task_id, job_id, colony_id, spec, executor_type, label, initiator_id, initiator_name, submitted_at, input, parents, children)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      [
        firstTaskId + index - 1,
        jobId,
        colonyId,
        spec,
        executorType,
        label,
        initiatorId,
        initiatorName,
        at,
        input,
        JSON.stringify(parents),
        JSON.stringify(children),
      ],
    )
  }
  for (const { index, parents, children } of relinked) {
    await tx.run(
      'update colonies_processes set parents = ?, children = ? where task_id = (select id from tasks where job_id = ? and idx = ?)',
      [JSON.stringify(parents), JSON.stringify(children), jobId, index],
    )
  }
}

/** The row of a process that joins a shared job: its statement, and its values. */
export const SHARED_PROCESSES = `insert into colonies_processes
    (task_id, job_id, colony_id, spec, executor_type, label, initiator_id, initiator_name, submitted_at)
  select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8 from (select value as v from jsonb_each(:rows))`

export function sharedRow(
  colonyId: number,
  { spec, executorType, label }: Pick<NewProcess, 'spec' | 'executorType' | 'label'>,
  by: { id: string; name: string },
  at: number,
): AppendedRow {
  return { kind: 'colonies-process', values: [colonyId, spec, executorType, label, by.id, by.name, at] }
}

export interface ProcessRow {
  taskId: number
  jobId: number
  jobPublicId: string
  colonyId: number
  index: number
  isGraph: number
  /** It shares its job with others (a process of an earlier version has one of its own). */
  isShared: number
  /** The protocol's number. */
  state: number
  spec: string
  label: string
  initiatorId: string
  initiatorName: string
  submittedAt: number
  input: string | null
  parents: string
  children: string
  priority: number
  retries: number
  startBy: number | null
  activity: string
  attempts: number
  /** When its task ended. */
  finishedAt: number | null
  /** Of its newest attempt. */
  startedAt: number | null
  outcome: string | null
  reason: string | null
  leaseUntil: number | null
  result: string | null
  executorId: string | null
  executorName: string | null
}

const PROCESS = `select p.task_id as taskId, p.job_id as jobId, j.public_id as jobPublicId, p.colony_id as colonyId, t.idx as "index",
    exists (select 1 from colonies_graphs g where g.job_id = p.job_id) as isGraph,
    exists (select 1 from colonies_jobs s where s.job_id = p.job_id) as isShared, p.state, p.spec, p.label, p.initiator_id as initiatorId,
    p.initiator_name as initiatorName, p.submitted_at as submittedAt, p.input, p.parents, p.children, t.priority, t.retries, t.start_by as startBy, t.activity,
    t.attempts, t.finished_at as finishedAt, a.started_at as startedAt, a.outcome, a.reason, a.lease_until as leaseUntil, a.result,
    e.executor_id as executorId, e.name as executorName
  from colonies_processes p join tasks t on t.id = p.task_id join jobs j on j.id = p.job_id
    left join attempts a on a.task_id = p.task_id and a.number = t.attempts
    left join workers w on w.id = a.worker_id left join colonies_executors e on e.worker_id = w.public_id and w.public_id <> ''`

export function findProcess(db: ReadDatabase, jobPublicId: string, index: number): Promise<ProcessRow | undefined> {
  return db.get(`${PROCESS} where j.public_id = ? and t.idx = ? and p.state is not null`, [jobPublicId, index])
}

/** @param jobTail the part of the job's id that its tasks' ids share */
export function findProcessByTail(db: ReadDatabase, jobTail: string, index: number): Promise<ProcessRow | undefined> {
  return db.get(`${PROCESS} where substr(j.public_id, 10) = ? and t.idx = ? and p.state is not null`, [jobTail, index])
}

export interface ProcessFilter {
  colonyId: number
  /** Undefined: all. */
  state?: number
  count: number
  /** Only those behind this one (`id`: of its task), in the order of the list. */
  before?: { at: number; id: number }
  executorType?: string
  label?: string
  initiator?: string
}

const STATES = [0, 1, 2, 3, 4]

/** Waiting ones in the order in which they were submitted, others the newest first. */
export function listProcesses(db: ReadDatabase, filter: ProcessFilter): Promise<ProcessRow[]> {
  const values: SqlValue[] = [filter.colonyId, filter.count]
  const where = ['p.colony_id = ?1']
  for (const [column, value] of [
    ['p.executor_type', filter.executorType],
    ['p.label', filter.label],
    ['p.initiator_name', filter.initiator],
  ] as const) {
    if (value !== undefined) where.push(`${column} = ?${values.push(value)}`)
  }
  if (filter.before) {
    const { at, id } = filter.before
    where.push(`(p.submitted_at, p.task_id) ${filter.state === 0 ? '>' : '<'} (?${values.push(at)}, ?${values.push(id)})`)
  }
  const direction = filter.state === 0 ? 'asc' : 'desc'
  const order = `order by p.submitted_at ${direction}, p.task_id ${direction} limit ?2`
  // The index has each state in order: of all states, the first ones of each are enough.
  const ofState = (state: number): string =>
    `select * from (select p.task_id from colonies_processes p where ${where.join(' and ')} and p.state = ${state} ${order})`
  const states = filter.state === undefined ? STATES : [filter.state]
  return db.all(`${PROCESS} where p.task_id in (${states.map(ofState).join(' union all ')}) ${order}`, values)
}

/** Of a process graph. */
export function processesOfJob(db: ReadDatabase, jobPublicId: string, count: number): Promise<ProcessRow[]> {
  return db.all(`${PROCESS} where j.public_id = ? and p.state is not null and isGraph order by t.idx limit ?`, [jobPublicId, count])
}

/** Submitted since a time, the oldest first; of one executor when there is an id. */
export function processHistory(
  db: ReadDatabase,
  { colonyId, executorId, since, state, count }: { colonyId: number; executorId: string; since: number; state: number; count: number },
): Promise<ProcessRow[]> {
  return db.all(
    `${PROCESS} where p.colony_id = ?1 and p.state = ?2 and p.submitted_at >= ?3 and (?4 = '' or e.executor_id = ?4)
     order by p.submitted_at, p.task_id limit ?5`,
    [colonyId, state, since, executorId, count],
  )
}

/** What the named tasks of a job put out: index → result of the newest attempt. */
export async function resultsOf(db: ReadDatabase, jobId: number, indices: readonly number[]): Promise<Map<number, string | null>> {
  const rows = await db.all<{ index: number; result: string | null }>(
    `select t.idx as "index", a.result from tasks t left join attempts a on a.task_id = t.id and a.number = t.attempts
     where t.job_id = ? and t.idx in (select value from json_each(?))`,
    [jobId, JSON.stringify(indices)],
  )
  return new Map(rows.map(({ index, result }) => [index, result]))
}

export interface AttributeRow {
  id: string
  taskId: number
  key: string
  value: string
  type: number
}

export function attributesOf(db: ReadDatabase, taskIds: readonly number[]): Promise<AttributeRow[]> {
  return db.all(
    'select id, task_id as taskId, key, value, type from colonies_attributes where task_id in (select value from json_each(?)) order by key',
    [JSON.stringify(taskIds)],
  )
}

export interface GraphRow {
  jobId: number
  jobPublicId: string
  colonyId: number
  status: JobStatus
  active: number
  completed: number
  failed: number
  canceled: number
  /** Neither running nor ended. */
  waiting: number
  initiatorId: string
  initiatorName: string
  submittedAt: number
  startedAt: number | null
  finishedAt: number | null
}

const GRAPH = `select g.job_id as jobId, j.public_id as jobPublicId, g.colony_id as colonyId, j.status, j.count_active as active,
    j.count_completed as completed, j.count_failed as failed, j.count_canceled as canceled,
    j.count_queued + j.count_soft_failed + j.count_paused as waiting, g.initiator_id as initiatorId,
    g.initiator_name as initiatorName, g.submitted_at as submittedAt, j.started_at as startedAt, j.finished_at as finishedAt
  from colonies_graphs g join jobs j on j.id = g.job_id`

/** graphState of graphs.ts, in SQL. */
const GRAPH_STATE = `case when j.count_failed > 0 or j.status = 'failed' then 3 when j.status in ('canceled', 'cancel-requested') or j.count_canceled > 0 then 4
    when j.status = 'completed' then 2 when j.count_active + j.count_completed > 0 then 1 else 0 end`

export function findGraph(db: ReadDatabase, jobPublicId: string): Promise<GraphRow | undefined> {
  return db.get(`${GRAPH} where j.public_id = ? and j.deleted_at is null`, [jobPublicId])
}

/** The newest first. @param state undefined: all @param before only those behind this one (`id`: of its job) */
export function listGraphs(
  db: ReadDatabase,
  colonyId: number,
  state: number | undefined,
  count: number,
  before?: { at: number; id: number },
): Promise<GraphRow[]> {
  return db.all(
    `${GRAPH} where g.colony_id = ?1 and j.deleted_at is null and (?2 is null or ${GRAPH_STATE} = ?2)
       and (?4 is null or (g.submitted_at, g.job_id) < (?4, ?5))
     order by g.submitted_at desc, g.job_id desc limit ?3`,
    [colonyId, state ?? null, count, before?.at ?? null, before?.id ?? null],
  )
}

export interface GraphNodeRow {
  graph: number
  index: number
  state: number
  name: string
  parents: string
  children: string
}

/** The nodes of graphs, by internal id of their jobs. */
export function nodesOf(db: ReadDatabase, jobIds: readonly number[]): Promise<GraphNodeRow[]> {
  return db.all(
    `select p.job_id as graph, t.idx as "index", p.state, t.name, p.parents, p.children from colonies_processes p join tasks t on t.id = p.task_id
     where p.job_id in (select value from json_each(?)) and p.state is not null order by p.job_id, t.idx`,
    [JSON.stringify(jobIds)],
  )
}

/** State → processes in it. */
export async function processCounts(db: ReadDatabase, colonyId: number | undefined): Promise<Map<number, number>> {
  const rows = await db.all<{ state: number; n: number }>(
    'select state, sum(n) as n from colonies_counts where ?1 is null or colony_id = ?1 group by state',
    [colonyId ?? null],
  )
  return new Map(rows.map(({ state, n }) => [state, n]))
}

export async function graphCounts(db: ReadDatabase, colonyId: number): Promise<Map<number, number>> {
  const rows = await db.all<{ state: number; n: number }>(
    `select ${GRAPH_STATE} as state, count(*) as n from colonies_graphs g join jobs j on j.id = g.job_id
     where g.colony_id = ? and j.deleted_at is null group by 1`,
    [colonyId],
  )
  return new Map(rows.map(({ state, n }) => [state, n]))
}

/** Jobs of graphs, and those of single processes that are not shared. @param state of processes; undefined: all @param graphs undefined: both */
export function jobsOf(
  db: ReadDatabase,
  { colonyId, state, graphs }: { colonyId: number; state?: number | undefined; graphs: boolean | undefined },
): Promise<{ jobPublicId: string }[]> {
  if (graphs === true) {
    return db.all(
      `select j.public_id as jobPublicId from colonies_graphs g join jobs j on j.id = g.job_id
       where g.colony_id = ?1 and j.deleted_at is null and (?2 is null or ${GRAPH_STATE} = ?2)`,
      [colonyId, state ?? null],
    )
  }
  return db.all(
    `select distinct j.public_id as jobPublicId from colonies_processes p join jobs j on j.id = p.job_id
     where p.colony_id = ?1 and p.state is not null and (?2 is null or p.state = ?2)
       and not exists (select 1 from colonies_jobs s where s.job_id = p.job_id)
       and (?3 is null or not exists (select 1 from colonies_graphs g where g.job_id = p.job_id))`,
    [colonyId, state ?? null, graphs === false ? 1 : null],
  )
}
