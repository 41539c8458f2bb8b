/** Tasks: rows of the database ↔ states of the engine. */
import type { TaskState } from '../../engine/base/model.ts'
import type { RowStatement } from './rowCommits.ts'

/** A task's columns by the engine's names. */
const TASK_COLUMNS: Record<keyof TaskState, string> = {
  id: 'id',
  jobId: 'job_id',
  index: 'idx',
  name: 'name',
  kind: 'kind',
  status: 'status',
  priority: 'priority',
  orderKey: 'order_key',
  unmet: 'unmet',
  groupId: 'group_id',
  optional: 'optional',
  templateId: 'template_id',
  params: 'params',
  laneId: 'lane_id',
  stepsCompleted: 'steps_completed',
  stepsTotal: 'steps_total',
  workerId: 'worker_id',
  attempts: 'attempts',
  retries: 'retries',
  activity: 'activity',
  rerun: 'rerun',
  notBefore: 'not_before',
  startBy: 'start_by',
  updatedAt: 'updated_at',
  touchedAt: 'touched_at',
  startedAt: 'started_at',
  finishedAt: 'finished_at',
}

const TASK_OBJECT = `json_object(${Object.entries(TASK_COLUMNS)
  .map(([name, column]) => `'${name}', ${column}`)
  .join(', ')})`

/**
 * The tasks of a query (its `from` and everything that follows except `order by`) as one JSON text: far cheaper than a
 * value for each column.
 */
export const selectTasks = (from: string, orderBy: string): string =>
  `select json_group_array(${TASK_OBJECT} order by ${orderBy}) as tasks from ${from}`

export interface TasksRow {
  tasks: string
}

export function tasksFromRow(row: TasksRow | undefined): TaskState[] {
  // Written by selectTasks, whose names are those of TaskState.
  return row ? (JSON.parse(row.tasks) as TaskState[]) : []
}

export const SAVE_GROUPS: RowStatement = {
  name: 'groups',
  sql: `update task_groups set remaining = v->>1 from (select value as v from jsonb_each(:rows)) where task_groups.id = v->>0`,
}

/** Tasks at the end of their jobs, and what this adds to the jobs. What counts statuses is in SAVE_JOB_COUNTERS. */
export const ADD_TASKS: RowStatement = {
  name: 'newTasks',
  sql: `insert into tasks (id, job_id, idx, name, kind, status, priority, order_key, template_id, params, steps_total, not_before, start_by, updated_at, input)
        select v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10, v->>11, v->>12, v->>13, v->>14
        from (select value as v from jsonb_each(:rows));
        update jobs set task_count = n.last, steps_total = n.steps
        from (select value->>1 as job, max(value->>2) as last, max(value->>15) as steps from jsonb_each(:rows) group by 1) as n where jobs.id = n.job`,
}

export const ADD_TASK_FILES: RowStatement = {
  name: 'taskFiles',
  sql: `insert into task_inputs (task_id, sha, size) select v->>0, v->>1, v->>2 from (select value as v from jsonb_each(:rows))`,
}

/** @param steps those of the whole job, with this task */
export const newTaskRow = (t: TaskState, input: string | null, steps: number) => [
  t.id,
  t.jobId,
  t.index,
  t.name,
  t.kind,
  t.status,
  t.priority,
  t.orderKey,
  t.templateId,
  t.params,
  t.stepsTotal,
  t.notBefore,
  t.startBy,
  t.updatedAt,
  input,
  steps,
]

/**
 * What the engine changes of a task. Each value costs a call into JSON, and every running task writes two such rows, so
 * columns that hardly ever change are not included: order (saveOrderKey, bulk), `unmet` (releaseDependents, recount).
 */
export const SAVE_TASKS: RowStatement = {
  name: 'tasks',
  sql: `update tasks set status = v->>1, steps_completed = v->>2, worker_id = v->>3, attempts = v->>4, retries = v->>5, activity = v->>6,
          not_before = v->>7, updated_at = v->>8, touched_at = v->>9, started_at = v->>10, finished_at = v->>11
        from (select value as v from jsonb_each(:rows)) where tasks.id = v->>0`,
}

export const taskRow = (t: TaskState) => [
  t.id,
  t.status,
  t.stepsCompleted,
  t.workerId,
  t.attempts,
  t.retries,
  t.activity,
  t.notBefore,
  t.updatedAt,
  t.touchedAt,
  t.startedAt,
  t.finishedAt,
]

export const ADD_FAILURES: RowStatement = {
  name: 'failures',
  sql: `insert or replace into task_failures (task_id, worker_id, job_id, kind, at)
        select v->>0, v->>1, v->>2, v->>3, v->>4 from (select value as v from jsonb_each(:rows))`,
}

/** One more task that the worker completed. A job's rows are adjacent: a commit writes hardly a page more for all of them. */
export const ADD_COMPLETIONS: RowStatement = {
  name: 'completions',
  sql: `insert into job_completions (job_id, worker_id, kind, tasks)
        select v->>0, v->>1, v->>2, 1 from (select value as v from jsonb_each(:rows)) where exists (select 1 from jobs where id = v->>0)
        on conflict do update set tasks = tasks + 1`,
}
