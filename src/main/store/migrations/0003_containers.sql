-- Credentials of container registries. The password is sealed with a key that lies beside the database, not in it.
create table registry_credentials (
  registry text primary key,
  username text not null,
  secret text not null,
  updated_at integer not null
) strict;
