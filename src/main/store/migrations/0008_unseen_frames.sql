-- Frames that nobody has made a preview of yet: looked through now and then for those whose worker never will.
create index frames_unseen on frames (id) where preview = 'none';
