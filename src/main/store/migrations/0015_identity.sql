-- Who owns, made and did something goes by an id that nobody can choose; names beside it are labels.
-- Such an id is 'user:<public id>', 'token:<public id>', 'worker:<public id>', 'local' (the owner at the manager's machine), 'lan'
-- (anyone, while the farm is open to the network), or 'legacy:<name>': what an older version stored and no one of today answers to.

-- admin_rights: whether its submitter was an administrator when it was submitted; lowered by whoever changes its commands with less.
-- submitted_with: the public id of the token that it came by; empty where there was none.
alter table jobs add column owner_id text not null default '';
alter table jobs add column admin_rights integer not null default 0;
alter table jobs add column submitted_with text not null default '';

-- hold_reason: why the farm itself paused it (its owner is gone); empty otherwise.
alter table schedules add column owner_id text not null default '';
alter table schedules add column admin_rights integer not null default 0;
alter table schedules add column hold_reason text not null default '';

-- A token ends with the token that made it (parent_id) and with the user who made it (creator_user_id).
alter table tokens add column creator_id text not null default '';
alter table tokens add column parent_id integer;
alter table tokens add column creator_user_id integer;
create index tokens_by_parent on tokens (parent_id) where parent_id is not null;

-- token_id: the public id of the token that a change came by; null where there was none.
alter table audit add column actor_id text not null default '';
alter table audit add column token_id text;

-- Names of before, where exactly one that was there already answers to them. What came after its namesake was removed is not its.
create temporary table identities as
  select 'user:' || name as label, 'user:' || public_id as id, role = 'admin' as is_admin, created_at as since, id as user_id, null as token_id
    from users where deleted_at is null
  union all
  select t.kind || ':' || t.name, 'token:' || t.public_id,
      t.role = 'admin' and t.revoked_at is null and (t.expires_at is null or t.expires_at > unixepoch() * 1000), t.created_at, null, t.id
    from tokens t where t.user_id is null and t.kind in ('token', 'key')
      and not exists (select 1 from tokens o where o.kind = t.kind and o.name = t.name and o.user_id is null and o.id <> t.id)
  union all
  select label, label, label = 'local', 0, null, null from (select 'local' as label union all select 'lan');

update jobs set
  owner_id = coalesce((select i.id from identities i where i.label = jobs.owner and i.since <= jobs.created_at), 'legacy:' || owner),
  admin_rights = coalesce((select i.is_admin from identities i where i.label = jobs.owner and i.since <= jobs.created_at), 0);

update schedules set
  owner_id = coalesce((select i.id from identities i where i.label = schedules.owner and i.since <= schedules.created_at), 'legacy:' || owner),
  admin_rights = coalesce((select i.is_admin from identities i where i.label = schedules.owner and i.since <= schedules.created_at), 0);

-- Only living makers are followed: what outlived its maker before today goes on.
update tokens set
  creator_id = coalesce(
    (select i.id from identities i where i.label = tokens.created_by and i.since <= tokens.created_at and i.token_id is not tokens.id),
    iif(created_by in ('first start', ''), 'local', 'legacy:' || created_by)),
  creator_user_id = (select i.user_id from identities i where i.label = tokens.created_by and i.since <= tokens.created_at),
  parent_id = (select i.token_id from identities i join tokens p on p.id = i.token_id
    where i.label = tokens.created_by and p.id < tokens.id and p.revoked_at is null
      and (p.expires_at is null or p.expires_at > unixepoch() * 1000));

update audit set actor_id = coalesce(
  (select i.id from identities i where i.label = audit.actor and i.since <= audit.at),
  iif(actor like 'worker:%' or actor in ('nobody', 'manager'), actor, 'legacy:' || actor));

drop table identities;
create index audit_by_actor on audit (actor_id, id);
