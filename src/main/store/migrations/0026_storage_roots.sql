-- The storage roots that a job reads or writes (JSON list of names); its tasks go only to workers that have proven them. Null: none.
alter table jobs add column storage_roots text;
