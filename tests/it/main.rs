//! One integration binary.

mod model_stub;
mod real_cli;
mod real_rig;
mod shim;
