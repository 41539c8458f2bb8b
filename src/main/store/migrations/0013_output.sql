-- Which job writes to which folder: no two share one by accident.
create table output_claims (
  job_id integer primary key references jobs (id) on delete cascade,
  -- The folder as it was found to be, slashes forward, letters small: equal for paths that may be one folder.
  folder_key text not null,
  folder text not null,
  -- What its files are called, small letters; empty when nobody knows.
  files text not null,
  -- Its frames as they were written; null when it has none, or nobody knows.
  frames text
) strict;
create index output_claims_by_folder on output_claims (folder_key);

insert into output_claims (job_id, folder_key, folder, files, frames)
  select id, lower(rtrim(replace(output_dir, '\', '/'), '/')), output_dir, '',
    iif(json_type(settings, '$.frames') = 'text', json_extract(settings, '$.frames'), null)
  from jobs where output_dir is not null and output_dir not like '{%';
