-- What the check of a frame's pixels found: 0 ordinary, 1 one colour, 2 all black; null where nobody could look.
alter table frames add column flat integer;
-- The same, and the size, of the file that another attempt made of the frame before: the same picture twice is accepted.
alter table frames add column earlier_flat integer;
alter table frames add column earlier_bytes integer;
create trigger frames_keep_earlier after update of attempt_id on frames when new.attempt_id <> old.attempt_id begin
  update frames set earlier_flat = old.flat, earlier_bytes = old.bytes where id = new.id;
end;
