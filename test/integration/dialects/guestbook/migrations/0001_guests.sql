create table guestbook_guests (name text not null) strict;
