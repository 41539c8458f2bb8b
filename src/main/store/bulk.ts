/**
 * Set-based changes: thousands of tasks in a few statements, in slices short enough for other commits to run in
 * between. Each function runs inside an exclusive transaction of the writer or opens its own.
 */
import type { JobStatus, TaskStatus } from '../../shared/enums.ts'
import type { CompiledJob } from '../engine/base/compiledJob.ts'
import { InvalidInputError } from '../engine/base/errors.ts'
import type { NewJobRecord } from '../engine/base/farmRecords.ts'
import type { StatusCounts } from '../engine/base/model.ts'
import type { RerunChoice, ResolvedJobRefs, TaskRerun } from '../engine/base/ports.ts'
import type { Connection } from './connection.ts'
import { deleteTasks } from './rows/dropTasks.ts'
import type { Writer } from './writer.ts'

/** Rows changed per slice: about 10–20 ms of the writer's time. */
const SLICE = 2_000

export interface IdBlocks {
  job: number
  template: number
  group: number
  task: number
}

const INSERT_TASKS = `insert into tasks (id, job_id, idx, name, kind, status, priority, order_key, template_id, params, steps_total, unmet, group_id, updated_at,
    not_before, start_by, optional)
  select ?1 + (v->>0), ?2, ?3 + (v->>0), v->>1, v->>2, 'queued', v->>3, (100 - (v->>3)) * 4294967296 + ?3 + (v->>0), ?4 + (v->>4), v->>5, v->>6, v->>7,
    iif(v->>8 >= 0, ?5 + (v->>8), null), ?6, ?8, coalesce(v->>10, ?9), coalesce(v->>9, 0)
  from (select value as v from jsonb_each(?7))`

/** Everything but tasks: row, templates, barriers. The job is hidden until `showJob`. */
export async function insertJobHead(
  tx: Connection,
  ids: IdBlocks,
  record: NewJobRecord,
  refs: ResolvedJobRefs,
  compiled: CompiledJob,
): Promise<void> {
  await tx.run(
    `insert into jobs (id, public_id, origin, owner, client_id, name, type, project, priority, status, settings, metadata, policy, queue_order,
       tag_id, lane_id, max_workers, start_after, checkout_id, output_dir, steps_total, task_count, count_queued, created_at, updated_at, watched, max_tasks,
       owner_id, admin_rights, submitted_with, keep_whole, activity, results_root, storage_roots)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, 'under-construction', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      ids.job,
      record.publicId,
      record.origin,
      record.owner,
      record.clientId,
      record.name,
      record.type,
      record.project,
      record.priority,
      JSON.stringify(compiled.settings),
      JSON.stringify(compiled.metadata),
      JSON.stringify(record.policy),
      record.queueOrder,
      refs.tagId,
      refs.laneId,
      record.maxWorkers,
      record.startAfter,
      record.checkoutId,
      record.outputDir,
      compiled.stepsTotal,
      compiled.taskCount,
      compiled.taskCount,
      record.createdAt,
      record.createdAt,
      watchedBits(record.watched),
      record.maxTasks ?? null,
      record.ownerId,
      Number(record.adminRights),
      record.submittedWith,
      Number(record.keepWholeFrames ?? false),
      record.activity ?? '',
      record.resultsRoot ?? null,
      record.storageRoots?.length ? JSON.stringify(record.storageRoots) : null,
    ],
  )
  for (const [table, column, values] of [
    ['job_limits', 'limit_id', refs.limitIds],
    ['job_dependencies', 'depends_on_id', refs.dependsOnIds],
  ] as const) {
    if (values.length > 0) {
      await tx.run(`insert into ${table} (job_id, ${column}) select ?, value from json_each(?)`, [ids.job, JSON.stringify(values)])
    }
  }
  await insertTemplatesAndGroups(tx, ids, compiled)
}

const watchedBits = (watched: NewJobRecord['watched']): number => Number(watched?.job ?? false) + 2 * Number(watched?.tasks ?? false)

/** Makes the job visible. Counts its waits now: a job that it depends on may have completed in the meantime. */
export async function showJob(tx: Connection, jobId: number, status: JobStatus): Promise<void> {
  await tx.run('update jobs set status = ? where id = ?', [status, jobId])
  await tx.run(COUNT_JOB_WAITS, [JSON.stringify([jobId])])
}

/** Parameter: JSON array of the jobs whose waits are counted. */
const COUNT_JOB_WAITS = `update jobs set unmet_jobs =
    (select count(*) from job_dependencies d join jobs o on o.id = d.depends_on_id where d.job_id = jobs.id and o.status <> 'completed')
  where id in (select value from json_each(?))`

/** The same for the jobs that depend on the given one. */
export const COUNT_DEPENDENTS_WAITS = COUNT_JOB_WAITS.replace(
  'select value from json_each(?)',
  'select job_id from job_dependencies where depends_on_id = ?',
)

async function insertTemplatesAndGroups(tx: Connection, ids: IdBlocks, compiled: CompiledJob): Promise<void> {
  await tx.run('insert into command_templates (id, job_id, body) select ?1 + key, ?2, value from json_each(?3)', [
    ids.template,
    ids.job,
    JSON.stringify(compiled.templates),
  ])
  await tx.run('insert into task_groups (id, job_id, remaining) select ?1 + key, ?2, value from json_each(?3)', [
    ids.group,
    ids.job,
    JSON.stringify(compiled.groups),
  ])
}

/** `indexOffset`: tasks of a growing job continue the numbering after its last one. */
export async function insertTaskSlice(
  tx: Connection,
  ids: IdBlocks,
  indexOffset: number,
  slice: string,
  at: number,
  timing: CompiledJob['timing'],
): Promise<void> {
  const { notBefore = null, startBy = null } = timing ?? {}
  await tx.run(INSERT_TASKS, [ids.task, ids.job, indexOffset, ids.template, ids.group, at, slice, notBefore, startBy])
}

export async function insertGroupDependencies(tx: Connection, ids: IdBlocks, slice: string): Promise<void> {
  await tx.run('insert into task_group_dependencies (task_id, group_id) select ?1 + (value->>0), ?2 + (value->>1) from jsonb_each(?3)', [
    ids.task,
    ids.group,
    slice,
  ])
}

/** Adds tasks to an existing job; `indexOffset` is the index of its last one. */
export async function insertGrowth(tx: Connection, ids: IdBlocks, indexOffset: number, compiled: CompiledJob, at: number): Promise<void> {
  await insertTemplatesAndGroups(tx, ids, compiled)
  for (const slice of compiled.taskSlices) await insertTaskSlice(tx, ids, indexOffset, slice, at, compiled.timing)
  for (const slice of compiled.groupDependencySlices) await insertGroupDependencies(tx, ids, slice)
  const edges = compiled.taskDependencySlices ?? []
  for (const slice of edges) {
    const unknown = await tx.get<{ older: number }>(
      'select value->>1 as older from jsonb_each(?) where value->>1 not between 1 and ? limit 1',
      [slice, indexOffset],
    )
    if (unknown) throw new InvalidInputError('tasks', `a new task depends on task number ${unknown.older}, which the job does not have`)
    await tx.run(
      `insert or ignore into task_dependencies (task_id, depends_on_id)
       select ?1 + (value->>0), (select id from tasks where job_id = ?2 and idx = value->>1) from jsonb_each(?3)`,
      [ids.task, ids.job, slice],
    )
  }
  const older = compiled.olderDependencySlices ?? []
  for (const slice of older) {
    await tx.run(
      `insert or ignore into task_dependencies (task_id, depends_on_id)
       select (select id from tasks where job_id = ?2 and idx = value->>0), ?1 + (value->>1) from jsonb_each(?3)`,
      [ids.task, ids.job, slice],
    )
  }
  if (edges.length + older.length > 0) {
    await tx.run('update jobs set has_edges = 1 where id = ?', [ids.job])
    await tx.run(
      `update tasks set unmet = unmet + (select count(*) from task_dependencies e join tasks o on o.id = e.depends_on_id
         where e.task_id = tasks.id and o.status <> 'completed') where job_id = ? and idx > ?`,
      [ids.job, indexOffset],
    )
  }
  // Tasks added to a finished job must run. Its status follows immediately (JobActions.grow); after a crash in between,
  // `failed` and `canceled` would cancel it at the next start.
  await tx.run(
    `update jobs set task_count = task_count + ?1, count_queued = count_queued + ?1, steps_total = steps_total + ?2, updated_at = ?3,
       status = case when status in ('failed', 'canceled') then 'queued' else status end where id = ?4`,
    [compiled.taskCount, compiled.stepsTotal, at, ids.job],
  )
}

/** taskOrderKey of orderKey.ts: a requeued task returns to its original position. In a job of the order `task-ages` it never left it. */
const UNTRIED_KEY = `iif((select queue_order from jobs where id = tasks.job_id) = 'task-ages', order_key, (100 - priority) * 4294967296 + idx)`
const ENDED: readonly TaskStatus[] = ['completed', 'failed', 'canceled']
/** For a mass update whose job is watched: the entries that transitions.ts writes one by one. */
const TELL_ENDED_TASKS = `insert into outbox (kind, payload, next_at, created_at)
  select j.origin || ':task-ended', json_object('jobId', j.public_id, 'index', t.idx, 'status', ?1), ?2, ?2 from jobs j join tasks t on t.job_id = j.id
  where j.id = ?3 and j.watched & 2 and t.idx > ?4 and t.idx <= ?5 and t.status in (select value from json_each(?6))
    and (?7 is null or (t.kind = ?7 and t.unmet = 0))`

/**
 * Changes tasks from one of `from` to `to`; attempts of active ones end as canceled. Returns how many tasks changed.
 * @param readyOfKind only tasks of this kind that wait for no other task
 */
export async function bulkTaskStatus(
  writer: Writer,
  jobId: number,
  from: readonly TaskStatus[],
  to: TaskStatus,
  activity: string,
  at: number,
  readyOfKind: string | null = null,
  rerun?: RerunChoice,
): Promise<number> {
  const marks = rerun ? JSON.stringify(rerun) : null
  let changed = 0
  let after = 0
  for (;;) {
    const slice = await writer.exclusive(async (tx) => {
      const rows = await tx.all<{ idx: number }>(
        `select idx from tasks where job_id = ?1 and idx > ?2 and status in (select value from json_each(?3))
           and (?4 is null or (kind = ?4 and unmet = 0)) order by idx limit ${SLICE}`,
        [jobId, after, JSON.stringify(from), readyOfKind],
      )
      const last = rows.at(-1)
      if (!last) return undefined
      if (from.includes('active')) {
        await tx.run(
          `update attempts set status = 'canceled', outcome = 'stopped', reason = ?, ended_at = ?
           where status = 'active' and task_id in (select id from tasks where job_id = ? and idx > ? and idx <= ? and status = 'active')`,
          [activity, at, jobId, after, last.idx],
        )
      }
      if (ENDED.includes(to)) await tx.run(TELL_ENDED_TASKS, [to, at, jobId, after, last.idx, JSON.stringify(from), readyOfKind])
      await tx.run(
        `update tasks set status = ?1, activity = ?2, updated_at = ?3, not_before = null,
           steps_completed = iif(?1 = 'queued', 0, steps_completed), retries = iif(?1 = 'queued', 0, retries),
           order_key = iif(?1 = 'queued', ${UNTRIED_KEY}, order_key),
           finished_at = iif(?1 in ('canceled', 'completed', 'failed'), ?3, null),
           rerun = iif(?9 is null, rerun, json_set(?9, '$.from', attempts))
         where job_id = ?4 and idx > ?5 and idx <= ?6 and status in (select value from json_each(?7))
           and (?8 is null or (kind = ?8 and unmet = 0))`,
        [to, activity, at, jobId, after, last.idx, JSON.stringify(from), readyOfKind, marks],
      )
      return { count: rows.length, last: last.idx }
    })
    if (!slice) return changed
    changed += slice.count
    after = slice.last
    if (slice.count < SLICE) return changed
  }
}

/**
 * Requeues these tasks and everything that depends on them, directly or not, for every worker. `excludedWorker` excludes a
 * worker from the given tasks. Requested by a person: results so far are history.
 */
export async function resetWithDependents(
  tx: Connection,
  tasks: readonly TaskRerun[],
  activity: string,
  at: number,
  excludedWorker?: number,
): Promise<number> {
  const taskIds = tasks.map(({ taskId }) => taskId)
  await tx.run('create temp table if not exists reset_tasks (id integer primary key)')
  await tx.run('delete from reset_tasks')
  await tx.run(
    `insert into reset_tasks with recursive down (id) as (
       select value from json_each(?)
       union select d.task_id from down join tasks t on t.id = down.id join task_group_dependencies d on d.group_id = t.group_id
       union select e.task_id from down join task_dependencies e on e.depends_on_id = down.id)
     select id from down`,
    [JSON.stringify(taskIds)],
  )
  await tx.run(
    `update attempts set status = 'canceled', outcome = 'stopped', reason = ?, ended_at = ? where status = 'active' and task_id in (select id from reset_tasks)`,
    [activity, at],
  )
  const { changes } = await tx.run(
    `update tasks set status = 'queued', activity = ?, updated_at = ?, steps_completed = 0, retries = 0, not_before = null, finished_at = null,
       order_key = ${UNTRIED_KEY},
       rerun = json_object('from', attempts)
     where id in (select id from reset_tasks)`,
    [activity, at],
  )
  const choices = tasks.flatMap(({ taskId, ...choice }) => (Object.keys(choice).length > 0 ? [[taskId, JSON.stringify(choice)]] : []))
  if (choices.length > 0) {
    await tx.run(
      `update tasks set rerun = json_set(choice.value->>1, '$.from', attempts) from json_each(?) as choice where tasks.id = choice.value->>0`,
      [JSON.stringify(choices)],
    )
  }
  await tx.run('delete from task_failures where task_id in (select id from reset_tasks)')
  const named = JSON.stringify(taskIds)
  await tx.run(
    `delete from task_kept_off where task_id in (select id from reset_tasks) and (?1 or task_id not in (select value from json_each(?2)))`,
    [Number(excludedWorker === undefined), named],
  )
  if (excludedWorker !== undefined) {
    await tx.run(
      'insert or ignore into task_kept_off (task_id, worker_id, job_id, at) select id, ?1, job_id, ?2 from tasks where id in (select value from json_each(?3))',
      [excludedWorker, at, named],
    )
  }
  return changes
}

/** Sets the status of one task; its running attempt ends as canceled. */
export async function overrideTaskStatus(tx: Connection, taskId: number, to: TaskStatus, activity: string, at: number): Promise<void> {
  await tx.run(
    `update attempts set status = 'canceled', outcome = 'stopped', reason = ?, ended_at = ? where status = 'active' and task_id = ?`,
    [activity, at, taskId],
  )
  await tx.run(
    `update tasks set status = ?1, activity = ?2, updated_at = ?3, not_before = null, steps_completed = iif(?1 = 'completed', steps_total, 0),
       retries = 0, order_key = ${UNTRIED_KEY}, finished_at = iif(?1 in ('canceled', 'completed', 'failed'), ?3, null),
       rerun = iif(?1 = 'queued', json_object('from', attempts), rerun) where id = ?4`,
    [to, activity, at, taskId],
  )
}

/** Recounts a job's barriers, waits, statuses, steps and completions per worker from its tasks. */
export async function recount(
  tx: Connection,
  jobId: number,
): Promise<{ counts: StatusCounts; stepsCompleted: number; stepsTotal: number }> {
  await tx.run(
    `update task_groups set remaining = coalesce((select count(*) from tasks t where t.group_id = task_groups.id and t.status <> 'completed'), 0) where job_id = ?`,
    [jobId],
  )
  await tx.run(
    `update tasks set unmet =
       (select count(*) from task_group_dependencies d join task_groups g on g.id = d.group_id where d.task_id = tasks.id and g.remaining > 0)
       + (select count(*) from task_dependencies e join tasks o on o.id = e.depends_on_id where e.task_id = tasks.id and o.status <> 'completed')
     where job_id = ?1 and (id in (select task_id from task_group_dependencies where group_id in (select id from task_groups where job_id = ?1))
       or id in (select task_id from task_dependencies where depends_on_id in (select id from tasks where job_id = ?1 and (select has_edges from jobs where id = ?1))))`,
    [jobId],
  )
  const rows = await tx.all<{ status: TaskStatus; n: number; done: number; total: number }>(
    'select status, count(*) as n, sum(steps_completed) as done, sum(steps_total) as total from tasks where job_id = ? group by status',
    [jobId],
  )
  await tx.run('delete from job_completions where job_id = ?', [jobId])
  await tx.run(
    `insert into job_completions (job_id, worker_id, kind, tasks) select job_id, worker_id, kind, count(*) from tasks
     where job_id = ? and status = 'completed' and worker_id is not null group by worker_id, kind`,
    [jobId],
  )
  const counts: StatusCounts = { queued: 0, active: 0, completed: 0, failed: 0, canceled: 0, 'soft-failed': 0, paused: 0 }
  let stepsCompleted = 0
  let stepsTotal = 0
  for (const row of rows) {
    counts[row.status] = row.n
    stepsCompleted += row.done
    stepsTotal += row.total
  }
  await tx.run(
    `update jobs set count_queued = ?, count_active = ?, count_completed = ?, count_failed = ?, count_canceled = ?, count_soft_failed = ?, count_paused = ?,
       steps_completed = ?, steps_total = ? where id = ?`,
    [
      counts.queued,
      counts.active,
      counts.completed,
      counts.failed,
      counts.canceled,
      counts['soft-failed'],
      counts.paused,
      stepsCompleted,
      stepsTotal,
      jobId,
    ],
  )
  return { counts, stepsCompleted, stepsTotal }
}

/** Deletes a job slice by slice: rows of 100,000 tasks take seconds, and other commits must not wait for them. */
export async function purgeJob(writer: Writer, jobId: number): Promise<{ jobId: number; unmet: number }[]> {
  // From here on it is hidden, and a crash ends like one during a submission: the next start deletes the rest.
  await writer.exclusive((tx) => tx.run(`update jobs set status = 'under-construction' where id = ?`, [jobId]))
  for (let more = true; more;) {
    more = await writer.exclusive(async (tx) => {
      const ids = await tx.all<{ id: number }>(`select id from tasks where job_id = ? limit ${SLICE}`, [jobId])
      if (ids.length === 0) return false
      await deleteTasks(
        tx,
        ids.map((row) => row.id),
      )
      return true
    })
  }
  return writer.exclusive(async (tx) => {
    const dependents = await tx.all<{ job_id: number }>('select job_id from job_dependencies where depends_on_id = ?', [jobId])
    await tx.run('delete from jobs where id = ?', [jobId])
    // Jobs no longer wait for a deleted job.
    const ids = JSON.stringify(dependents.map((row) => row.job_id))
    await tx.run(COUNT_JOB_WAITS, [ids])
    return tx.all('select id as jobId, unmet_jobs as unmet from jobs where id in (select value from json_each(?))', [ids])
  })
}
