-- S3: keys of members, buckets, objects. An object's bytes are contents of the file store, one for each part that it was sent in.
-- `secret` is sealed with the data folder's key. The key counts as long as the member belongs to the colony.
create table colonies_s3_keys (
  access_key text primary key,
  secret text not null,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  member_id text not null,
  member_name text not null,
  created_at integer not null
) strict, without rowid;

create table colonies_s3_buckets (
  id integer primary key,
  colony_id integer not null references colonies_colonies (id) on delete cascade,
  name text not null,
  created_at integer not null,
  unique (colony_id, name)
) strict;

-- Keys are bytes: they are listed in the order of their UTF-8. `headers`: what a reader gets them with, JSON by name.
create table colonies_s3_objects (
  id integer primary key,
  bucket_id integer not null references colonies_s3_buckets (id) on delete cascade,
  key blob not null,
  size integer not null,
  etag text not null,
  headers text not null,
  checksum text,
  modified_at integer not null,
  unique (bucket_id, key)
) strict;
create table colonies_s3_pieces (
  object_id integer not null references colonies_s3_objects (id) on delete cascade,
  position integer not null,
  sha256 text not null,
  bytes integer not null,
  primary key (object_id, position)
) strict, without rowid;

create table colonies_s3_uploads (
  id integer primary key,
  public_id text not null unique,
  bucket_id integer not null references colonies_s3_buckets (id) on delete cascade,
  key blob not null,
  headers text not null,
  checksum_algorithm text,
  checksum_type text,
  created_at integer not null
) strict;
create index colonies_s3_uploads_by_bucket on colonies_s3_uploads (bucket_id, key, id);
create table colonies_s3_parts (
  id integer primary key,
  upload_id integer not null references colonies_s3_uploads (id) on delete cascade,
  number integer not null,
  sha256 text not null,
  bytes integer not null,
  etag text not null,
  checksum text,
  modified_at integer not null,
  unique (upload_id, number)
) strict;

-- What objects and parts hold is no garbage of the file store.
create trigger colonies_s3_piece_added after insert on colonies_s3_pieces begin
  insert or ignore into content_links (owner, sha256, bytes) values ('colonies-s3-object:' || new.object_id, new.sha256, new.bytes);
end;
create trigger colonies_s3_object_removed after delete on colonies_s3_objects begin
  delete from content_links where owner = 'colonies-s3-object:' || old.id;
end;
create trigger colonies_s3_part_added after insert on colonies_s3_parts begin
  insert into content_links (owner, sha256, bytes) values ('colonies-s3-part:' || new.id, new.sha256, new.bytes);
end;
create trigger colonies_s3_part_removed after delete on colonies_s3_parts begin
  delete from content_links where owner = 'colonies-s3-part:' || old.id;
end;
