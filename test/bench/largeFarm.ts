/** A database of 10,000 jobs and 1,000,000 tasks, made by SQL on a stopped manager, and what a manager does on it. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Connection } from '../../src/main/store/connection.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { RawClient, requestText } from './rawClient.ts'
import { percentile, sleep } from './statistics.ts'

const JOBS = 10_000
const TASKS_PER_JOB = 100
/** Long enough that the collection of garbage, which runs rarely at rest, has its share. */
const REST_SECONDS = 60

/** Adds the jobs to a farm whose manager is stopped. One in twenty has failed tasks, all are finished. */
export async function fillFarm(dataDir: string): Promise<void> {
  const db = await Connection.open(join(dataDir, 'framehouse.sqlite'), 'write')
  const ids = JSON.stringify(Array.from({ length: JOBS }, () => randomUUID()))
  await db.exec('pragma foreign_keys = on; begin immediate')
  await db.run(
    `insert into jobs (id, public_id, origin, owner, name, type, project, priority, status, settings, metadata, policy, task_count, steps_total,
       steps_completed, count_completed, count_failed, created_at, updated_at, started_at, finished_at)
     select 1000000 + key, value, 'native', 'user ' || (key % 7), 'shot ' || printf('%04d', key) || ' comp v' || (key % 9), 'simple-blender-render',
       'project ' || (key % 25), 50, iif(key % 20 = 0, 'failed', 'completed'), '{}', '{}', '{}', ?1, ?1, ?1, ?1 - iif(key % 20 = 0, 10, 0),
       iif(key % 20 = 0, 10, 0), 1700000000000 + key * 60000, 1700000000000 + key * 60000, 1700000000000 + key * 60000, 1700000600000 + key * 60000
     from json_each(?2)`,
    [TASKS_PER_JOB, ids],
  )
  await db.run(`insert into command_templates (id, job_id, body) select id, id, '[]' from jobs where id >= 1000000`)
  await db.run(
    `with recursive n (i) as (select 1 union all select i + 1 from n where i < ?1)
     insert into tasks (job_id, idx, name, kind, status, priority, order_key, template_id, steps_total, steps_completed, attempts, updated_at, finished_at)
     select j.id, n.i, 'render-' || n.i, 'blender', iif(j.status = 'failed' and n.i > ?1 - 10, 'failed', 'completed'), 50, n.i, j.id, 1, 1, 1, j.updated_at, j.updated_at
     from jobs j, n where j.id >= 1000000`,
    [TASKS_PER_JOB],
  )
  await db.exec('commit; pragma wal_checkpoint(truncate)')
  await db.close()
}

export interface PageResult {
  name: string
  p95Ms: number
}

/** How long pages of lists take, on the filled farm. */
export async function measurePages(manager: ManagerProcess): Promise<PageResult[]> {
  const client = await RawClient.open(manager.port)
  const jobs = await manager.json<{ items: { id: string }[]; next: string | null }>('GET', '/api/v1/jobs?limit=100')
  const pages: [string, string][] = [
    ['newest jobs', '/api/v1/jobs?limit=100'],
    ['second page of jobs', `/api/v1/jobs?limit=100&cursor=${encodeURIComponent(jobs.next ?? '')}`],
    ['failed jobs', '/api/v1/jobs?limit=100&status=failed'],
    ['search "shot 0042"', '/api/v1/jobs?limit=100&q=shot%200042'],
    ['search "comp v3"', '/api/v1/jobs?limit=100&q=comp%20v3'],
    ['tasks of a job', `/api/v1/jobs/${jobs.items[0]?.id}/tasks?limit=100`],
    ['Flamenco tasks of a job', `/api/v3/jobs/${jobs.items[0]?.id}/tasks`],
  ]
  const results: PageResult[] = []
  for (const [name, path] of pages) {
    const latencies: number[] = []
    for (let i = 0; i < 60; i++) {
      const began = performance.now()
      const { status, body } = await client.send(requestText('GET', path))
      latencies.push(performance.now() - began)
      if (status !== 200) throw new Error(`${path}: ${status} ${body}`)
    }
    results.push({ name, p95Ms: percentile(latencies, 0.95) })
  }
  client.close()
  return results
}

export interface IdleResult {
  startMs: number
  rssMb: number
  cpuPercent: number
}

/** The manager at rest with this database: start, memory, processor. */
export async function measureIdle(dataDir: string): Promise<{ manager: ManagerProcess; idle: IdleResult }> {
  const manager = await ManagerProcess.start({ dataDir })
  // What follows a start (job types compiled, garbage of the start collected) is not rest yet.
  await sleep(15_000)
  const before = await manager.usage()
  await sleep(REST_SECONDS * 1_000)
  const after = await manager.usage()
  return {
    manager,
    idle: {
      startMs: manager.startMs,
      rssMb: after.rssBytes / 1e6,
      cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / REST_SECONDS) * 100,
    },
  }
}
