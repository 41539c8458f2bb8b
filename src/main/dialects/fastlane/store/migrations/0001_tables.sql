-- The tables of the Fastlane API.

-- A Fastlane task is a name that groups jobs. modified_at moves when a job is added.
create table fastlane_tasks (
  id integer primary key,
  name text not null unique,
  created_at integer not null,
  modified_at integer not null
) strict;
create virtual table fastlane_tasks_text using fts5 (name, content='fastlane_tasks', content_rowid='id', tokenize='porter unicode61');
create trigger fastlane_tasks_text_insert after insert on fastlane_tasks begin
  insert into fastlane_tasks_text (rowid, name) values (new.id, new.name);
end;
create trigger fastlane_tasks_text_delete after delete on fastlane_tasks begin
  insert into fastlane_tasks_text (fastlane_tasks_text, rowid, name) values ('delete', old.id, old.name);
end;

-- client_id: the job's id on Fastlane's wire, unique in its task among what is not deleted (jobs.client_id sees to that).
-- metadata: what clients see of it but for retry_count and enqueued_id, which move: JSON with envs, custom, retries, webhooks, …
create table fastlane_jobs (
  job_id integer primary key references jobs (id) on delete cascade,
  task_id integer not null references fastlane_tasks (id),
  client_id text not null,
  image text not null,
  command text not null,
  request_ip text,
  metadata text not null,
  retry_count integer not null default 0,
  queue_id text,
  created_at integer not null,
  modified_at integer not null
) strict;
create index fastlane_jobs_by_task on fastlane_jobs (task_id, modified_at);
create index fastlane_jobs_by_client_id on fastlane_jobs (task_id, client_id);

-- A run. appears_at: a delayed run is nobody's business before its moment (clients see no execution until then).
-- stopped_at: a client asked for its end. settled_at: what follows from its end (retry, webhooks, mails) is on its way.
create table fastlane_executions (
  task_id integer primary key references tasks (id) on delete cascade,
  job_id integer not null references jobs (id) on delete cascade,
  image text not null,
  command text not null,
  request_ip text,
  appears_at integer not null,
  expires_at integer,
  stopped_at integer,
  settled_at integer,
  dispatches text not null default '[]'
) strict;
create index fastlane_executions_by_job on fastlane_executions (job_id, appears_at);
