-- What would otherwise be found by reading a table that only grows.

-- What runs of tasks said is kept of the newest ones only.
create index task_runs_said on task_runs (task, id) where output <> '';
-- Whether a session has been heard at all.
create index turns_heard on turns (session_id) where accepted_at is not null;
