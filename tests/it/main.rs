//! One integration binary.

mod shim;
