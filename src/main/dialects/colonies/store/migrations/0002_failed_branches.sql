-- What depends on a failed process has failed as well, at once; its task is canceled later, when its job ends. Changes
-- from one kind of waiting to another keep that.
drop trigger colonies_task_status;
create trigger colonies_task_status after update of status on tasks when new.status <> old.status begin
  update colonies_processes set state = case new.status
      when 'active' then 1 when 'completed' then 2 when 'failed' then 3
      when 'canceled' then iif(state = 3 or (select status from jobs where id = new.job_id) = 'failed', 3, 4)
      else iif(old.status in ('active', 'completed', 'failed', 'canceled'), 0, state) end
    where task_id = new.id and state is not null;
end;

create trigger colonies_task_failed after update of status on tasks when new.status = 'failed' and old.status <> 'failed'
    and exists (select 1 from colonies_processes where task_id = new.id and children <> '[]') begin
  update colonies_processes set state = 3 where state = 0 and task_id in (
    with recursive below (id) as (
      select new.id
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below where id <> new.id
  );
end;

-- It runs again: what depends on it waits again, unless something else that it depends on has failed.
create trigger colonies_task_revived after update of status on tasks when old.status = 'failed' and new.status <> 'failed'
    and exists (select 1 from colonies_processes where task_id = new.id and children <> '[]') begin
  update colonies_processes set state = 0 where state = 3
    and (select status from tasks where id = task_id) not in ('active', 'completed', 'failed', 'canceled') and task_id in (
    with recursive below (id) as (
      select new.id
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below where id <> new.id
  );
  update colonies_processes set state = 3 where state = 0 and task_id in (
    with recursive below (id) as (
      select id from tasks where job_id = new.job_id and status = 'failed'
      union
      select t.id from below b join colonies_processes p on p.task_id = b.id join json_each(p.children) c
        join tasks t on t.job_id = new.job_id and t.idx = c.value
    )
    select id from below
  );
end;
