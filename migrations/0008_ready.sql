-- Which tickets may be begun, in their order, without those that wait for a person's word; and which of them waits for a time.
drop index tickets_ready;
create index tickets_ready on tickets (rank, created_at, id) where status = 'todo' and needs_approval = 0;
create index tickets_due on tickets (not_before) where status = 'todo' and not_before is not null;
