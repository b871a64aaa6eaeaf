//! Fuzzes `properties::verdict`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mission_control_fuzz::properties::verdict(data));
