//! Server-sent events: streams of events, and what keeps a page live.

pub mod event_stream;
pub mod page_stream;
pub mod rendered_parts;
pub mod shared_read;
pub mod top_bar;
