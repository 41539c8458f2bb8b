-- Results that programs hand over while they run, in order: base64 text. Readers may remove what they have taken.
create table attempt_results (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  task_id integer not null references tasks (id) on delete cascade,
  attempt_id integer not null,
  at integer not null,
  bytes integer not null,
  body text not null
) strict;
create index attempt_results_by_task on attempt_results (task_id, id);
create index attempt_results_by_age on attempt_results (at);
create index attempt_results_by_job on attempt_results (job_id);

-- A task that runs again has none of its earlier attempts' results.
create trigger attempt_results_run_again after insert on attempts when new.number > 1
begin
  delete from attempt_results where task_id = new.task_id;
end;

-- Files of the file store that tasks get as their input: they are kept until the task has ended.
create table task_inputs (
  task_id integer primary key references tasks (id) on delete cascade,
  sha text not null,
  size integer not null
) strict;
create index task_inputs_by_content on task_inputs (sha, size);
