-- What a worker reports of an application that it keeps open. `key` of 0001 was to say what two tasks must have in common,
-- which only the worker knows; it holds the title that people see.
alter table sessions add column public_id text;
alter table sessions add column kind text not null default '';
alter table sessions add column tasks integer not null default 0;
alter table sessions add column frames integer not null default 0;
alter table sessions add column memory_bytes integer not null default 0;
create unique index sessions_public_id on sessions (public_id);
create index sessions_by_job on sessions (job_id, id);
create index sessions_open on sessions (worker_id) where closed_at is null;
