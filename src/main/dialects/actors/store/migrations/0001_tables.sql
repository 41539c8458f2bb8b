-- An actor is a job of the farm; its executions are the job's tasks. Times are milliseconds since the epoch.
create table actors (
  id integer primary key autoincrement,
  tenant text not null,
  job_key integer not null unique references jobs (id) on delete cascade,
  job_id text not null unique,
  name text,
  owner_id text not null,
  owner text not null,
  -- What its description says, as JSON.
  spec text not null,
  -- Any JSON; numbers as they were written.
  state text not null default '{}',
  status text not null,
  status_message text not null default '',
  revision integer not null default 1,
  created_at integer not null,
  updated_at integer not null,
  cron_next integer
) strict;

-- Who may do what with an actor (`actor:KEY`), an alias (`alias:TENANT/NAME`) or a config (`config:TENANT/NAME`).
create table actor_permissions (
  target text not null,
  principal text not null,
  label text not null,
  level integer not null,
  primary key (target, principal)
) strict, without rowid;

create table actor_aliases (
  tenant text not null,
  alias text not null,
  actor_key integer not null,
  owner_id text not null,
  owner text not null,
  created_at integer not null,
  primary key (tenant, alias)
) strict, without rowid;

create table actor_nonces (
  id integer primary key,
  -- The nonce itself, encrypted.
  sealed text not null,
  tenant text not null,
  target text not null,
  owner_id text not null,
  owner text not null,
  roles text not null,
  level integer not null,
  max_uses integer not null,
  current_uses integer not null default 0,
  description text not null default '',
  created_at integer not null,
  last_used_at integer
) strict;

create table actor_configs (
  tenant text not null,
  name text not null,
  -- Encrypted when it is a secret.
  value text not null,
  is_secret integer not null,
  actors text not null,
  primary key (tenant, name)
) strict, without rowid;

create table actor_workers (
  actor_key integer not null references actors (id) on delete cascade,
  number integer not null,
  created_at integer not null,
  last_execution_at integer,
  -- The farm's worker that ran its last execution, and the container of that.
  worker_id text,
  container text,
  primary key (actor_key, number)
) strict, without rowid;

-- What searches look for; the truth is in tasks and attempts, which the triggers below follow.
create table actor_executions (
  task_id integer primary key references tasks (id) on delete cascade,
  actor_key integer not null,
  number integer not null,
  executor text not null,
  status text not null,
  worker integer,
  received_at integer not null,
  started_at integer,
  finished_at integer,
  exit_code integer,
  runtime integer not null default 0,
  cpu integer not null default 0,
  io integer not null default 0,
  -- Set when its log's time is over.
  log_expired integer not null default 0
) strict;
create unique index actor_executions_by_actor on actor_executions (actor_key, number);
create index actor_executions_by_status on actor_executions (actor_key, status);
create index actor_executions_open on actor_executions (actor_key, number) where status in ('SUBMITTED', 'RUNNING');
create index actor_executions_by_received on actor_executions (received_at);
create index actor_executions_by_start on actor_executions (started_at);
create index actor_executions_by_finish on actor_executions (finished_at);

create trigger actor_executions_add after insert on tasks when new.kind in ('actor', 'actor-privileged') and new.input is not null
begin
  insert into actor_executions (task_id, actor_key, number, executor, status, received_at)
  select new.id, a.id, new.idx, new.input->>'$.executor', 'SUBMITTED', new.updated_at
  from actors a where a.job_key = new.job_id and new.input->>'$.executor' is not null;
end;

create trigger actor_executions_follow after update of status on tasks when new.kind in ('actor', 'actor-privileged') and new.status <> old.status
begin
  update actor_executions set
    status = case new.status when 'active' then 'RUNNING' when 'completed' then 'COMPLETE' when 'failed' then 'ERROR' when 'canceled' then 'ERROR' else 'SUBMITTED' end,
    started_at = case when new.status = 'canceled' and old.status <> 'active' then null when new.status in ('queued', 'soft-failed', 'paused') then null else new.started_at end,
    finished_at = case when new.status in ('completed', 'failed', 'canceled') then coalesce(new.finished_at, new.updated_at) else null end
  where task_id = new.id;
end;

-- The units of the API: milliseconds, hundredths of a second of user time, sectors of 512 bytes.
create trigger actor_executions_measure after update of status on attempts when new.ended_at is not null
begin
  update actor_executions set
    exit_code = coalesce(new.result->>'$.containers[#-1].exitCode', new.exit_code),
    runtime = coalesce(cast(round((julianday(new.result->>'$.containers[#-1].finishedAt') - julianday(new.result->>'$.containers[#-1].startedAt')) * 86400000) as integer),
      new.ended_at - new.started_at, 0),
    cpu = coalesce(cast(round((new.result->>'$.containers[#-1].userCpuSeconds') * 100) as integer), 0),
    io = coalesce(cast(round(((new.result->>'$.containers[#-1].ioReadBytes') + (new.result->>'$.containers[#-1].ioWriteBytes')) / 512.0) as integer), 0)
  where task_id = new.task_id;
end;
