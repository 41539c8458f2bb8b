/** What must be true of a farm's database at every moment at which nothing is under way. */
import { join } from 'node:path'
import { Connection } from '../../src/main/store/connection.ts'
import type { TestFarm } from './testFarm.ts'

/** One query a rule; each row that it answers is a violation. */
const RULES: Record<string, string> = {
  'a job counts its tasks by status': `
    select j.id, t.* from jobs j join (
      select job_id, count(*) as n, sum(status = 'queued') as q, sum(status = 'active') as a, sum(status = 'completed') as c, sum(status = 'failed') as f,
        sum(status = 'canceled') as x, sum(status = 'soft-failed') as s, sum(status = 'paused') as p from tasks group by job_id) t on t.job_id = j.id
    where (n, q, a, c, f, x, s, p) <> (task_count, count_queued, count_active, count_completed, count_failed, count_canceled, count_soft_failed, count_paused)`,
  'a job sums the steps of its tasks': `
    select j.id, steps_completed, steps_total, t.* from jobs j
      join (select job_id, sum(steps_completed) as done, sum(steps_total) as total from tasks group by job_id) t on t.job_id = j.id
    where done <> j.steps_completed or total <> j.steps_total`,
  'a task is active exactly while one attempt of it is': `
    select t.id, t.status, count(a.id) as attempts from tasks t left join attempts a on a.task_id = t.id and a.status = 'active'
    group by t.id having count(a.id) <> (t.status = 'active')`,
  'attempts are numbered without gaps': `
    select task_id, count(*) as n, max(number) as last from attempts group by task_id having n <> last`,
  'a task knows how many attempts it had': `
    select t.id, t.attempts, count(a.id) as n from tasks t left join attempts a on a.task_id = t.id group by t.id having n <> t.attempts`,
  'an ended attempt says when and how': `select * from attempts where (status = 'active') = (ended_at is not null) or (status = 'active') = (outcome is not null)`,
  'a barrier counts its open members': `
    select g.id, g.remaining, count(t.id) as open from task_groups g left join tasks t on t.group_id = g.id and t.status <> 'completed'
    group by g.id having open <> g.remaining`,
  'a task counts what it waits for': `
    select t.id, t.unmet from tasks t where t.unmet <>
      (select count(*) from task_group_dependencies d join task_groups g on g.id = d.group_id where d.task_id = t.id and g.remaining > 0)
      + (select count(*) from task_dependencies e join tasks o on o.id = e.depends_on_id where e.task_id = t.id and o.status <> 'completed')`,
  'a job counts the jobs it waits for': `
    select j.id, unmet_jobs from jobs j where unmet_jobs <>
      (select count(*) from job_dependencies d join jobs o on o.id = d.depends_on_id where d.job_id = j.id and o.status <> 'completed')`,
  'no mass update is left half done': `select id from jobs where recount_due = 1`,
  'no job is caught between two statuses': `select id, status from jobs where status in ('under-construction', 'cancel-requested', 'requeueing')`,
  'a completed job has only completed or canceled tasks': `
    select id from jobs where status = 'completed' and (count_queued + count_active + count_soft_failed + count_failed + count_paused > 0)`,
  'a finished job runs nothing': `select id from jobs where status in ('failed', 'canceled') and count_queued + count_active + count_soft_failed > 0`,
  'a job counts its frames once each': `
    select j.id, frame_count from jobs j where frame_count <> (select count(*) from frames f where f.job_id = j.id)`,
  'a job counts its different warnings': `
    select j.id, warning_count from jobs j where warning_count <> (select count(*) from (select distinct code, text from warnings w where w.job_id = j.id))`,
  'a task that is to run has no warnings': `
    select t.id, w.text from tasks t join warnings w on w.task_id = t.id where t.status = 'queued'`,
  'the chunks of a log follow each other': `
    select attempt_id, position from (
      select attempt_id, position, first_line, coalesce(lag(position + bytes) over w, 0) as expected, coalesce(lag(first_line + lines) over w, 0) as line
      from log_chunks window w as (partition by attempt_id order by position)) where position <> expected or first_line <> line`,
  'a log is as long as its chunks': `
    select a.id, a.log_bytes, a.log_lines from attempts a left join log_chunks c on c.attempt_id = a.id
    group by a.id having a.log_bytes <> coalesce(sum(c.bytes), 0) or a.log_lines <> coalesce(sum(c.lines), 0)`,
  'a segment knows how much of it is alive': `
    select s.id, live_bytes from log_segments s where live_bytes <> (select coalesce(sum(bytes), 0) from log_chunks c where c.segment_id = s.id)`,
  'every log belongs to an attempt': `select attempt_id from log_chunks where attempt_id not in (select id from attempts)`,
}

/** Names of the broken rules with what breaks them; empty when all is well. */
export async function violations(test: TestFarm): Promise<Record<string, unknown[]>> {
  await test.settled()
  const found: Record<string, unknown[]> = {}
  for (const [rule, sql] of Object.entries(RULES)) {
    const rows = await test.opened.read.all(sql)
    if (rows.length > 0) found[rule] = rows.slice(0, 3)
  }
  // On a connection of its own: a reader's cached full-text index is older than what the check finds on disk.
  const fresh = await Connection.open(join(test.folder, 'framehouse.sqlite'), 'read')
  const [integrity] = await fresh.all<{ integrity_check: string }>('pragma integrity_check')
  await fresh.close()
  if (integrity?.integrity_check !== 'ok') found['the database is whole'] = [integrity]
  return found
}

/** What the engine knows of all jobs and of the farm, as plain values: equal before and after a restart. */
export async function memoryOf(test: TestFarm): Promise<unknown> {
  await test.settled()
  const rows = await test.opened.read.all<{ public_id: string }>('select public_id from jobs order by id')
  const jobs = []
  for (const row of rows) jobs.push({ ...(await test.farm.jobs.find(row.public_id)) })
  const workers = test.farm.workers.all().map(({ name, status, statusRequested, reportSeq, tagIds, kinds }) => ({
    name,
    status,
    statusRequested,
    reportSeq,
    tagIds: [...tagIds],
    kinds,
  }))
  const limits = test.farm.limits.all().map(({ name, max, inUse }) => ({ name, max, inUse }))
  return { jobs, workers, limits, farm: test.farm.status() }
}
