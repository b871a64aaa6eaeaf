//! One integration binary.

mod floors;
mod api;
mod api_doors;
mod api_stream;
mod app;
mod shim;
