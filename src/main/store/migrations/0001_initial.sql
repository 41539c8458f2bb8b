-- The whole schema of a farm. Internal keys are integers; what clients see is in public_id.
-- Times are integer milliseconds since the epoch (UTC). JSON columns hold text. Booleans are 0/1.
-- A task has no id column of its own for clients: its public id is made of its job's and its index (shared/ids.ts).

create table namespaces (
  id integer primary key,
  name text not null unique
) strict;
insert into namespaces (id, name) values (1, 'farm');

create table settings (
  key text primary key,
  value text not null,
  updated_at integer not null
) strict, without rowid;

-- People and keys -----------------------------------------------------------------------------------------------

create table users (
  id integer primary key,
  public_id text not null unique,
  name text not null unique,
  role text not null,
  password_hash text,
  created_at integer not null,
  deleted_at integer
) strict;

-- kind 'token' and 'session' (of a login) are sent as Bearer, 'key' stands in the URL path (/k/KEY/). Only a hash is kept;
-- prefix names it to people. user_id: whose it is; null for one of the farm's.
create table tokens (
  id integer primary key,
  public_id text not null unique,
  kind text not null,
  name text not null,
  prefix text not null,
  hash text not null unique,
  role text not null,
  scopes text not null,
  user_id integer references users (id),
  created_by text not null,
  created_at integer not null,
  expires_at integer,
  last_used_at integer,
  revoked_at integer
) strict;

create table audit (
  id integer primary key,
  at integer not null,
  actor text not null,
  action text not null,
  target_kind text not null,
  target_id text not null,
  detail text
) strict;
create index audit_by_target on audit (target_kind, target_id, id);

-- Machines and workers ------------------------------------------------------------------------------------------

create table machines (
  id integer primary key,
  public_id text not null unique,
  name text not null,
  platform text not null,
  arch text not null default '',
  address text not null default '',
  cpu_count integer,
  memory_bytes integer,
  gpus text not null default '[]',
  software text not null default '[]',
  hourly_rate real,
  watts real,
  load text,
  created_at integer not null,
  last_seen_at integer
) strict;

create table machine_samples (
  machine_id integer not null references machines (id) on delete cascade,
  at integer not null,
  cpu real,
  memory real,
  gpu real,
  primary key (machine_id, at)
) strict, without rowid;

create table worker_tags (
  id integer primary key,
  public_id text not null unique,
  name text not null unique,
  description text not null default ''
) strict;

-- adapter 'native' speaks /api/v1/agent, 'flamenco' speaks /api/v3; later dialects add theirs.
-- report_seq is the last event of the worker's outbox that was applied: what comes again is dropped.
create table workers (
  id integer primary key,
  public_id text not null unique,
  namespace_id integer not null default 1 references namespaces (id),
  adapter text not null,
  machine_id integer references machines (id),
  name text not null,
  secret_hash text not null,
  platform text not null,
  address text not null default '',
  software text not null default '',
  status text not null,
  status_requested text,
  status_request_lazy integer not null default 0,
  can_restart integer not null default 0,
  kinds text not null,
  capabilities text not null default '{}',
  capacity integer not null default 1,
  approved_at integer,
  last_seen_at integer,
  report_seq integer not null default 0,
  last_task_id integer,
  created_at integer not null,
  updated_at integer not null,
  deleted_at integer
) strict;

create table worker_tag_members (
  worker_id integer not null references workers (id) on delete cascade,
  tag_id integer not null references worker_tags (id) on delete cascade,
  primary key (worker_id, tag_id)
) strict, without rowid;

create table sleep_schedules (
  worker_id integer primary key references workers (id) on delete cascade,
  is_active integer not null,
  days text not null,
  start_time text not null,
  end_time text not null,
  next_check integer
) strict;

-- Limits and lanes ----------------------------------------------------------------------------------------------

-- A limit is a licence: at most max at once, counted per running attempt ('attempt') or per machine that runs any ('machine').
create table limits (
  id integer primary key,
  public_id text not null unique,
  namespace_id integer not null default 1 references namespaces (id),
  name text not null,
  description text not null default '',
  max integer not null,
  scope text not null,
  created_at integer not null,
  unique (namespace_id, name)
) strict;

-- A lane is an ordered queue with a concurrency limit: a mailbox, a host pool, 'no overlap' of a cron.
create table lanes (
  id integer primary key,
  namespace_id integer not null default 1 references namespaces (id),
  kind text not null,
  name text not null,
  concurrency integer not null,
  ordered integer not null,
  unique (namespace_id, kind, name)
) strict;

-- Jobs ----------------------------------------------------------------------------------------------------------

-- client_id is an id that a client chose; unique among what is not deleted. deleted_at opens the undo period, then the job is purged.
-- The count_* columns are kept by deltas in the transaction that changes the tasks. recount_due is set while a mass update is
-- under way: counters, barriers and waits of such a job are counted anew after a crash. unmet_jobs is counted in SQL only.
create table jobs (
  id integer primary key,
  public_id text not null unique,
  namespace_id integer not null default 1 references namespaces (id),
  origin text not null,
  owner text not null default '',
  client_id text,
  name text not null,
  type text not null,
  project text not null default '',
  priority integer not null,
  status text not null,
  status_before_delete text,
  activity text not null default '',
  settings text not null,
  metadata text not null,
  policy text not null,
  queue_order text not null default 'priority',
  tag_id integer references worker_tags (id) on delete set null,
  lane_id integer references lanes (id),
  max_workers integer,
  start_after integer,
  unmet_jobs integer not null default 0,
  has_edges integer not null default 0,
  recount_due integer not null default 0,
  checkout_id text,
  output_dir text,
  steps_completed integer not null default 0,
  steps_total integer not null default 0,
  task_count integer not null default 0,
  count_queued integer not null default 0,
  count_active integer not null default 0,
  count_completed integer not null default 0,
  count_failed integer not null default 0,
  count_canceled integer not null default 0,
  count_soft_failed integer not null default 0,
  count_paused integer not null default 0,
  frame_count integer not null default 0,
  last_rendered_at integer,
  created_at integer not null,
  updated_at integer not null,
  started_at integer,
  finished_at integer,
  delete_requested_at integer,
  deleted_at integer
) strict;
-- Task ids end like their job's id (shared/ids.ts): this finds the job of a task id.
create unique index jobs_by_id_tail on jobs (substr(public_id, 10));
create unique index jobs_by_client_id on jobs (namespace_id, origin, client_id) where client_id is not null and deleted_at is null;
create index jobs_by_status on jobs (status, created_at) where deleted_at is null;
create index jobs_by_created on jobs (created_at) where deleted_at is null;
-- Holds every filter and order of the job list, so that a page is found without touching the (wide) rows.
create index jobs_listing on jobs (created_at, status, priority, type, project, owner, origin, tag_id, name, public_id, deleted_at) where deleted_at is null;
create index jobs_recount_due on jobs (id) where recount_due = 1;
create index jobs_deleted on jobs (deleted_at) where deleted_at is not null;

create virtual table jobs_text using fts5 (name, type, owner, project, content='jobs', content_rowid='id', tokenize='trigram');
create trigger jobs_text_insert after insert on jobs begin
  insert into jobs_text (rowid, name, type, owner, project) values (new.id, new.name, new.type, new.owner, new.project);
end;
create trigger jobs_text_update after update of name, type, owner, project on jobs begin
  insert into jobs_text (jobs_text, rowid, name, type, owner, project) values ('delete', old.id, old.name, old.type, old.owner, old.project);
  insert into jobs_text (rowid, name, type, owner, project) values (new.id, new.name, new.type, new.owner, new.project);
end;
create trigger jobs_text_delete after delete on jobs begin
  insert into jobs_text (jobs_text, rowid, name, type, owner, project) values ('delete', old.id, old.name, old.type, old.owner, old.project);
end;

create table job_dependencies (
  job_id integer not null references jobs (id) on delete cascade,
  depends_on_id integer not null references jobs (id) on delete cascade,
  primary key (job_id, depends_on_id)
) strict, without rowid;
create index job_dependents on job_dependencies (depends_on_id);

create table job_limits (
  job_id integer not null references jobs (id) on delete cascade,
  limit_id integer not null references limits (id) on delete cascade,
  primary key (job_id, limit_id)
) strict, without rowid;

-- The list of commands shared by tasks, with holes; tasks.params fills them (engine/commandTemplates.ts).
create table command_templates (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  body text not null
) strict;
create index command_templates_by_job on command_templates (job_id);

-- A barrier: remaining counts its members that are not completed; what depends on the group waits for 0.
create table task_groups (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  remaining integer not null
) strict;
create index task_groups_by_job on task_groups (job_id);

-- unmet counts the groups and single tasks this one still waits for. order_key sorts ready tasks inside their job and kind.
create table tasks (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  idx integer not null,
  name text not null,
  kind text not null,
  status text not null,
  priority integer not null,
  order_key integer not null,
  unmet integer not null default 0,
  group_id integer,
  template_id integer not null,
  params text,
  lane_id integer,
  steps_completed integer not null default 0,
  steps_total integer not null default 0,
  worker_id integer,
  attempts integer not null default 0,
  retries integer not null default 0,
  activity text not null default '',
  not_before integer,
  start_by integer,
  input text,
  output text,
  updated_at integer not null,
  touched_at integer,
  started_at integer,
  finished_at integer
) strict;
create unique index tasks_by_job on tasks (job_id, idx);
create index tasks_ready on tasks (job_id, kind, order_key) where unmet = 0 and status in ('queued', 'soft-failed');
create index tasks_by_group on tasks (group_id) where group_id is not null;
create index tasks_active on tasks (job_id) where status = 'active';
create index tasks_failed on tasks (job_id, idx) where status in ('failed', 'soft-failed');
create index tasks_start_by on tasks (start_by) where start_by is not null and status in ('queued', 'soft-failed');

create table task_group_dependencies (
  task_id integer not null references tasks (id) on delete cascade,
  group_id integer not null references task_groups (id) on delete cascade,
  primary key (task_id, group_id)
) strict, without rowid;
create index task_group_dependents on task_group_dependencies (group_id);

create table task_dependencies (
  task_id integer not null references tasks (id) on delete cascade,
  depends_on_id integer not null references tasks (id) on delete cascade,
  primary key (task_id, depends_on_id)
) strict, without rowid;
create index task_dependents on task_dependencies (depends_on_id);

-- Attempts ------------------------------------------------------------------------------------------------------

-- lease_kind: 'heartbeat' (renewed while the worker is heard), 'deadline' (until lease_until), 'unbounded'.
create table attempts (
  id integer primary key,
  task_id integer not null references tasks (id) on delete cascade,
  job_id integer not null,
  number integer not null,
  worker_id integer not null,
  session_id integer,
  status text not null,
  outcome text,
  reason text not null default '',
  exit_code integer,
  lease_kind text not null,
  lease_until integer,
  started_at integer not null,
  ended_at integer,
  log_bytes integer not null default 0,
  log_lines integer not null default 0,
  result text,
  metrics text
) strict;
create unique index attempts_by_task on attempts (task_id, number);
create index attempts_by_worker on attempts (worker_id, started_at);
create index attempts_by_job on attempts (job_id, started_at);
-- Statistics: what ended when, how, and how long it ran.
create index attempts_ended on attempts (ended_at, outcome, started_at, worker_id, job_id) where ended_at is not null;
create index attempts_active on attempts (job_id) where status = 'active';

-- An application kept open with its scene between tasks of one job on one worker.
create table sessions (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  phase text not null,
  key text not null,
  opened_at integer not null,
  closed_at integer,
  detail text
) strict;

create table task_failures (
  task_id integer not null references tasks (id) on delete cascade,
  worker_id integer not null,
  job_id integer not null,
  kind text not null,
  at integer not null,
  primary key (task_id, worker_id)
) strict, without rowid;
create index task_failures_by_job on task_failures (job_id, worker_id, kind);

create table job_blocks (
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  kind text not null,
  at integer not null,
  primary key (job_id, worker_id, kind)
) strict, without rowid;

-- Logs and frames -----------------------------------------------------------------------------------------------

-- live_bytes falls as jobs are purged; a segment with none is deleted.
create table log_segments (
  id integer primary key,
  bytes integer not null,
  live_bytes integer not null
) strict;

-- One row a chunk of an attempt's log. position/bytes: where it stands in the attempt's plain log; segment_offset: where in the file.
-- runs: JSON [[lines, time, stream], …] gives each line its time and stream (0 stdout, 1 stderr, 2 farm).
create table log_chunks (
  attempt_id integer not null,
  position integer not null,
  bytes integer not null,
  first_line integer not null,
  lines integer not null,
  segment_id integer not null,
  segment_offset integer not null,
  runs text not null,
  primary key (attempt_id, position)
) strict, without rowid;
create index log_chunks_by_segment on log_chunks (segment_id);
create trigger log_chunks_count after insert on log_chunks begin
  insert into log_segments (id, bytes, live_bytes) values (new.segment_id, new.bytes, new.bytes)
  on conflict (id) do update set bytes = bytes + excluded.bytes, live_bytes = live_bytes + excluded.bytes;
end;

-- A rendered image. frame is null for single images; preview states: none, ready, failed.
create table frames (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  task_id integer not null,
  attempt_id integer not null,
  frame integer,
  path text not null,
  bytes integer,
  width integer,
  height integer,
  preview text not null default 'none',
  rendered_ms integer,
  created_at integer not null,
  unique (job_id, path)
) strict;
create index frames_by_job on frames (job_id, frame);
create index frames_newest on frames (created_at);
create index frames_shown on frames (job_id) where preview = 'ready';
-- A frame rendered again replaces its row and is counted once.
create trigger frames_count_insert after insert on frames begin
  update jobs set frame_count = frame_count + 1 where id = new.job_id;
end;

-- Schedules and deliveries --------------------------------------------------------------------------------------

create table schedules (
  id integer primary key,
  public_id text not null unique,
  namespace_id integer not null default 1 references namespaces (id),
  origin text not null,
  owner text not null default '',
  client_id text,
  name text not null,
  trigger text not null,
  template text not null,
  missed_policy text not null,
  overlap_policy text not null,
  state text not null,
  next_at integer,
  last_at integer,
  last_job_id integer,
  created_at integer not null,
  deleted_at integer
) strict;
create unique index schedules_by_client_id on schedules (namespace_id, origin, client_id) where client_id is not null and deleted_at is null;
create index schedules_due on schedules (next_at) where state = 'active' and deleted_at is null;

-- Effects promised to the outside (webhooks, mail), written with the transition that caused them and delivered after it.
create table outbox (
  id integer primary key,
  kind text not null,
  payload text not null,
  tries integer not null default 0,
  next_at integer not null,
  created_at integer not null,
  done_at integer,
  error text
) strict;
create index outbox_due on outbox (next_at) where done_at is null;
