//! One integration binary.

mod api;
mod api_doors;
mod api_stream;
mod app;
mod bad_agents;
mod client;
mod commands;
mod console;
mod crash;
mod demo_terminal;
mod floors;
mod headless_driver;
mod journeys;
mod live_server;
mod model_stub;
mod one_worker;
mod proposals;
mod real_cli;
mod real_luci;
mod real_rig;
mod shim;
mod shutdown;
mod store_faults;
mod telegram;
mod telegram_stub;
mod unheard;
