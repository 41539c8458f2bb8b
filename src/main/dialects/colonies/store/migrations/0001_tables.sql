-- Colonies: tenants with users and executors. Times are milliseconds since the epoch.
create table colonies_colonies (
  id integer primary key,
  name text not null unique,
  owner_id text not null,
  paused integer not null default 0,
  built_in integer not null default 0,
  created_at integer not null
) strict;

create table colonies_users (
  id integer primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  user_id text not null,
  name text not null,
  email text not null,
  phone text not null,
  unique (colony_id, name)
) strict;

-- `replaced` 1: another registration took over its name; kept, because what it ran names it.
create table colonies_executors (
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
create unique index colonies_executors_by_name on colonies_executors (colony_id, name) where replaced = 0;
create index colonies_executors_by_worker on colonies_executors (worker_id);

-- Conditions beyond the executor type: each set that occurs is a kind of task of its own.
create table colonies_queues (
  kind text primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  conditions text not null
) strict, without rowid;

-- `state` is the protocol's number, null while its job is deleted. Parents and children: task indices in the same job.
create table colonies_processes (
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
create index colonies_processes_by_job on colonies_processes (job_id);
create index colonies_processes_by_state on colonies_processes (colony_id, state, submitted_at);

create table colonies_graphs (
  job_id integer primary key references jobs (id) on delete cascade,
  colony_id integer not null,
  initiator_id text not null,
  initiator_name text not null,
  submitted_at integer not null,
  cron_id integer
) strict;
create index colonies_graphs_by_colony on colonies_graphs (colony_id, submitted_at);

-- How many processes of a colony are in each state.
create table colonies_counts (
  colony_id integer not null,
  state integer not null,
  n integer not null,
  primary key (colony_id, state)
) strict, without rowid;

create trigger colonies_processes_added after insert on colonies_processes when new.state is not null begin
  insert into colonies_counts (colony_id, state, n) values (new.colony_id, new.state, 1)
  on conflict do update set n = n + 1;
end;
create trigger colonies_processes_removed after delete on colonies_processes when old.state is not null begin
  update colonies_counts set n = n - 1 where colony_id = old.colony_id and state = old.state;
end;
create trigger colonies_processes_moved after update of state on colonies_processes when old.state is not new.state begin
  update colonies_counts set n = n - 1 where colony_id = old.colony_id and state = old.state;
  insert into colonies_counts (colony_id, state, n) select new.colony_id, new.state, 1 where new.state is not null
  on conflict do update set n = n + 1;
end;

-- What the engine calls a task's status, as the protocol's number. A task that the failure of its job canceled has failed.
create trigger colonies_task_status after update of status on tasks when new.status <> old.status begin
  update colonies_processes set state = case new.status
      when 'active' then 1 when 'completed' then 2 when 'failed' then 3
      when 'canceled' then iif((select status from jobs where id = new.job_id) = 'failed', 3, 4) else 0 end
    where task_id = new.id and state is not null;
end;
create trigger colonies_job_deleted after update of deleted_at on jobs when new.origin = 'colonies' and (new.deleted_at is null) <> (old.deleted_at is null) begin
  update colonies_processes set state = case when new.deleted_at is not null then null else
      (select case t.status when 'active' then 1 when 'completed' then 2 when 'failed' then 3
         when 'canceled' then iif(new.status = 'failed', 3, 4) else 0 end from tasks t where t.id = task_id) end
    where job_id = new.id;
end;

create table colonies_attributes (
  id text primary key,
  task_id integer not null references tasks (id) on delete cascade,
  key text not null,
  value text not null,
  type integer not null
) strict, without rowid;
create index colonies_attributes_by_task on colonies_attributes (task_id);

-- `at` and `part` together are the timestamp in nanoseconds: `at` milliseconds, `part` what is beyond them.
create table colonies_logs (
  id integer primary key,
  colony_id integer not null,
  task_id integer references tasks (id) on delete cascade,
  executor_name text not null,
  message text not null,
  at integer not null,
  part integer not null
) strict;
create index colonies_logs_by_task on colonies_logs (task_id, at, part) where task_id is not null;
create index colonies_logs_by_executor on colonies_logs (colony_id, executor_name, at, part);

create table colonies_functions (
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

create table colonies_crons (
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

create table colonies_generators (
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
create table colonies_packs (
  id integer primary key,
  generator_id integer not null references colonies_generators (id) on delete cascade,
  arg text not null
) strict;
create index colonies_packs_by_generator on colonies_packs (generator_id, id);

create table colonies_files (
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

create table colonies_snapshots (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  label text not null,
  name text not null,
  file_ids text not null,
  added_at integer not null,
  unique (colony_id, name)
) strict;

-- Sequences are texts: they are integers of 64 bits.
create table colonies_entries (
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
create index colonies_entries_by_channel on colonies_entries (task_id, channel, id);

create table colonies_definitions (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  kind text not null,
  body text not null,
  unique (colony_id, name)
) strict;
create table colonies_blueprints (
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
create table colonies_history (
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
create index colonies_history_by_blueprint on colonies_history (blueprint_id, id);

create table colonies_locations (
  id integer primary key,
  public_id text not null unique,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  description text not null,
  long real not null,
  lat real not null,
  unique (colony_id, name)
) strict;
