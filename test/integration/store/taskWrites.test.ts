/** What the tasks that run write: pages, which the disk has to take before anyone is answered. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttemptState, TaskState } from '../../../src/main/engine/base/model.ts'
import { Connection } from '../../../src/main/store/connection.ts'
import { MIGRATIONS } from '../../../src/main/store/openStore.ts'
import { migrate } from '../../../src/main/store/migrate.ts'
import { RowCommits, type RowStatement } from '../../../src/main/store/rows/rowCommits.ts'
import * as rows from '../../../src/main/store/rows/index.ts'

const TASKS = 20_000
const WORKERS = 100
const AT = 1_700_000_000_000

let folder = ''
let db: Connection

beforeEach(async () => {
  folder = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'framehouse-writes-'))
  db = await Connection.open(join(folder, 'db.sqlite'), 'write')
  await db.exec('pragma journal_mode = wal; pragma foreign_keys = on; pragma wal_autocheckpoint = 0')
  await migrate(db, MIGRATIONS)
  await db.run(
    `insert into jobs (id, public_id, origin, owner, name, type, priority, status, settings, metadata, policy, task_count, steps_total, created_at, updated_at)
     values (1, '00000000-0000-4000-8000-000000000001', 'native', '', 'job', 'type', 50, 'active', '{}', '{}', '{}', ?1, ?1, 1, 1)`,
    [TASKS],
  )
  await db.run(`insert into command_templates (id, job_id, body) values (1, 1, '[]')`)
  await db.run(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into workers (id, public_id, adapter, name, secret_hash, platform, address, kinds, status, created_at, updated_at)
     select i, 'worker ' || i, 'native', 'worker', '', 'linux', '', '[]', 'awake', 1, 1 from n`,
    [WORKERS],
  )
  await db.run(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?)
     insert into tasks (id, job_id, idx, name, kind, status, priority, order_key, template_id, steps_total, steps_completed, attempts, updated_at)
     select i, 1, i, 'task ' || i, 'blender', 'queued', 50, i, 1, 1, 0, 0, 1 from n`,
    [TASKS],
  )
})

afterEach(async () => {
  await db.close()
  await rm(folder, { recursive: true, force: true })
})

describe('Tasks that run', () => {
  it('write few pages each, though a hundred workers take turns', async () => {
    const commits = new RowCommits(db)
    const commit = (...of: [RowStatement, unknown[]][]) =>
      commits.apply({ kinds: of.map(([kind]) => kind), values: of.map(([, values]) => JSON.stringify(values)) }, commits.next())
    const taken = async (first: number): Promise<void> => {
      const ids = Array.from({ length: WORKERS }, (_, at) => first + at)
      const begun = ids.map((id) => ({ task: taskOf(id, 'active'), attempt: attemptOf(id, 'active') }))
      const ended = ids.map((id) => ({ task: taskOf(id, 'completed'), attempt: attemptOf(id, 'completed') }))
      await commit(
        [rows.SAVE_TASKS, begun.map(({ task }) => rows.taskRow(task))],
        [rows.ADD_ATTEMPTS, begun.map(({ attempt }) => rows.newAttemptRow(attempt))],
      )
      await commit(
        [rows.SAVE_TASKS, ended.map(({ task }) => rows.taskRow(task))],
        [rows.SAVE_ATTEMPTS, ended.map(({ attempt }) => rows.attemptRow(attempt))],
        [rows.ADD_COMPLETIONS, ended.map(({ task }) => [1, task.workerId, task.kind])],
      )
    }
    const half = TASKS / 2
    for (let first = 1; first < half; first += WORKERS) await taken(first)
    const before = await pagesInLog()
    for (let first = half + 1; first < TASKS; first += WORKERS) await taken(first)
    expect(((await pagesInLog()) - before) / half).toBeLessThan(1.5)
    expect(await db.get('select sum(tasks) as tasks from job_completions')).toEqual({ tasks: TASKS })
  })
})

/** Pages in the write-ahead log, as the index beside it counts them. */
async function pagesInLog(): Promise<number> {
  return (await readFile(join(folder, 'db.sqlite-shm'))).readUInt32LE(16)
}

const workerOf = (id: number): number => 1 + ((id * 37) % WORKERS)

function taskOf(id: number, status: 'active' | 'completed'): TaskState {
  const done = status === 'completed'
  return {
    id,
    jobId: 1,
    index: id,
    name: `task ${id}`,
    kind: 'blender',
    status,
    priority: 50,
    orderKey: id,
    unmet: 0,
    groupId: null,
    optional: 0,
    templateId: 1,
    params: null,
    laneId: null,
    stepsCompleted: Number(done),
    stepsTotal: 1,
    workerId: workerOf(id),
    attempts: 1,
    retries: 0,
    activity: done ? 'Completed' : '',
    rerun: null,
    notBefore: null,
    startBy: null,
    updatedAt: AT + id,
    touchedAt: AT + id,
    startedAt: AT,
    finishedAt: done ? AT + id : null,
  }
}

function attemptOf(id: number, status: 'active' | 'completed'): AttemptState {
  const done = status === 'completed'
  return {
    id,
    taskId: id,
    jobId: 1,
    number: 1,
    workerId: workerOf(id),
    status,
    outcome: done ? 'success' : null,
    reason: '',
    exitCode: done ? 0 : null,
    leaseKind: 'heartbeat',
    leaseUntil: null,
    startedAt: AT + Math.floor(id / WORKERS),
    endedAt: done ? AT + id : null,
    logBytes: 0,
    logLines: 0,
    logLineOpen: false,
    result: null,
    metrics: null,
  }
}
