//! The only place that asks the machine for randomness.

/// Thirty-two random bits.
#[must_use]
pub fn u32() -> u32 {
    getrandom::u32().expect("the kernel's random source is always there on Linux")
}

/// A secret of 256 bits in hex, with a prefix that says what it is (and lets it be found and hidden in texts).
#[must_use]
pub fn secret(prefix: &str) -> String {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).expect("the kernel's random source is always there on Linux");
    let mut text = String::from(prefix);
    for b in bytes {
        text.push_str(&format!("{b:02x}"));
    }
    text
}

/// A fresh version 4 UUID.
#[must_use]
pub fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}
