//! One integration binary.

mod floors;
mod shim;
