-- Why a frame has no preview, in the words of the worker that tried to make one; empty otherwise.
alter table frames add column preview_problem text not null default '';

-- A user who may not log in for now; tokens made in the user's name do not count meanwhile.
alter table users add column disabled_at integer;
