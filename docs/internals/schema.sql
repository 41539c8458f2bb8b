-- The database of a farm: tables with their indexes, triggers and views. Written by `npm run schema` after a change of a migration
-- (src/main/store/migrations); read it to see what the migrations add up to. Nothing reads it but people and one test.

CREATE TABLE actor_aliases (
  tenant text not null,
  alias text not null,
  actor_key integer not null,
  owner_id text not null,
  owner text not null,
  created_at integer not null,
  primary key (tenant, alias)
) strict, without rowid;

CREATE TABLE actor_configs (
  tenant text not null,
  name text not null,
  -- Encrypted when it is a secret.
  value text not null,
  is_secret integer not null,
  actors text not null,
  primary key (tenant, name)
) strict, without rowid;

CREATE TABLE actor_executions (
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
, halted integer not null default 0) strict;

CREATE UNIQUE INDEX actor_executions_by_actor on actor_executions (actor_key, number);

CREATE INDEX actor_executions_by_executor on actor_executions (actor_key, executor);

CREATE INDEX actor_executions_by_exit_code on actor_executions (actor_key, exit_code);

CREATE INDEX actor_executions_by_finish on actor_executions (finished_at);

CREATE INDEX actor_executions_by_received on actor_executions (actor_key, received_at);

CREATE INDEX actor_executions_by_runtime on actor_executions (actor_key, runtime);

CREATE INDEX actor_executions_by_start on actor_executions (actor_key, started_at);

CREATE INDEX actor_executions_by_status on actor_executions (actor_key, status);

CREATE INDEX actor_executions_halted on actor_executions (actor_key, number) where halted = 1;

CREATE INDEX actor_executions_open on actor_executions (actor_key, number) where status in ('SUBMITTED', 'RUNNING');

CREATE TRIGGER actor_executions_unhalt after update of status on actor_executions when new.halted = 1 and new.status <> 'RUNNING'
begin
  update actor_executions set halted = 0 where task_id = new.task_id;
end;

CREATE TABLE actor_nonces (
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

CREATE TABLE actor_permissions (
  target text not null,
  principal text not null,
  label text not null,
  level integer not null,
  primary key (target, principal)
) strict, without rowid;

CREATE TABLE actor_workers (
  actor_key integer not null references actors (id) on delete cascade,
  number integer not null,
  created_at integer not null,
  last_execution_at integer,
  -- The farm's worker that ran its last execution, and the container of that.
  worker_id text,
  container text,
  primary key (actor_key, number)
) strict, without rowid;

CREATE TABLE actors (
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

CREATE TABLE attempt_results (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  task_id integer not null references tasks (id) on delete cascade,
  attempt_id integer not null,
  at integer not null,
  bytes integer not null,
  body text not null
) strict;

CREATE INDEX attempt_results_by_age on attempt_results (at);

CREATE INDEX attempt_results_by_job on attempt_results (job_id);

CREATE INDEX attempt_results_by_task on attempt_results (task_id, id);

CREATE TABLE attempts (
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
, inputs text, claim text) strict;

CREATE INDEX attempts_active on attempts (job_id) where status = 'active';

CREATE INDEX attempts_by_job on attempts (job_id, started_at);

CREATE UNIQUE INDEX attempts_by_task on attempts (task_id, number);

CREATE INDEX attempts_by_worker on attempts (worker_id, started_at);

CREATE INDEX attempts_ended on attempts (ended_at, outcome, started_at, worker_id, job_id) where ended_at is not null;

CREATE TRIGGER actor_executions_measure after update of status on attempts when new.ended_at is not null
begin
  update actor_executions set
    exit_code = coalesce(new.result->>'$.containers[#-1].exitCode', new.exit_code),
    runtime = coalesce(cast(round((julianday(new.result->>'$.containers[#-1].finishedAt') - julianday(new.result->>'$.containers[#-1].startedAt')) * 86400000) as integer),
      new.ended_at - new.started_at, 0),
    cpu = coalesce(cast(round((new.result->>'$.containers[#-1].userCpuSeconds') * 100) as integer), 0),
    io = coalesce(cast(round(((new.result->>'$.containers[#-1].ioReadBytes') + (new.result->>'$.containers[#-1].ioWriteBytes')) / 512.0) as integer), 0)
  where task_id = new.task_id;
end;

CREATE TRIGGER attempt_results_run_again after insert on attempts when new.number > 1
begin
  delete from attempt_results where task_id = new.task_id;
end;

CREATE TRIGGER warnings_run_again after insert on attempts when new.number > 1
begin
  delete from warnings where task_id = new.task_id;
end;

CREATE TABLE audit (
  id integer primary key,
  at integer not null,
  actor text not null,
  action text not null,
  target_kind text not null,
  target_id text not null,
  detail text
, actor_id text not null default '', token_id text) strict;

CREATE INDEX audit_by_actor on audit (actor_id, id);

CREATE INDEX audit_by_target on audit (target_kind, target_id, id);

CREATE TABLE checkout_frames (
  checkout_id text not null,
  path text not null,
  frame integer not null,
  primary key (checkout_id, path, frame)
) without rowid;

CREATE TABLE colonies_attributes (
  id text primary key,
  task_id integer not null references tasks (id) on delete cascade,
  key text not null,
  value text not null,
  type integer not null
) strict, without rowid;

CREATE INDEX colonies_attributes_by_task on colonies_attributes (task_id);

CREATE TABLE colonies_blueprints (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  kind text not null,
  location text not null,
  generation integer not null,
  body text not null,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_colonies (
  id integer primary key,
  name text not null unique,
  owner_id text not null,
  paused integer not null default 0,
  built_in integer not null default 0,
  created_at integer not null
) strict;

CREATE TABLE colonies_counts (
  colony_id integer not null,
  state integer not null,
  n integer not null,
  primary key (colony_id, state)
) strict, without rowid;

CREATE TABLE colonies_crons (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  initiator_id text not null,
  initiator_name text not null,
  name text not null,
  expression text not null,
  interval integer not null,
  random integer not null,
  workflow text not null,
  wait_for_previous integer not null,
  next_at integer,
  last_at integer,
  previous_job text,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_definitions (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  kind text not null,
  body text not null,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_entries (
  id integer primary key,
  task_id integer not null references tasks (id) on delete cascade,
  channel text not null,
  sequence text not null,
  reply_to text not null,
  sender_id text not null,
  type text not null,
  payload blob not null,
  at integer not null
) strict;

CREATE INDEX colonies_entries_by_channel on colonies_entries (task_id, channel, id);

CREATE TABLE colonies_executors (
  id integer primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  executor_id text not null,
  name text not null,
  type text not null,
  state integer not null,
  worker_id text not null,
  location text not null,
  requires_functions integer not null,
  capabilities text not null,
  allocations text not null,
  blueprint_id text not null,
  blueprint_generation integer not null,
  commissioned_at integer not null,
  replaced integer not null default 0
) strict;

CREATE UNIQUE INDEX colonies_executors_by_name on colonies_executors (colony_id, name) where replaced = 0;

CREATE INDEX colonies_executors_by_worker on colonies_executors (worker_id);

CREATE TABLE colonies_files (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  label text not null,
  name text not null,
  size integer not null,
  sequence integer not null,
  checksum text not null,
  checksum_algorithm text not null,
  reference text not null,
  added_at integer not null,
  unique (colony_id, label, name, sequence)
) strict;

CREATE TABLE colonies_functions (
  id text primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  executor_name text not null,
  executor_type text not null,
  name text not null,
  description text not null,
  args text not null,
  location text not null,
  counter integer not null default 0,
  min_wait real not null default 0,
  max_wait real not null default 0,
  min_exec real not null default 0,
  max_exec real not null default 0,
  avg_wait real not null default 0,
  avg_exec real not null default 0,
  unique (colony_id, executor_name, name)
) strict;

CREATE TABLE colonies_generators (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  initiator_id text not null,
  initiator_name text not null,
  name text not null,
  workflow text not null,
  trigger integer not null,
  timeout integer not null,
  first_pack_at integer,
  last_at integer,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_graphs (
  job_id integer primary key references jobs (id) on delete cascade,
  colony_id integer not null,
  initiator_id text not null,
  initiator_name text not null,
  submitted_at integer not null,
  cron_id integer
) strict;

CREATE INDEX colonies_graphs_by_colony on colonies_graphs (colony_id, submitted_at);

CREATE TABLE colonies_history (
  id integer primary key,
  public_id text not null unique,
  blueprint_id integer not null references colonies_blueprints (id) on delete cascade,
  generation integer not null,
  spec text not null,
  status text,
  at integer not null,
  changed_by text not null,
  change text not null
) strict;

CREATE INDEX colonies_history_by_blueprint on colonies_history (blueprint_id, id);

CREATE TABLE colonies_jobs (
  job_id integer primary key references jobs (id) on delete cascade,
  colony_id integer not null,
  kind text not null,
  open integer not null default 1
) strict;

CREATE INDEX colonies_jobs_by_colony on colonies_jobs (colony_id);

CREATE TABLE colonies_locations (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  description text not null,
  long real not null,
  lat real not null,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_logs (
  id integer primary key,
  colony_id integer not null,
  task_id integer references tasks (id) on delete cascade,
  executor_name text not null,
  message text not null,
  at integer not null,
  part integer not null
) strict;

CREATE INDEX colonies_logs_by_executor on colonies_logs (colony_id, executor_name, at, part);

CREATE INDEX colonies_logs_by_task on colonies_logs (task_id, at, part) where task_id is not null;

CREATE TABLE colonies_packs (
  id integer primary key,
  generator_id integer not null references colonies_generators (id) on delete cascade,
  arg text not null
) strict;

CREATE INDEX colonies_packs_by_generator on colonies_packs (generator_id, id);

CREATE TABLE colonies_processes (
  task_id integer primary key references tasks (id) on delete cascade,
  job_id integer not null references jobs (id) on delete cascade,
  colony_id integer not null,
  state integer default 0,
  spec text not null,
  executor_type text not null,
  label text not null,
  initiator_id text not null,
  initiator_name text not null,
  submitted_at integer not null,
  input text,
  parents text not null default '[]',
  children text not null default '[]'
) strict;

CREATE INDEX colonies_processes_by_job on colonies_processes (job_id);

CREATE INDEX colonies_processes_by_state on colonies_processes (colony_id, state, submitted_at);

CREATE TRIGGER colonies_processes_added after insert on colonies_processes when new.state is not null begin
  insert into colonies_counts (colony_id, state, n) values (new.colony_id, new.state, 1)
  on conflict do update set n = n + 1;
end;

CREATE TRIGGER colonies_processes_moved after update of state on colonies_processes when old.state is not new.state begin
  update colonies_counts set n = n - 1 where colony_id = old.colony_id and state = old.state;
  insert into colonies_counts (colony_id, state, n) select new.colony_id, new.state, 1 where new.state is not null
  on conflict do update set n = n + 1;
end;

CREATE TRIGGER colonies_processes_removed after delete on colonies_processes when old.state is not null begin
  update colonies_counts set n = n - 1 where colony_id = old.colony_id and state = old.state;
end;

CREATE TABLE colonies_queues (
  kind text primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  conditions text not null
) strict, without rowid;

CREATE TABLE colonies_s3_buckets (
  id integer primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  created_at integer not null,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_s3_keys (
  access_key text primary key,
  secret text not null,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  member_id text not null,
  member_name text not null,
  created_at integer not null
) strict, without rowid;

CREATE TABLE colonies_s3_objects (
  id integer primary key,
  bucket_id integer not null references colonies_s3_buckets (id) on delete cascade,
  key blob not null,
  size integer not null,
  etag text not null,
  headers text not null,
  checksum text,
  modified_at integer not null,
  unique (bucket_id, key)
) strict;

CREATE TRIGGER colonies_s3_object_removed after delete on colonies_s3_objects begin
  delete from content_links where owner = 'colonies-s3-object:' || old.id;
end;

CREATE TABLE colonies_s3_parts (
  id integer primary key,
  upload_id integer not null references colonies_s3_uploads (id) on delete cascade,
  number integer not null,
  sha256 text not null,
  bytes integer not null,
  etag text not null,
  checksum text,
  modified_at integer not null,
  unique (upload_id, number)
) strict;

CREATE TRIGGER colonies_s3_part_added after insert on colonies_s3_parts begin
  insert into content_links (owner, sha256, bytes) values ('colonies-s3-part:' || new.id, new.sha256, new.bytes);
end;

CREATE TRIGGER colonies_s3_part_removed after delete on colonies_s3_parts begin
  delete from content_links where owner = 'colonies-s3-part:' || old.id;
end;

CREATE TABLE colonies_s3_pieces (
  object_id integer not null references colonies_s3_objects (id) on delete cascade,
  position integer not null,
  sha256 text not null,
  bytes integer not null,
  primary key (object_id, position)
) strict, without rowid;

CREATE TRIGGER colonies_s3_piece_added after insert on colonies_s3_pieces begin
  insert or ignore into content_links (owner, sha256, bytes) values ('colonies-s3-object:' || new.object_id, new.sha256, new.bytes);
end;

CREATE TABLE colonies_s3_uploads (
  id integer primary key,
  public_id text not null unique,
  bucket_id integer not null references colonies_s3_buckets (id) on delete cascade,
  key blob not null,
  headers text not null,
  checksum_algorithm text,
  checksum_type text,
  created_at integer not null
) strict;

CREATE INDEX colonies_s3_uploads_by_bucket on colonies_s3_uploads (bucket_id, key, id);

CREATE TABLE colonies_snapshots (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  label text not null,
  name text not null,
  file_ids text not null,
  added_at integer not null,
  unique (colony_id, name)
) strict;

CREATE TABLE colonies_users (
  id integer primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  user_id text not null,
  name text not null,
  email text not null,
  phone text not null,
  unique (colony_id, name)
) strict;

CREATE TABLE command_templates (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  body text not null
) strict;

CREATE INDEX command_templates_by_job on command_templates (job_id);

CREATE TABLE content_links (
  owner text not null,
  sha256 text not null,
  bytes integer not null,
  primary key (owner, sha256)
) without rowid;

CREATE INDEX content_links_by_content on content_links (sha256);

CREATE TABLE dialect_versions (
  dialect text primary key,
  version integer not null
) strict;

CREATE TABLE fastlane_executions (
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

CREATE INDEX fastlane_executions_by_job on fastlane_executions (job_id, appears_at);

CREATE TABLE fastlane_jobs (
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
, pending text) strict;

CREATE INDEX fastlane_jobs_by_client_id on fastlane_jobs (task_id, client_id);

CREATE INDEX fastlane_jobs_by_task on fastlane_jobs (task_id, modified_at);

CREATE TABLE fastlane_tasks (
  id integer primary key,
  name text not null unique,
  created_at integer not null,
  modified_at integer not null
) strict;

CREATE TRIGGER fastlane_tasks_text_delete after delete on fastlane_tasks begin
  insert into fastlane_tasks_text (fastlane_tasks_text, rowid, name) values ('delete', old.id, old.name);
end;

CREATE TRIGGER fastlane_tasks_text_insert after insert on fastlane_tasks begin
  insert into fastlane_tasks_text (rowid, name) values (new.id, new.name);
end;

CREATE VIRTUAL TABLE fastlane_tasks_text using fts5 (name, content='fastlane_tasks', content_rowid='id', tokenize='porter unicode61');

CREATE TABLE 'fastlane_tasks_text_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'fastlane_tasks_text_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'fastlane_tasks_text_docsize'(id INTEGER PRIMARY KEY, sz BLOB);

CREATE TABLE 'fastlane_tasks_text_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE frames (
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
  created_at integer not null, light integer not null default 0, preview_problem text not null default '', check_state text, check_reason text not null default '', kept integer not null default 0, side integer not null default 0, view text not null default '', sha256 text, modified_at integer, flat integer, same_as_before integer,
  unique (job_id, path)
) strict;

CREATE INDEX frames_by_job on frames (job_id, frame);

CREATE INDEX frames_by_task on frames (task_id, frame);

CREATE INDEX frames_newest on frames (created_at);

CREATE INDEX frames_shown on frames (job_id, created_at) where preview = 'ready';

CREATE INDEX frames_unseen on frames (id) where preview = 'none';

CREATE TRIGGER frames_count_insert after insert on frames begin
  update jobs set frame_count = frame_count + 1 where id = new.job_id;
end;

CREATE TABLE job_blocks (
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  kind text not null,
  at integer not null,
  primary key (job_id, worker_id, kind)
) strict, without rowid;

CREATE TABLE job_completions (
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  kind text not null,
  tasks integer not null,
  primary key (job_id, worker_id, kind)
) strict, without rowid;

CREATE TABLE job_dependencies (
  job_id integer not null references jobs (id) on delete cascade,
  depends_on_id integer not null references jobs (id) on delete cascade,
  primary key (job_id, depends_on_id)
) strict, without rowid;

CREATE INDEX job_dependents on job_dependencies (depends_on_id);

CREATE TABLE job_limits (
  job_id integer not null references jobs (id) on delete cascade,
  limit_id integer not null references limits (id) on delete cascade,
  primary key (job_id, limit_id)
) strict, without rowid;

CREATE TABLE job_notifications (
  job_id integer primary key references jobs (id) on delete cascade,
  rules text not null
) strict;

CREATE TABLE jobs (
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
, watched integer not null default 0, keep_whole integer not null default 0, warning_count integer not null default 0, first_failure text, max_tasks integer, owner_id text not null default '', admin_rights integer not null default 0, submitted_with text not null default '', results_root text, storage_roots text) strict;

CREATE UNIQUE INDEX jobs_by_client_id on jobs (namespace_id, origin, client_id) where client_id is not null and deleted_at is null;

CREATE INDEX jobs_by_created on jobs (created_at) where deleted_at is null;

CREATE UNIQUE INDEX jobs_by_id_tail on jobs (substr(public_id, 10));

CREATE INDEX jobs_by_status on jobs (status, created_at) where deleted_at is null;

CREATE INDEX jobs_deleted on jobs (deleted_at) where deleted_at is not null;

CREATE INDEX jobs_listing on jobs (created_at, status, priority, type, project, owner, origin, tag_id, name, public_id, deleted_at) where deleted_at is null;

CREATE INDEX jobs_recount_due on jobs (id) where recount_due = 1;

CREATE INDEX jobs_warned on jobs (id) where warning_count > 0;

CREATE TRIGGER colonies_job_deleted after update of deleted_at on jobs when new.origin = 'colonies' and (new.deleted_at is null) <> (old.deleted_at is null) begin
  update colonies_processes set state = case when new.deleted_at is not null then null else
      (select case t.status when 'active' then 1 when 'completed' then 2 when 'failed' then 3
         when 'canceled' then iif(new.status = 'failed', 3, 4) else 0 end from tasks t where t.id = task_id) end
    where job_id = new.id;
end;

CREATE TRIGGER jobs_text_delete after delete on jobs begin
  insert into jobs_text (jobs_text, rowid, name, type, owner, project) values ('delete', old.id, old.name, old.type, old.owner, old.project);
end;

CREATE TRIGGER jobs_text_insert after insert on jobs begin
  insert into jobs_text (rowid, name, type, owner, project) values (new.id, new.name, new.type, new.owner, new.project);
end;

CREATE TRIGGER jobs_text_update after update of name, type, owner, project on jobs begin
  insert into jobs_text (jobs_text, rowid, name, type, owner, project) values ('delete', old.id, old.name, old.type, old.owner, old.project);
  insert into jobs_text (rowid, name, type, owner, project) values (new.id, new.name, new.type, new.owner, new.project);
end;

CREATE VIRTUAL TABLE jobs_text using fts5 (name, type, owner, project, content='jobs', content_rowid='id', tokenize='trigram');

CREATE TABLE 'jobs_text_config'(k PRIMARY KEY, v) WITHOUT ROWID;

CREATE TABLE 'jobs_text_data'(id INTEGER PRIMARY KEY, block BLOB);

CREATE TABLE 'jobs_text_docsize'(id INTEGER PRIMARY KEY, sz BLOB);

CREATE TABLE 'jobs_text_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID;

CREATE TABLE join_codes (
  id integer primary key,
  public_id text not null unique,
  label text not null,
  secret_hash text not null unique,
  created_at integer not null,
  created_by text not null,
  created_by_id text not null,
  expires_at integer not null,
  max_uses integer not null,
  uses integer not null default 0,
  revoked_at integer
);

CREATE TABLE lanes (
  id integer primary key,
  namespace_id integer not null default 1 references namespaces (id),
  kind text not null,
  name text not null,
  concurrency integer not null,
  ordered integer not null,
  unique (namespace_id, kind, name)
) strict;

CREATE TABLE limits (
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

CREATE TABLE log_chunks (
  attempt_id integer not null,
  position integer not null,
  bytes integer not null,
  first_line integer not null,
  lines integer not null,
  segment_id integer not null,
  segment_offset integer not null,
  runs text not null, checksum integer,
  primary key (attempt_id, position)
) strict, without rowid;

CREATE INDEX log_chunks_by_segment on log_chunks (segment_id);

CREATE TRIGGER log_chunks_count after insert on log_chunks begin
  insert into log_segments (id, bytes, live_bytes) values (new.segment_id, new.bytes, new.bytes)
  on conflict (id) do update set bytes = bytes + excluded.bytes, live_bytes = live_bytes + excluded.bytes;
end;

CREATE TABLE log_segments (
  id integer primary key,
  bytes integer not null,
  live_bytes integer not null
) strict;

CREATE TABLE machine_samples (
  machine_id integer not null references machines (id) on delete cascade,
  at integer not null,
  cpu real,
  memory real,
  gpu real,
  primary key (machine_id, at)
) strict, without rowid;

CREATE TABLE machines (
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

CREATE TABLE namespaces (
  id integer primary key,
  name text not null unique
) strict;

CREATE TABLE outbox (
  id integer primary key,
  kind text not null,
  payload text not null,
  tries integer not null default 0,
  next_at integer not null,
  created_at integer not null,
  done_at integer,
  error text
) strict;

CREATE INDEX outbox_done on outbox (done_at) where done_at is not null;

CREATE INDEX outbox_due on outbox (next_at) where done_at is null;

CREATE TABLE output_claims (
  job_id integer primary key references jobs (id) on delete cascade,
  -- The folder as it was found to be, slashes forward, letters small: equal for paths that may be one folder.
  folder_key text not null,
  folder text not null,
  -- What its files are called, small letters; empty when nobody knows.
  files text not null,
  -- Its frames as they were written; null when it has none, or nobody knows.
  frames text
) strict;

CREATE INDEX output_claims_by_folder on output_claims (folder_key);

CREATE TABLE registry_credentials (
  registry text primary key,
  username text not null,
  secret text not null,
  updated_at integer not null
) strict;

CREATE TABLE result_files (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  path text not null,
  bytes integer not null,
  sha256 text,
  task_id integer not null references tasks (id) on delete cascade,
  attempt_id integer not null,
  seq integer,
  received_at integer,
  unique (job_id, path)
);

CREATE INDEX result_files_awaited on result_files (job_id) where seq is null;

CREATE INDEX result_files_by_arrival on result_files (job_id, seq) where seq is not null;

CREATE TABLE schedule_firings (
  id integer primary key,
  schedule_id integer not null references schedules (id) on delete cascade,
  number integer,
  due_at integer not null,
  fired_at integer not null,
  cause text not null,
  outcome text not null,
  reason text not null default '',
  count integer not null default 1,
  job_id integer references jobs (id) on delete set null,
  -- The tasks that it added to the job, by index; null when the whole job is its work.
  first_task integer,
  last_task integer
) strict;

CREATE INDEX schedule_firings_by_job on schedule_firings (job_id);

CREATE INDEX schedule_firings_by_schedule on schedule_firings (schedule_id, id);

CREATE INDEX schedule_firings_waiting on schedule_firings (schedule_id) where outcome = 'waiting';

CREATE TABLE schedules (
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
  created_at integer not null,
  deleted_at integer
, missed_limit integer not null default 10, fired integer not null default 0, updated_at integer not null default 0, owner_id text not null default '', admin_rights integer not null default 0, hold_reason text not null default '') strict;

CREATE UNIQUE INDEX schedules_by_client_id on schedules (namespace_id, origin, client_id) where client_id is not null and deleted_at is null;

CREATE INDEX schedules_due on schedules (next_at) where state = 'active' and deleted_at is null;

CREATE TABLE sessions (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  worker_id integer not null,
  phase text not null,
  key text not null,
  opened_at integer not null,
  closed_at integer,
  detail text
, public_id text, kind text not null default '', tasks integer not null default 0, frames integer not null default 0, memory_bytes integer not null default 0) strict;

CREATE INDEX sessions_by_job on sessions (job_id, id);

CREATE INDEX sessions_open on sessions (worker_id) where closed_at is null;

CREATE UNIQUE INDEX sessions_public_id on sessions (public_id);

CREATE TABLE settings (
  key text primary key,
  value text not null,
  updated_at integer not null
) strict, without rowid;

CREATE TABLE sleep_schedules (
  worker_id integer primary key references workers (id) on delete cascade,
  is_active integer not null,
  days text not null,
  start_time text not null,
  end_time text not null,
  next_check integer
) strict;

CREATE TABLE task_dependencies (
  task_id integer not null references tasks (id) on delete cascade,
  depends_on_id integer not null references tasks (id) on delete cascade,
  primary key (task_id, depends_on_id)
) strict, without rowid;

CREATE INDEX task_dependents on task_dependencies (depends_on_id);

CREATE TABLE task_failures (
  task_id integer not null references tasks (id) on delete cascade,
  worker_id integer not null,
  job_id integer not null,
  kind text not null,
  at integer not null,
  primary key (task_id, worker_id)
) strict, without rowid;

CREATE INDEX task_failures_by_job on task_failures (job_id, worker_id, kind);

CREATE TABLE task_group_dependencies (
  task_id integer not null references tasks (id) on delete cascade,
  group_id integer not null references task_groups (id) on delete cascade,
  primary key (task_id, group_id)
) strict, without rowid;

CREATE INDEX task_group_dependents on task_group_dependencies (group_id);

CREATE TABLE task_groups (
  id integer primary key,
  job_id integer not null references jobs (id) on delete cascade,
  remaining integer not null
) strict;

CREATE INDEX task_groups_by_job on task_groups (job_id);

CREATE TABLE task_inputs (
  task_id integer primary key references tasks (id) on delete cascade,
  sha text not null,
  size integer not null
) strict;

CREATE INDEX task_inputs_by_content on task_inputs (sha, size);

CREATE TABLE task_kept_off (
  task_id integer not null references tasks (id) on delete cascade,
  worker_id integer not null,
  job_id integer not null,
  at integer not null,
  primary key (task_id, worker_id)
) strict, without rowid;

CREATE INDEX task_kept_off_by_job on task_kept_off (job_id);

CREATE TABLE tasks (
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
, rerun text, optional integer not null default 0) strict;

CREATE INDEX tasks_active on tasks (job_id) where status = 'active';

CREATE INDEX tasks_by_group on tasks (group_id) where group_id is not null;

CREATE UNIQUE INDEX tasks_by_job on tasks (job_id, idx);

CREATE INDEX tasks_failed on tasks (job_id, idx) where status in ('failed', 'soft-failed');

CREATE INDEX tasks_ready on tasks (job_id, kind, order_key) where unmet = 0 and status in ('queued', 'soft-failed');

CREATE INDEX tasks_start_by on tasks (start_by) where start_by is not null and status in ('queued', 'soft-failed');

CREATE TRIGGER actor_executions_add after insert on tasks when new.kind in ('actor', 'actor-privileged') and new.input is not null
begin
  insert into actor_executions (task_id, actor_key, number, executor, status, received_at)
  select new.id, a.id, new.idx, new.input->>'$.executor', 'SUBMITTED', new.updated_at
  from actors a where a.job_key = new.job_id and new.input->>'$.executor' is not null;
end;

CREATE TRIGGER actor_executions_follow after update of status on tasks when new.kind in ('actor', 'actor-privileged') and new.status <> old.status
begin
  update actor_executions set
    status = case new.status when 'active' then 'RUNNING' when 'completed' then 'COMPLETE' when 'failed' then 'ERROR' when 'canceled' then 'ERROR' else 'SUBMITTED' end,
    started_at = case when new.status = 'canceled' and old.status <> 'active' then null when new.status in ('queued', 'soft-failed', 'paused') then null else new.started_at end,
    finished_at = case when new.status in ('completed', 'failed', 'canceled') then coalesce(new.finished_at, new.updated_at) else null end
  where task_id = new.id;
end;

CREATE TRIGGER colonies_task_failed after update of status on tasks when new.status = 'failed' and old.status <> 'failed'
    and exists (select 1 from colonies_processes where task_id = new.id and children <> '[]') begin
  update colonies_processes set state = 3 where state = 0 and task_id in (
    with recursive below (id) as (
      select new.id
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below where id <> new.id
  );
end;

CREATE TRIGGER colonies_task_revived after update of status on tasks when old.status = 'failed' and new.status <> 'failed'
    and exists (select 1 from colonies_processes where task_id = new.id and children <> '[]') begin
  update colonies_processes set state = 0 where state = 3
    and (select status from tasks where id = task_id) not in ('active', 'completed', 'failed', 'canceled') and task_id in (
    with recursive below (id) as (
      select new.id
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below where id <> new.id
  );
  update colonies_processes set state = 3 where state = 0 and task_id in (
    with recursive below (id) as (
      select id from tasks where job_id = new.job_id and status = 'failed'
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below
  );
end;

CREATE TRIGGER colonies_task_status after update of status on tasks when new.status <> old.status begin
  update colonies_processes set state = case new.status
      when 'active' then 1 when 'completed' then 2 when 'failed' then 3
      when 'canceled' then iif(state = 3 or (select status from jobs where id = new.job_id) = 'failed', 3, 4)
      else iif(old.status in ('active', 'completed', 'failed', 'canceled'), 0, state) end
    where task_id = new.id and state is not null;
end;

CREATE TRIGGER warnings_requeued after update of status on tasks when new.status = 'queued' and old.status <> 'queued'
begin
  delete from warnings where task_id = new.id;
end;

CREATE TABLE tokens (
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
, creator_id text not null default '', parent_id integer, creator_user_id integer) strict;

CREATE INDEX tokens_by_parent on tokens (parent_id) where parent_id is not null;

CREATE TABLE users (
  id integer primary key,
  public_id text not null unique,
  name text not null unique,
  role text not null,
  password_hash text,
  created_at integer not null,
  deleted_at integer
, disabled_at integer) strict;

CREATE TABLE warnings (
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

CREATE INDEX warnings_by_task on warnings (task_id);

CREATE UNIQUE INDEX warnings_once on warnings (job_id, code, text, coalesce(task_id, 0));

CREATE TRIGGER warnings_count_delete after delete on warnings
  when not exists (select 1 from warnings w where w.job_id = old.job_id and w.code = old.code and w.text = old.text)
begin
  update jobs set warning_count = warning_count - 1 where id = old.job_id;
end;

CREATE TRIGGER warnings_count_insert after insert on warnings
  when not exists (select 1 from warnings w where w.job_id = new.job_id and w.code = new.code and w.text = new.text and w.id <> new.id)
begin
  update jobs set warning_count = warning_count + 1 where id = new.job_id;
end;

CREATE TABLE worker_tag_members (
  worker_id integer not null references workers (id) on delete cascade,
  tag_id integer not null references worker_tags (id) on delete cascade,
  primary key (worker_id, tag_id)
) strict, without rowid;

CREATE TABLE worker_tags (
  id integer primary key,
  public_id text not null unique,
  name text not null unique,
  description text not null default ''
) strict;

CREATE TABLE workers (
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
, folders text not null default '[]', allowed_folders text not null default '[]', person text not null default '', is_renamed integer not null default 0) strict;
