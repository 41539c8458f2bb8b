-- Owners of contents of the file store, beside checkouts, whose links lie in the file system.
create table content_links (
  owner text not null,
  sha256 text not null,
  bytes integer not null,
  primary key (owner, sha256)
) without rowid;
create index content_links_by_content on content_links (sha256);

-- Files of a checkout that only some frames need: a worker fetches those of its task.
create table checkout_frames (
  checkout_id text not null,
  path text not null,
  frame integer not null,
  primary key (checkout_id, path, frame)
) without rowid;

-- Set for a job whose workers need no shared storage: the folder, in the manager's notation, that its results come home to.
alter table jobs add column results_root text;

-- Files that workers send home, by their path below the job's root. Those that are announced have no hash yet; `seq` grows with each
-- that arrives, so that a reader asks for what came since.
create table result_files (
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
create index result_files_by_arrival on result_files (job_id, seq) where seq is not null;
create index result_files_awaited on result_files (job_id) where seq is null;
