//! What every floor may use: the clock, errors, randomness, the doorbell, fault points, texts.

pub mod clock;
pub mod doorbell;
pub mod error;
pub mod faults;
pub mod random;
pub mod text;
