-- Who completed how many of a job's tasks. An index of the completed tasks by worker told the same, but each task that was done then wrote
-- a page of its own: workers take turns, and their entries lie far apart. Added to as tasks are done; counted anew with a mass update.
create table job_completions (
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  kind text not null,
  tasks integer not null,
  primary key (job_id, worker_id, kind)
) strict, without rowid;
insert into job_completions (job_id, worker_id, kind, tasks)
  select job_id, worker_id, kind, count(*) from tasks indexed by tasks_done
  where status = 'completed' and worker_id is not null group by job_id, kind, worker_id;
drop index tasks_done;
