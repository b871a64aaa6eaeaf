//! The inbox and its digests.

pub(crate) mod digests;
