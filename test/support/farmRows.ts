/** Fills a database file with a farm of any size, in seconds: rows are made by SQLite itself. */
import type { Connection } from '../../src/main/store/connection.ts'

export interface FarmSize {
  jobs: number
  tasksPerJob: number
  /** Attempts per finished task: one; frames per finished task: one. */
  withAttempts?: boolean
}

/** Public id of job number `n` (from 1). */
export function jobId(n: number): string {
  return `aaaaaaaa-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}

/** Public id of worker number `n` (from 1). */
export function workerId(n: number): string {
  return `bbbbbbbb-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}

const WORKERS = 20
/** Time of creation of the first job; each next one is a second younger. */
export const FIRST_JOB_AT = Date.UTC(2026, 0, 1)

/**
 * Jobs named `shot_0001 lighting v3` and so on, of 5 types, 12 projects and 7 owners. Of every 10 jobs, one is active,
 * one queued, one failed, seven completed. Tasks: chunks named `render-…`.
 */
export async function fillFarm(db: Connection, { jobs, tasksPerJob, withAttempts = true }: FarmSize): Promise<void> {
  const series = (count: number) => `(with recursive s(n) as (select 1 union all select n + 1 from s where n < ${count}) select n from s)`
  const half = Math.floor(tasksPerJob / 2)
  await db.exec('begin immediate')
  await db.exec(`
    insert into machines (id, public_id, name, platform, hourly_rate, watts, created_at, last_seen_at)
      select n, printf('cccccccc-0000-4000-8000-%012x', n), 'machine-' || n, 'linux', 0.5, 300, ${FIRST_JOB_AT}, ${FIRST_JOB_AT} from ${series(WORKERS)};
    insert into workers (id, public_id, adapter, machine_id, name, secret_hash, platform, status, kinds, approved_at, created_at, updated_at)
      select n, printf('bbbbbbbb-0000-4000-8000-%012x', n), 'native', n, 'worker-' || n, '', 'linux', 'awake', '["blender"]', 0, ${FIRST_JOB_AT}, ${FIRST_JOB_AT} from ${series(WORKERS)};
    insert into worker_tags (id, public_id, name) values (1, 'dddddddd-0000-4000-8000-000000000001', 'gpu');
    insert into jobs (id, public_id, origin, owner, name, type, project, priority, status, settings, metadata, policy, tag_id,
        steps_completed, steps_total, task_count, count_queued, count_active, count_completed, count_failed, frame_count, created_at, updated_at, started_at, finished_at)
      select n, printf('aaaaaaaa-0000-4000-8000-%012x', n), 'native', 'user:artist' || (n % 7), printf('shot_%04d %s v%d', n, case n % 3 when 0 then 'lighting' when 1 then 'comp' else 'fx' end, n % 5),
        'type-' || (n % 5), 'project-' || (n % 12), n % 101,
        case n % 10 when 0 then 'active' when 1 then 'queued' when 2 then 'failed' else 'completed' end,
        '{"frames":"1-240","blendfile":"/shared/projects/p/shots/s/lighting/shot_lighting_v003.blend","chunk_size":1,"fps":24,"note":"' || hex(zeroblob(300)) || '"}',
        '{"user.name":"artist"}', '{}', case when n % 4 = 0 then 1 end,
        case n % 10 when 0 then ${half} when 1 then 0 else ${tasksPerJob} end, ${tasksPerJob}, ${tasksPerJob},
        case n % 10 when 0 then ${tasksPerJob - half - (tasksPerJob > half ? 1 : 0)} when 1 then ${tasksPerJob} else 0 end,
        case n % 10 when 0 then ${tasksPerJob > half ? 1 : 0} else 0 end,
        case n % 10 when 0 then ${half} when 1 then 0 when 2 then ${tasksPerJob - 1} else ${tasksPerJob} end,
        case n % 10 when 2 then 1 else 0 end,
        0,
        ${FIRST_JOB_AT} + n * 1000, ${FIRST_JOB_AT} + n * 1000, ${FIRST_JOB_AT} + n * 1000, case when n % 10 > 1 then ${FIRST_JOB_AT} + n * 1000 + 600000 end
      from ${series(jobs)};
    insert into command_templates (id, job_id, body)
      select id, id, '{"commands":[{"name":"blender-render","parameters":{"frame":1},"totalStepCount":1}],"holes":[]}' from jobs;
    insert into tasks (id, job_id, idx, name, kind, status, priority, order_key, template_id, steps_completed, steps_total, worker_id, attempts, updated_at, started_at, finished_at)
      select (j.id - 1) * ${tasksPerJob} + s.n, j.id, s.n, 'render-' || s.n, 'blender',
        case when j.status = 'completed' or (j.status = 'failed' and s.n > 1) or (j.status = 'active' and s.n <= ${half}) then 'completed'
             when j.status = 'failed' then 'failed' when j.status = 'active' and s.n = ${half} + 1 then 'active' else 'queued' end,
        50, s.n, j.id, 0, 1,
        case when j.status <> 'queued' then 1 + (s.n % ${WORKERS}) end, case when j.status <> 'queued' then 1 else 0 end,
        j.created_at, j.created_at, j.created_at
      from jobs j cross join ${series(tasksPerJob)} s;`)
  if (withAttempts) {
    await db.exec(`
      insert into attempts (id, task_id, job_id, number, worker_id, status, outcome, lease_kind, started_at, ended_at, log_bytes, log_lines)
        select t.id, t.id, t.job_id, 1, t.worker_id, t.status, case t.status when 'completed' then 'success' when 'failed' then 'exit-code' end, 'heartbeat',
          t.started_at + t.idx * 1000, case when t.status <> 'active' then t.started_at + t.idx * 1000 + 30000 end, 1000, 20
        from tasks t where t.status in ('completed', 'failed', 'active');
      insert into frames (job_id, task_id, attempt_id, frame, path, bytes, preview, rendered_ms, created_at)
        select t.job_id, t.id, t.id, t.idx, printf('/shared/out/%d/%06d.png', t.job_id, t.idx), 200000, 'ready', 30000, t.started_at + t.idx * 1000 + 30000
        from tasks t where t.status = 'completed';`)
  }
  await db.exec('commit; analyze')
}
