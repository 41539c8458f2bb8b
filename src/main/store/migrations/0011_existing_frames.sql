-- What is known of a rendered file beyond its name. check_state: 'whole', 'unchecked' or 'damaged'; null: nobody looked (an older
-- worker). kept: it was there before the attempt and was kept. side: written by a File Output node or the like, never counted
-- for what a task promised. modified_at: milliseconds, as the file system says.
alter table frames add column check_state text;
alter table frames add column check_reason text not null default '';
alter table frames add column kept integer not null default 0;
alter table frames add column side integer not null default 0;
alter table frames add column view text not null default '';
alter table frames add column sha256 text;
alter table frames add column modified_at integer;
create index frames_by_task on frames (task_id, frame);

-- What the attempt's files were made from (JSON, shared/schemas/existing.ts): a retry keeps only what was made from the same.
alter table attempts add column inputs text;
-- What the attempt's worker reported at its end (JSON), while its files are still being looked at.
alter table attempts add column claim text;

-- How the task was requeued by a person last (JSON): attempts up to `from` are history, their files are not kept. `keepWhole`: files that
-- are whole are kept, whoever made them. `frames`: only these are rendered. Null: it never was.
alter table tasks add column rerun text;

-- "Keep whole frames" of the job.
alter table jobs add column keep_whole integer not null default 0;
