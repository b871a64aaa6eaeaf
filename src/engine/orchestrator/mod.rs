//! The orchestrator: the one typist. It keeps Luci's session up, takes one turn of the queue at a time to it, and
//! harvests the reply.

pub mod driver;
pub mod headless;
