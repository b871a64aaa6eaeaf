//! Floor 4: pages. Views are pure (plain values in, `Markup` out); handlers read the store and call them.

pub mod assets;
pub mod markdown;
pub mod ui;
pub mod views;
