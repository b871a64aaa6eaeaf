-- What the owner is told outside the page, and what came back from there.
-- Times are whole milliseconds since 1970 UTC.

-- The outbox. `chat` is empty until the outbox has given the notice to the configured chats, one row for each.
create table notifications (
  id integer primary key autoincrement,
  key text not null unique,
  text text not null,
  buttons text not null default '[]',
  ticket_id integer,
  urgent integer not null default 0,
  answer integer not null default 0,
  asks_words integer not null default 0,
  state text not null check (state in ('pending','sending','sent','failed','unsent')),
  attempts integer not null default 0,
  next_at integer not null,
  error text,
  chat integer,
  parts_sent integer not null default 0,
  message_id integer,
  buttons_state text not null default 'open' check (buttons_state in ('open','stale','gone')),
  created_at integer not null,
  sent_at integer
) strict;
create index notifications_due on notifications (urgent desc, id) where state = 'pending';
create index notifications_on_their_way on notifications (id) where state = 'sending';
create index notifications_of_ticket on notifications (ticket_id, id) where ticket_id is not null;
create index notifications_stale on notifications (id) where buttons_state = 'stale';
create index notifications_sent on notifications (sent_at) where state = 'sent';
create index notifications_by_age on notifications (created_at);

-- Which message of which chat is which notice: a reply names the message.
create table telegram_messages (
  chat integer not null,
  message_id integer not null,
  notification_id integer not null references notifications (id) on delete cascade,
  primary key (chat, message_id)
) strict, without rowid;
create index telegram_messages_of on telegram_messages (notification_id);

-- Updates that had their effect: one delivered twice has it once. Ids count per bot.
create table telegram_updates (
  bot integer not null,
  update_id integer not null,
  kind text not null,
  created_at integer not null,
  primary key (bot, update_id)
) strict, without rowid;
create index telegram_updates_by_age on telegram_updates (created_at);

-- Turns that were asked for in a chat: their answers go back there.
create table telegram_turns (
  turn_id integer primary key references turns (id),
  chat integer not null
) strict;

-- What is known of the connection. One row.
create table telegram_state (
  id integer primary key check (id = 1),
  bot integer not null default 0,
  bot_name text not null default '',
  next_update integer not null default 0,
  last_update_at integer,
  paused text,
  error text,
  error_at integer,
  heard_at integer,
  strangers integer not null default 0,
  last_stranger integer,
  last_stranger_at integer
) strict;
insert into telegram_state (id) values (1);
