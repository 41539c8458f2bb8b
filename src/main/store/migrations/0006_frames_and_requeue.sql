-- Workers that a person keeps from a task ("requeue elsewhere"), until the task is requeued for everybody.
create table task_kept_off (
  task_id integer not null references tasks (id) on delete cascade,
  worker_id integer not null,
  job_id integer not null,
  at integer not null,
  primary key (task_id, worker_id)
) strict, without rowid;
create index task_kept_off_by_job on task_kept_off (job_id);

-- Whether the picture's scene light is stored beside its previews, so that exposure and channels can be looked at.
alter table frames add column light integer not null default 0;
