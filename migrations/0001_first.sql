-- The tables of the main journey: a ticket, its runs, what they did and said, and who may see it.
-- Times are whole milliseconds since 1970 UTC. Ids are never used twice: cursors rely on it.

create table tickets (
  id integer primary key autoincrement,
  title text not null,
  description text not null default '',
  status text not null check (status in ('inbox','todo','in_progress','needs_input','in_review','blocked','done','cancelled')),
  status_since integer not null,
  priority text not null check (priority in ('critical','high','normal','low')),
  rank integer not null,
  role text not null,
  project text not null default '',
  profile text,
  work_class text not null check (work_class in ('code','ui','mobile','architecture','task')),
  parent_id integer references tickets (id),
  session_id text,
  run_id integer,
  not_before integer,
  retries integer not null default 0,
  needs_approval integer not null default 0,
  created_by text not null,
  created_at integer not null,
  updated_at integer not null,
  version integer not null default 1,
  last_seq integer not null default 0
) strict;

create index tickets_by_status on tickets (status, updated_at desc, id desc);
create index tickets_by_project on tickets (project, status, updated_at desc, id desc);
create index tickets_by_role on tickets (role, status, updated_at desc, id desc);
create index tickets_by_parent on tickets (parent_id) where parent_id is not null;
create index tickets_ready on tickets (rank, created_at, id) where status = 'todo';

-- Counters per status, kept by triggers: counting 100,000 rows for each page would not do.
create table status_counts (
  status text primary key,
  n integer not null
) strict, without rowid;
insert into status_counts (status, n) values
  ('inbox',0),('todo',0),('in_progress',0),('needs_input',0),('in_review',0),('blocked',0),('done',0),('cancelled',0);
create trigger tickets_counted_in after insert on tickets begin
  update status_counts set n = n + 1 where status = new.status;
end;
create trigger tickets_counted_over after update of status on tickets when old.status <> new.status begin
  update status_counts set n = n - 1 where status = old.status;
  update status_counts set n = n + 1 where status = new.status;
end;
create trigger tickets_counted_out after delete on tickets begin
  update status_counts set n = n - 1 where status = old.status;
end;

create virtual table tickets_text using fts5 (title, description, content = 'tickets', content_rowid = 'id', tokenize = 'unicode61');
create trigger tickets_text_in after insert on tickets begin
  insert into tickets_text (rowid, title, description) values (new.id, new.title, new.description);
end;
create trigger tickets_text_over after update of title, description on tickets begin
  insert into tickets_text (tickets_text, rowid, title, description) values ('delete', old.id, old.title, old.description);
  insert into tickets_text (rowid, title, description) values (new.id, new.title, new.description);
end;

create table ticket_links (
  blocker_id integer not null references tickets (id),
  blocked_id integer not null references tickets (id),
  primary key (blocked_id, blocker_id)
) strict, without rowid;
create index ticket_links_by_blocker on ticket_links (blocker_id);

-- One row per change of a ticket: its history, and the cursor of the board's stream.
create table ticket_changes (
  id integer primary key autoincrement,
  ticket_id integer not null references tickets (id),
  kind text not null,
  from_status text,
  to_status text,
  run_id integer,
  actor text not null,
  note text not null default '',
  created_at integer not null
) strict;
create index ticket_changes_by_ticket on ticket_changes (ticket_id, id);

create table comments (
  id integer primary key autoincrement,
  ticket_id integer not null references tickets (id),
  run_id integer,
  author text not null,
  source text not null check (source in ('human','agent','system','api','telegram')),
  kind text not null check (kind in ('comment','result','terminal_state','decision')),
  body text not null,
  created_at integer not null
) strict;
create index comments_by_ticket on comments (ticket_id, id);

create table runs (
  id integer primary key autoincrement,
  ticket_id integer not null references tickets (id),
  attempt integer not null,
  reason text not null check (reason in ('new','resume','retry','fork','cold_start')),
  state text not null check (state in ('starting','running','finished','failed','stopped','lost')),
  profile text not null,
  host text not null default 'local',
  generation integer not null default 0,
  nonce text not null,
  session_id text,
  resumed integer not null default 0,
  pid integer,
  pid_start integer,
  cwd text,
  worktree text,
  branch text,
  base_commit text,
  run_dir text,
  raw_log text,
  log_offset integer not null default 0,
  log_lines integer not null default 0,
  progress text not null default '{}',
  stop_wanted integer not null default 0,
  stop_to text,
  lingering integer not null default 0,
  created_at integer not null,
  launched_at integer,
  started_at integer,
  last_output_at integer,
  ended_at integer,
  exit_code integer,
  signal integer,
  verdict text,
  failure_code text,
  failure_text text,
  retry_at integer,
  tokens_input integer not null default 0,
  tokens_output integer not null default 0,
  tokens_cache_read integer not null default 0,
  tokens_cache_creation integer not null default 0,
  cost_usd real not null default 0,
  note text,
  unique (ticket_id, attempt)
) strict;
create unique index runs_one_live on runs (ticket_id) where state in ('starting','running');
create index runs_live on runs (state, id) where state in ('starting','running');

create table ticket_events (
  id integer primary key autoincrement,
  ticket_id integer not null,
  seq integer not null,
  run_id integer not null,
  attempt integer not null,
  line integer not null,
  kind text not null check (kind in ('tool_use','tool_result','text','status','system')),
  tool text,
  context text,
  input text,
  content text not null,
  truncated integer not null,
  is_error integer not null,
  sub_agent text,
  call_id text,
  created_at integer not null
) strict;
create unique index ticket_events_by_ticket on ticket_events (ticket_id, seq);

create table queued_messages (
  id integer primary key autoincrement,
  ticket_id integer not null references tickets (id),
  comment_id integer not null unique references comments (id),
  state text not null check (state in ('pending','claimed','delivered','failed')),
  run_id integer,
  reason text,
  created_at integer not null,
  delivered_at integer
) strict;
create index queued_messages_by_run on queued_messages (run_id) where run_id is not null;
create index queued_messages_by_ticket on queued_messages (ticket_id, id);
create index queued_messages_open on queued_messages (ticket_id, id) where state in ('pending','claimed');

-- What an agent reported by command during its run; read once, when the run is concluded.
create table run_reports (
  id integer primary key autoincrement,
  run_id integer not null references runs (id),
  kind text not null check (kind in ('done','review','question','comment','evidence')),
  body text not null,
  client_id text not null,
  created_at integer not null,
  unique (run_id, client_id)
) strict;

create table evidence (
  id integer primary key autoincrement,
  ticket_id integer not null references tickets (id),
  run_id integer,
  kind text not null,
  label text not null,
  detail text not null default '',
  created_at integer not null
) strict;
create index evidence_by_ticket on evidence (ticket_id, id);

create table profile_pauses (
  profile text primary key,
  reason text not null,
  until integer,
  since integer not null
) strict, without rowid;

create table settings (
  key text primary key,
  value text not null
) strict, without rowid;

create table users (
  id integer primary key autoincrement,
  name text not null unique,
  password_hash text not null,
  created_at integer not null
) strict;

create table login_links (
  token_hash text primary key,
  expires_at integer not null,
  used_at integer
) strict, without rowid;

create table login_sessions (
  id integer primary key autoincrement,
  token_hash text not null unique,
  user_name text not null,
  user_agent text not null default '',
  created_at integer not null,
  last_seen_at integer not null,
  expires_at integer not null,
  revoked_at integer
) strict;

create table api_tokens (
  id integer primary key autoincrement,
  name text not null,
  token_hash text not null unique,
  scope text not null,
  run_id integer,
  created_at integer not null,
  last_used_at integer,
  revoked_at integer
) strict;
create unique index api_tokens_named on api_tokens (name) where revoked_at is null;
create index api_tokens_by_run on api_tokens (run_id) where run_id is not null;

-- Answers kept for repeated requests with the same key.
create table idempotency_keys (
  principal text not null,
  key text not null,
  route text not null,
  request_hash text not null,
  status integer not null,
  response text not null,
  created_at integer not null,
  primary key (principal, key)
) strict, without rowid;

create table audit (
  id integer primary key autoincrement,
  actor text not null,
  action text not null,
  ticket_id integer,
  detail text not null default '',
  created_at integer not null
) strict;
