-- Luci's conversation: the sessions she has had, the turns in them, what she proposed.
-- Times are whole milliseconds since 1970 UTC.

-- One row per conversation of an agent, by its session id. A rotation or switch ends one and opens the next.
create table sessions (
  id integer primary key autoincrement,
  name text not null,
  state text not null check (state in ('starting','idle','working','waiting','down','broken','ended')),
  driver text not null check (driver in ('tmux','headless')),
  profile text not null,
  agent_session text not null,
  begun text not null default '',
  dir text not null,
  brief text not null default '',
  hand_over text,
  launches integer not null default 0,
  failures integer not null default 0,
  retry_at integer,
  pid integer,
  pid_start integer,
  context_tokens integer not null default 0,
  answered integer not null default 0,
  note text,
  created_at integer not null,
  launched_at integer,
  last_activity_at integer,
  ended_at integer,
  end_reason text
) strict;
create unique index sessions_one_open on sessions (name) where state <> 'ended';

-- A prompt and its reply. `change` grows with each change of any turn or proposal: the cursor of open pages.
create table turns (
  id integer primary key autoincrement,
  client_id text unique,
  origin text not null check (origin in ('human','digest','ticket','hand_over','correction')),
  rank integer not null,
  author text not null,
  message text not null,
  state text not null check (state in ('pending','claimed','sent','answered','failed','cancelled')),
  nonce text,
  session_id integer references sessions (id),
  attempts integer not null default 0,
  given_back integer not null default 0,
  interrupt_wanted integer not null default 0,
  retried_at integer,
  activity text,
  activity_at integer,
  response text,
  error text,
  created_at integer not null,
  claimed_at integer,
  sent_at integer,
  accepted_at integer,
  answered_at integer,
  change integer not null
) strict;
create unique index turns_one_in_flight on turns ((1)) where state in ('claimed','sent');
create index turns_pending on turns (rank, id) where state = 'pending';
create index turns_by_change on turns (change);
create index turns_shown on turns (id) where origin <> 'hand_over';

create table conversation (
  id integer primary key check (id = 1),
  change integer not null
) strict;
insert into conversation (id, change) values (1, 0);

-- An action that Luci suggests in an answer. Applied at most once; `result` says what it made.
create table proposals (
  id integer primary key autoincrement,
  turn_id integer not null references turns (id),
  position integer not null,
  kind text not null,
  body text not null,
  state text not null check (state in ('open','applied','dismissed','undone','refused')),
  result text,
  error text,
  decided_by text,
  decided_at integer,
  created_at integer not null,
  unique (turn_id, position)
) strict;
create index proposals_open on proposals (id) where state = 'open';
