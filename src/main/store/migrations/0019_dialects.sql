-- Each dialect's tables have a series of migrations of their own: how far each has come.
create table dialect_versions (
  dialect text primary key,
  version integer not null
) strict;

-- The words that hide values are the farm's, not a dialect's.
update settings set key = 'hiddenWords' where key = 'fastlaneHiddenWords';
