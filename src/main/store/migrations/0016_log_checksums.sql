-- CRC-32 of a chunk's bytes in its segment; null for what was written before there were any.
alter table log_chunks add column checksum integer;
