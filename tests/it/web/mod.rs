//! The web: the JSON contract, pages, streams.

pub(crate) mod api_doors;
pub(crate) mod api_lists;
pub(crate) mod api_refusals;
pub(crate) mod api_runs;
pub(crate) mod api_stream;
pub(crate) mod api_tickets;
pub(crate) mod client;
pub(crate) mod console;
pub(crate) mod ended_logins;
pub(crate) mod forms;
pub(crate) mod home;
pub(crate) mod page_streams;
pub(crate) mod rig;
pub(crate) mod search;
pub(crate) mod slow_readers;
