-- Who is told when work ends.

-- Bits: 1 an outbox entry when the job ends, 2 one when a task of it ends (kind '<origin>:task-ended').
alter table jobs add column watched integer not null default 0;

-- Whom a job's submitter wants told: a JSON array (shared/schemas/notify.ts).
create table job_notifications (
  job_id integer primary key references jobs (id) on delete cascade,
  rules text not null
) strict;

create index outbox_done on outbox (done_at) where done_at is not null;
