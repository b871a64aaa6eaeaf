//! What tests are built from: the app, rigs, stubs.

pub(crate) mod app;
pub(crate) mod event_stream;
pub(crate) mod http_client;
pub(crate) mod live_server;
pub(crate) mod luci_rig;
pub(crate) mod luci_rows;
pub(crate) mod model_stub;
pub(crate) mod real_rig;
pub(crate) mod telegram_stub;
pub(crate) mod wait;
