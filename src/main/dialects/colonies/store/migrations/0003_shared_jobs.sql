-- Jobs that single processes share. `open` 1: the next process of its kind joins it.
create table colonies_jobs (
  job_id integer primary key references jobs (id) on delete cascade,
  colony_id integer not null,
  kind text not null,
  open integer not null default 1
) strict;
create index colonies_jobs_by_colony on colonies_jobs (colony_id);
