-- Folders of a worker in which its files may be opened: those that it named, and those of them that an admin has allowed (JSON arrays).
alter table workers add column folders text not null default '[]';
alter table workers add column allowed_folders text not null default '[]';
