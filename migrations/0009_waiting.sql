-- What waits for a person, the most urgent first, then what has waited longest.
create index tickets_waiting on tickets (rank, status_since, id) where status in ('needs_input','in_review','blocked');
