//! One integration binary.

mod api;
mod api_doors;
mod api_stream;
mod app;
mod bad_agents;
mod crash;
mod floors;
mod journeys;
mod live_server;
mod one_worker;
mod shim;
mod store_faults;
