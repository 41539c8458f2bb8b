-- Schedules: how far each is, and what every firing did -----------------------------------------------------------

-- trigger and template are JSON texts (engine/schedules/scheduleEngine.ts); state: active, paused, ended.
alter table schedules add column missed_limit integer not null default 10;
-- Firings that did something; the next one has this number plus one.
alter table schedules add column fired integer not null default 0;
alter table schedules add column updated_at integer not null default 0;
alter table schedules drop column last_job_id;

-- Written in the transaction of what the firing does. outcome: submitted, grown, waiting, skipped, missed, failed.
create table schedule_firings (
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
create index schedule_firings_by_schedule on schedule_firings (schedule_id, id);
create index schedule_firings_by_job on schedule_firings (job_id);
create index schedule_firings_waiting on schedule_firings (schedule_id) where outcome = 'waiting';
