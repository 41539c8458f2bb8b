-- Set while its worker is asked to stop it, so that a manager that starts asks again.
alter table actor_executions add column halted integer not null default 0;
create index actor_executions_halted on actor_executions (actor_key, number) where halted = 1;
create trigger actor_executions_unhalt after update of status on actor_executions when new.halted = 1 and new.status <> 'RUNNING'
begin
  update actor_executions set halted = 0 where task_id = new.task_id;
end;

-- Searches by it are common.
create index actor_executions_by_runtime on actor_executions (actor_key, runtime);
-- The newest index is the one that SQLite takes where several are as good (0002_search.sql).
drop index actor_executions_by_actor;
create unique index actor_executions_by_actor on actor_executions (actor_key, number);
