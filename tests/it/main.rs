//! One integration binary.

mod crash;
mod journeys;
mod live_server;
mod shim;
