-- Searches are always over the executions of certain actors: what they ask for stands behind the actor.
drop index actor_executions_by_received;
drop index actor_executions_by_start;
create index actor_executions_by_received on actor_executions (actor_key, received_at);
create index actor_executions_by_start on actor_executions (actor_key, started_at);
create index actor_executions_by_executor on actor_executions (actor_key, executor);
create index actor_executions_by_exit_code on actor_executions (actor_key, exit_code);
-- The newest index is the one that SQLite takes where several are as good: this one is in the order of the rows.
drop index actor_executions_by_actor;
create unique index actor_executions_by_actor on actor_executions (actor_key, number);
