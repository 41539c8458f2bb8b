-- A frame rendered again is the newest one, and keeps its row: age is a time, not an id.
drop index frames_shown;
create index frames_shown on frames (job_id, created_at) where preview = 'ready';
