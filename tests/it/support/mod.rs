//! What tests are built from: the app, rigs, stubs.

pub(crate) mod app;
pub(crate) mod luci_rig;
pub(crate) mod luci_rows;
pub(crate) mod model_stub;
pub(crate) mod real_rig;
pub(crate) mod telegram_stub;
