//! Small things done to texts everywhere: a sentence's first letter, and what an address cannot hold as it stands.

/// With a capital at its beginning.
#[must_use]
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// As a whole sentence: a capital at its beginning, one full stop at its end. Nothing stays nothing.
#[must_use]
pub fn sentence(text: &str) -> String {
    let words = text.trim().trim_end_matches('.');
    if words.is_empty() { String::new() } else { format!("{}.", capitalised(words)) }
}

/// As one segment of a path or one value of a query (RFC 3986: all but unreserved characters are encoded).
#[must_use]
pub fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                out.extend(['%', char::from(DIGITS[usize::from(other >> 4)]), char::from(DIGITS[usize::from(other & 15)])]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_begins_large_and_ends_once() {
        assert_eq!(capitalised("über allem"), "Über allem");
        assert_eq!((capitalised(""), sentence(" ")), (String::new(), String::new()));
        assert_eq!([sentence("it is over"), sentence("it is over..")], ["It is over.", "It is over."]);
    }

    #[test]
    fn nothing_breaks_out_of_an_address() {
        assert_eq!(percent_encoded("a&b=c #ü/~x.y_z-1"), "a%26b%3Dc%20%23%C3%BC%2F~x.y_z-1");
        assert_eq!(percent_encoded(""), "");
    }
}
