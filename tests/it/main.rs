//! One integration binary.

mod journeys;
mod live_server;
mod shim;
