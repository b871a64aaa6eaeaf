//! One integration binary.

mod api;
mod api_doors;
mod api_stream;
mod app;
mod floors;
mod shim;
