-- Codes by which machines join without approval. Of a code's secret only the hash is stored.
create table join_codes (
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
-- Who asked to join from a worker's machine, and whether an admin named the worker.
alter table workers add column person text not null default '';
alter table workers add column is_renamed integer not null default 0;
