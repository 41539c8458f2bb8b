-- What people should know of a result that counts all the same: of a task by its newest attempt, or of the job itself (task_id null).
create table warnings (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  task_id integer references tasks (id) on delete cascade,
  code text not null,
  text text not null,
  count integer not null,
  -- JSON array of frame numbers, in order.
  frames text,
  at integer not null
) strict;
create unique index warnings_once on warnings (job_id, code, text, coalesce(task_id, 0));
create index warnings_by_task on warnings (task_id);

-- Different warnings of a job. Counted here alone, so that it is right in the same transaction, whatever adds or clears them.
alter table jobs add column warning_count integer not null default 0;
create index jobs_warned on jobs (id) where warning_count > 0;
create trigger warnings_count_insert after insert on warnings
  when not exists (select 1 from warnings w where w.job_id = new.job_id and w.code = new.code and w.text = new.text and w.id <> new.id)
begin
  update jobs set warning_count = warning_count + 1 where id = new.job_id;
end;
create trigger warnings_count_delete after delete on warnings
  when not exists (select 1 from warnings w where w.job_id = old.job_id and w.code = old.code and w.text = old.text)
begin
  update jobs set warning_count = warning_count - 1 where id = old.job_id;
end;

-- A task that is to run again, or runs again, has none of its earlier attempts' warnings.
create trigger warnings_requeued after update of status on tasks when new.status = 'queued' and old.status <> 'queued'
begin
  delete from warnings where task_id = new.id;
end;
create trigger warnings_run_again after insert on attempts when new.number > 1
begin
  delete from warnings where task_id = new.task_id;
end;

-- A task whose failure for good is a warning and counts as completed.
alter table tasks add column optional integer not null default 0;
