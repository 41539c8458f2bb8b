/**
 * Loads what the engine needs to rebuild its hot state: jobs with the heads of their queues, ready tasks, active
 * attempts, workers.
 */
import type { JobSeed, LaneState } from '../engine/base/ports.ts'
import type { AttemptState, LimitState, ListedFrame, WarmAppRow, TagState, TaskState, WorkerState } from '../engine/base/model.ts'
import type { Inputs, KnownFile } from '../../shared/schemas/jobs/existing.ts'
import { json } from './queries/format.ts'
import type { ReadDatabase, SqlValue } from './connection.ts'
import {
  attemptFromRow,
  jobFromRow,
  limitFromRow,
  selectTasks,
  tasksFromRow,
  workerFromRow,
  type AttemptRow,
  type JobRow,
  type TasksRow,
  type WorkerRow,
} from './rows/index.ts'

/** Jobs that may still assign or finish tasks, or that stopped during a bulk change. */
const OPEN = `status in ('queued', 'active', 'pause-requested', 'cancel-requested', 'requeueing')
  or id in (select job_id from tasks indexed by tasks_active where status = 'active')`

export async function loadOpenJobs(db: ReadDatabase): Promise<JobSeed[]> {
  return loadSeeds(
    db,
    `select * from jobs where (${OPEN}) and deleted_at is null and status <> 'under-construction' order by created_at, id`,
    [],
  )
}

export async function loadJobBy(
  db: ReadDatabase,
  by: { id: number } | { publicId: string } | { idTail: string },
): Promise<JobSeed | undefined> {
  const [where, value] =
    'id' in by
      ? ['id = ?', by.id]
      : 'publicId' in by
        ? ['public_id = ?', by.publicId.toLowerCase()]
        : ['substr(public_id, 10) = ?', by.idTail]
  const seeds = await loadSeeds(db, `select * from jobs where ${where} and status <> 'under-construction'`, [value])
  return seeds[0]
}

/** The seeds of all jobs that `sql` selects, with one query per kind of part instead of one per job. */
async function loadSeeds(db: ReadDatabase, sql: string, values: SqlValue[]): Promise<JobSeed[]> {
  const rows = await db.all<JobRow & { has_edges: number }>(sql, values)
  if (rows.length === 0) return []
  const ids = JSON.stringify(rows.map((row) => row.id))
  const inJobs = 'in (select value from json_each(?))'
  const [limits, ready, groups, templates, active, attempts, failures, blocks, excludedWorkers, completed, outdone] = await Promise.all([
    db.all<{ job_id: number; limit_id: number }>(`select job_id, limit_id from job_limits where job_id ${inJobs}`, [ids]),
    db.all<{ job_id: number; kind: string; first: number }>(
      `select job_id, kind, min(order_key) as first from tasks indexed by tasks_ready
       where unmet = 0 and status in ('queued', 'soft-failed') and job_id ${inJobs} group by job_id, kind`,
      [ids],
    ),
    db.all<{ id: number; job_id: number; remaining: number }>(`select id, job_id, remaining from task_groups where job_id ${inJobs}`, [
      ids,
    ]),
    db.all<{ id: number; job_id: number; body: string }>(`select id, job_id, body from command_templates where job_id ${inJobs}`, [ids]),
    selectedTasks(db, `tasks where status = 'active' and job_id ${inJobs}`, 'id', [ids]),
    db.all<AttemptRow>(`select * from attempts where status = 'active' and job_id ${inJobs}`, [ids]),
    db.all<{ task_id: number; worker_id: number; job_id: number; kind: string }>(
      `select task_id, worker_id, job_id, kind from task_failures where job_id ${inJobs}`,
      [ids],
    ),
    db.all<{ job_id: number; worker_id: number; kind: string }>(`select job_id, worker_id, kind from job_blocks where job_id ${inJobs}`, [
      ids,
    ]),
    db.all<{ task_id: number; worker_id: number; job_id: number }>(
      `select task_id, worker_id, job_id from task_kept_off where job_id ${inJobs}`,
      [ids],
    ),
    db.all<TallyRow>(`select job_id, kind, worker_id, tasks from job_completions where job_id ${inJobs}`, [ids]),
    db.all<TallyRow>(
      `select f.job_id, f.kind, f.worker_id, count(*) as tasks from task_failures f join tasks t on t.id = f.task_id
       where f.job_id ${inJobs} and t.status = 'completed'
         and not exists (select 1 from task_failures own where own.task_id = t.id and own.worker_id = t.worker_id)
       group by f.job_id, f.kind, f.worker_id`,
      [ids],
    ),
  ])
  const limitsOf = groupBy(limits, (row) => row.job_id)
  const readyOf = groupBy(ready, (row) => row.job_id)
  const groupsOf = groupBy(groups, (row) => row.job_id)
  const templatesOf = groupBy(templates, (row) => row.job_id)
  const activeOf = groupBy(active, (task) => task.jobId)
  const attemptOf = new Map(attempts.map((row) => [row.task_id, { attempt: attemptFromRow(row), reportedDone: row.claim !== null }]))
  const failuresOf = groupBy(failures, (row) => row.job_id)
  const blocksOf = groupBy(blocks, (row) => row.job_id)
  const excludedOf = groupBy(excludedWorkers, (row) => row.job_id)
  const completedOf = groupBy(completed, (row) => row.job_id)
  const outdoneOf = groupBy(outdone, (row) => row.job_id)
  return rows.map((row) => ({
    job: jobFromRow(
      row,
      (limitsOf.get(row.id) ?? []).map((limit) => limit.limit_id),
    ),
    ready: (readyOf.get(row.id) ?? []).map(({ kind, first }) => ({ kind, orderKey: first })),
    groups: (groupsOf.get(row.id) ?? []).map(({ id, remaining }): [number, number] => [id, remaining]),
    templates: (templatesOf.get(row.id) ?? []).map(({ id, body }): [number, string] => [id, body]),
    active: (activeOf.get(row.id) ?? []).flatMap((task) => {
      const found = attemptOf.get(task.id)
      return found ? [{ task, ...found }] : []
    }),
    orphans: (activeOf.get(row.id) ?? []).filter((task) => !attemptOf.has(task.id)),
    failures: (failuresOf.get(row.id) ?? []).map((failure) => ({
      taskId: failure.task_id,
      workerId: failure.worker_id,
      kind: failure.kind,
    })),
    completed: (completedOf.get(row.id) ?? []).map(tally),
    outdone: (outdoneOf.get(row.id) ?? []).map(tally),
    blocks: (blocksOf.get(row.id) ?? []).map((block) => ({ workerId: block.worker_id, kind: block.kind })),
    excludedWorkers: (excludedOf.get(row.id) ?? []).map(({ task_id, worker_id }) => ({ taskId: task_id, workerId: worker_id })),
    hasEdges: row.has_edges !== 0,
  }))
}

interface TallyRow {
  job_id: number
  kind: string
  worker_id: number
  tasks: number
}

const tally = ({ worker_id, kind, tasks }: TallyRow) => ({ workerId: worker_id, kind, tasks })

function groupBy<T>(rows: T[], key: (row: T) => number): Map<number, T[]> {
  const groups = new Map<number, T[]>()
  for (const row of rows) {
    const group = groups.get(key(row))
    if (group) group.push(row)
    else groups.set(key(row), [row])
  }
  return groups
}

async function selectedTasks(db: ReadDatabase, from: string, orderBy: string, values: SqlValue[]): Promise<TaskState[]> {
  return tasksFromRow(await db.get<TasksRow>(selectTasks(from, orderBy), values))
}

const READY = `from tasks indexed by tasks_ready where job_id = ?1 and kind = ?2 and order_key > ?3 and unmet = 0 and status in ('queued', 'soft-failed')`

/** Also more than the limit, when several have the key of the last one: those behind a key are asked for next. */
export async function loadReady(db: ReadDatabase, jobId: number, kind: string, afterKey: number, limit: number): Promise<TaskState[]> {
  return selectedTasks(
    db,
    `(select * ${READY} and order_key <= coalesce((select order_key ${READY} order by order_key limit 1 offset ?4 - 1), 9e15))`,
    'order_key',
    [jobId, kind, afterKey, limit],
  )
}

export async function loadTask(db: ReadDatabase, jobId: number, index: number): Promise<TaskState | undefined> {
  return (await selectedTasks(db, 'tasks where job_id = ? and idx = ?', 'id', [jobId, index]))[0]
}

export async function loadFailedTasks(db: ReadDatabase, jobId: number, workerId: number): Promise<TaskState[]> {
  return selectedTasks(db, `tasks where job_id = ? and status = 'failed' and worker_id = ?`, 'idx', [jobId, workerId])
}

export async function loadAttempt(db: ReadDatabase, taskId: number, number: number): Promise<AttemptState | undefined> {
  const row = await db.get<AttemptRow>('select * from attempts where task_id = ? and number = ?', [taskId, number])
  return row && attemptFromRow(row)
}

export async function loadListedFrames(db: ReadDatabase, taskId: number): Promise<ListedFrame[]> {
  return db.all<ListedFrame>(
    `select f.task_id as taskId, f.frame, a.number as attempt from frames f join attempts a on a.id = f.attempt_id
     where f.task_id = ? and f.frame is not null and f.side = 0 and coalesce(f.check_state, '') <> 'damaged'`,
    [taskId],
  )
}

export async function loadTasksAfter(db: ReadDatabase, jobId: number, afterIndex: number, limit: number): Promise<TaskState[]> {
  return selectedTasks(db, '(select * from tasks where job_id = ? and idx > ? order by idx limit ?)', 'idx', [jobId, afterIndex, limit])
}

/** Reported by attempts after `since`; results of older attempts are history. */
export async function loadKnownFiles(db: ReadDatabase, taskId: number, since: number): Promise<(KnownFile & { platform: string })[]> {
  const rows = await db.all<Omit<KnownFile, 'inputs' | 'rejected'> & { inputs: string | null; rejected: number; platform: string }>(
    `select f.path, f.frame, f.view, f.bytes, f.modified_at as modifiedAt, f.sha256, f.width, f.height, a.inputs, w.platform,
       coalesce(f.check_state, '') = 'damaged' as rejected
     from frames f join attempts a on a.id = f.attempt_id join workers w on w.id = a.worker_id
     where f.task_id = ? and a.number > ? order by f.frame, f.id`,
    [taskId, since],
  )
  // `inputs` was written by saveInputs.
  return rows.map((row) => ({ ...row, inputs: json<Inputs | null>(row.inputs, null), rejected: row.rejected !== 0 }))
}

export async function loadReleased(db: ReadDatabase, by: { groupId: number } | { taskId: number }): Promise<TaskState[]> {
  const [dependents, id] =
    'groupId' in by
      ? ['select task_id from task_group_dependencies where group_id = ?', by.groupId]
      : ['select task_id from task_dependencies where depends_on_id = ?', by.taskId]
  return selectedTasks(db, `tasks where id in (${dependents}) and unmet = 0 and status in ('queued', 'soft-failed')`, 'order_key', [id])
}

export async function loadJobDependents(db: ReadDatabase, jobId: number): Promise<{ jobId: number; unmet: number }[]> {
  return db.all<{ jobId: number; unmet: number }>(
    `select d.job_id as jobId, (select count(*) from job_dependencies e join jobs o on o.id = e.depends_on_id
       where e.job_id = d.job_id and o.status <> 'completed') as unmet
     from job_dependencies d where d.depends_on_id = ?`,
    [jobId],
  )
}

export async function loadWorkers(db: ReadDatabase): Promise<WorkerState[]> {
  const rows = await db.all<WorkerRow>(
    `select w.*, (select json_group_array(tag_id) from worker_tag_members m where m.worker_id = w.id) as tag_ids,
       (select json_object('isActive', json(iif(is_active, 'true', 'false')), 'daysOfWeek', days, 'startTime', start_time, 'endTime', end_time,
          'nextCheck', next_check) from sleep_schedules s where s.worker_id = w.id) as schedule
     from workers w where deleted_at is null order by id`,
  )
  return rows.map(workerFromRow)
}

export async function loadTags(db: ReadDatabase): Promise<TagState[]> {
  return db.all<TagState>('select id, public_id as publicId, name, description from worker_tags order by name')
}

export async function loadLimits(db: ReadDatabase): Promise<LimitState[]> {
  return (await db.all<Parameters<typeof limitFromRow>[0]>('select * from limits order by name')).map(limitFromRow)
}

export async function loadLanes(db: ReadDatabase): Promise<LaneState[]> {
  const rows = await db.all<{ id: number; concurrency: number; ordered: number }>('select id, concurrency, ordered from lanes')
  return rows.map((row) => ({ id: row.id, concurrency: row.concurrency, ordered: row.ordered !== 0 }))
}

/** Sessions that were not closed, of workers and jobs that still exist. */
export function loadOpenWarmApps(db: ReadDatabase): Promise<WarmAppRow[]> {
  return db.all<WarmAppRow>(
    `select s.public_id as id, j.public_id as jobId, s.kind, s.key as title, s.phase as state, s.opened_at as openedAt, s.closed_at as closedAt,
       coalesce(s.detail, '') as reason, s.tasks, s.frames, s.memory_bytes as memoryBytes, s.job_id as jobKey, s.worker_id as workerKey
     from sessions s join jobs j on j.id = s.job_id where s.closed_at is null and s.public_id is not null`,
  )
}
