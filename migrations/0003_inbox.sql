-- What schedules, workers and the API report, for Luci to read in digests; and the failures of each task in a row.

-- Times of this one table are SQLite's own texts, `YYYY-MM-DD HH:MM:SS` in UTC: other programs write here, too.
CREATE TABLE orchestrator_inbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  source_type TEXT NOT NULL,
  source_id TEXT,
  message TEXT NOT NULL,
  priority TEXT DEFAULT 'normal',
  status TEXT DEFAULT 'pending',
  created_at TEXT DEFAULT (datetime('now')),
  processed_at TEXT,
  claim_expires_at TEXT
);
CREATE INDEX idx_orchestrator_inbox ON orchestrator_inbox(status, priority, created_at);

-- Priorities sort wrongly as text: items are claimed through this one, the most urgent first, then the oldest.
create index inbox_pending on orchestrator_inbox
  ((case priority when 'critical' then 0 when 'normal' then 1 else 2 end), id) where status = 'pending';
create index inbox_decided on orchestrator_inbox (status, id) where status <> 'pending';

-- A digest is one turn that carries up to twenty items. One is open at a time.
create table digests (
  number integer primary key,
  turn_id integer not null unique references turns (id),
  state text not null check (state in ('open','decided','given_back')),
  items integer not null,
  note text,
  created_at integer not null,
  ended_at integer
) strict;
create unique index digests_one_open on digests ((1)) where state = 'open';

-- Which item was in which digest. An item is in one open digest at most, and decided once.
create table digest_items (
  turn_id integer not null references digests (turn_id),
  item_id integer not null references orchestrator_inbox (id) on delete cascade,
  decision text check (decision in ('processed','ignored','given_back')),
  primary key (turn_id, item_id)
) strict, without rowid;
create index digest_items_by_item on digest_items (item_id);
create unique index digest_items_open on digest_items (item_id) where decision is null;
create unique index digest_items_decided on digest_items (item_id) where decision in ('processed','ignored');

-- Critical items of which the owner was told because nobody had read them in time.
create table inbox_told (
  item_id integer primary key references orchestrator_inbox (id) on delete cascade
) strict;

-- How often a task failed in a row, and the ticket that was made of it.
create table streaks (
  task text primary key,
  failures integer not null,
  ticket_id integer references tickets (id),
  last_class text not null check (last_class in ('ok','failed','timed_out','auth_failed')),
  began_at integer not null,
  updated_at integer not null
) strict;
