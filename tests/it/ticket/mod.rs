//! Tickets, from the first word to the last.

pub(crate) mod journeys;
