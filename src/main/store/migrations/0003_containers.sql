-- Credentials of container registries. The password is encrypted with a key that lies beside the database, not in it.
create table registry_credentials (
  registry text primary key,
  username text not null,
  -- base64url of nonce, tag and ciphertext (AES-256-GCM), with the registry's name as associated data
  secret text not null,
  updated_at integer not null
) strict;
