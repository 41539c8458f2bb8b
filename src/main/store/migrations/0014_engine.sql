-- What failed first since the job was last requeued, with a telling line of its log; tasks of a job that may run at once.
alter table jobs add column first_failure text;
alter table jobs add column max_tasks integer;
-- Who completed how many of a job's tasks: to judge a worker by what others made of the same tasks.
create index tasks_done on tasks (job_id, kind, worker_id) where status = 'completed';
