-- Scheduled tasks as their files say, and what became of each of their due times.
-- Times are whole milliseconds since 1970 UTC.

-- One row per file tasks/*.md. A broken one keeps its place and does not run; one whose file is gone keeps its pause.
create table tasks (
  id integer primary key autoincrement,
  file text not null unique,
  name text not null,
  hash text not null,
  source text not null,
  schedule_key text not null default '',
  next_due_at integer,
  paused integer not null default 0 check (paused in (0, 1)),
  broken_line integer,
  broken_reason text,
  streak integer not null default 0,
  present integer not null default 1 check (present in (0, 1)),
  changed_at integer not null
) strict;
create unique index tasks_one_name on tasks (name) where broken_reason is null and present = 1;
create index tasks_due on tasks (next_due_at) where next_due_at is not null and broken_reason is null and present = 1;

-- One row per due time, whatever became of it, and one for each run by hand (without a due time).
create table task_runs (
  id integer primary key autoincrement,
  task text not null,
  due_at integer,
  author text not null default '',
  state text not null check (state in ('waiting','running','ok','failed','timed_out','auth_failed','skipped','missed','overlapped','lost')),
  kind text not null check (kind in ('subprocess','agent','api','background')),
  rank integer not null default 1,
  attempt integer not null default 1,
  launches integer not null default 0,
  not_before integer,
  profile text,
  run_dir text,
  stop_wanted text check (stop_wanted in ('by_hand','overlap','auth')),
  told integer not null default 0 check (told in (0, 1)),
  exit_code integer,
  signal integer,
  note text,
  output text not null default '',
  output_bytes integer not null default 0,
  created_at integer not null,
  started_at integer,
  ended_at integer,
  check ((state in ('waiting','running')) = (ended_at is null)),
  check (state <> 'running' or run_dir is not null)
) strict;
create unique index task_runs_once on task_runs (task, due_at) where due_at is not null;
create index task_runs_live on task_runs (rank, id) where state in ('waiting','running');
create index task_runs_of_task on task_runs (task, id);
create index task_runs_ended on task_runs (ended_at) where ended_at is not null;
