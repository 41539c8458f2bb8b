-- Whether a frame that was rendered once more shows the same as before: its pixels are compared with the file that it replaced. Null: nobody
-- compared them. Sizes and single facts, which were kept for this until now, said too little.
drop trigger frames_keep_earlier;
alter table frames drop column earlier_flat;
alter table frames drop column earlier_bytes;
alter table frames add column same_as_before integer;
