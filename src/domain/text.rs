//! Text from agents and people made safe to show: terminal control removed, secrets hidden, lengths cut.

/// Cuts at a character border so that at most `max` bytes stay; says whether anything was cut.
#[must_use]
pub fn cut_bytes(text: &str, max: usize) -> (&str, bool) {
    if text.len() <= max {
        return (text, false);
    }
    (&text[..text.floor_char_boundary(max)], true)
}

/// The last `max` bytes or less, from a character border; says whether something stands before them.
#[must_use]
pub fn end_bytes(text: &str, max: usize) -> (&str, bool) {
    let from = text.ceil_char_boundary(text.len().saturating_sub(max));
    (&text[from..], from > 0)
}

/// Cuts after `max` characters; says whether anything was cut.
#[must_use]
pub fn cut_chars(text: &str, max: usize) -> (&str, bool) {
    match text.char_indices().nth(max) {
        Some((at, _)) => (&text[..at], true),
        None => (text, false),
    }
}

/// One line of at most so many characters; blanks become single spaces, and `…` says that there was more.
#[must_use]
pub fn shortened(text: &str, chars: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match cut_chars(&line, chars) {
        (kept, true) => format!("{}…", kept.trim_end()),
        (kept, false) => kept.to_owned(),
    }
}

/// Removes terminal control: CSI, OSC, DCS and other escape sequences, C0 (but tab and line feed), DEL and C1;
/// makes bidirectional controls visible as `⟦U+202E⟧`. CR LF and lone CR become LF.
#[must_use]
pub fn strip_control(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\u{9b}' => skip_csi(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            '\r' => {
                if chars.peek() == Some(&'\n') {
                    chars.next();
                }
                out.push('\n');
            }
            '\t' | '\n' => out.push(c),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
                out.push_str(&format!("⟦U+{:04X}⟧", u32::from(c)));
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn skip_escape(chars: &mut Chars<'_>) {
    match chars.next() {
        Some('[') => skip_csi(chars),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_string(chars),
        Some(c) if ('\u{20}'..='\u{2f}').contains(&c) => {
            while chars.next_if(|c| ('\u{20}'..='\u{2f}').contains(c)).is_some() {}
            chars.next();
        }
        Some(_) | None => {}
    }
}

fn skip_csi(chars: &mut Chars<'_>) {
    while chars.next_if(|c| ('\u{20}'..='\u{3f}').contains(c)).is_some() {}
    let _ = chars.next_if(|c| ('\u{40}'..='\u{7e}').contains(c));
}

fn skip_string(chars: &mut Chars<'_>) {
    // Ends at BEL or ST; an unterminated one ends at the line's end, so that it cannot swallow the rest.
    while let Some(&c) = chars.peek() {
        match c {
            '\n' => return,
            '\u{7}' | '\u{9c}' => {
                chars.next();
                return;
            }
            '\u{1b}' => {
                chars.next();
                let _ = chars.next_if_eq(&'\\');
                return;
            }
            _ => {
                chars.next();
            }
        }
    }
}

/// Hides what looks like a key or token: `sk-…`, `ghp_…`, bot tokens, our own.
#[must_use]
pub fn redact(text: &str) -> String {
    const PREFIXES: &[&str] = &["sk-", "ghp_", "gho_", "ghs_", "github_pat_", "xoxb-", "xoxp-", "mct_", "AKIA"];
    let is_key = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !PREFIXES.iter().any(|p| text.contains(p)) && !text.contains(':') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let at_word = !out.chars().next_back().is_some_and(is_key);
        if at_word {
            let word_len = rest.find(|c: char| !is_key(c)).unwrap_or(rest.len());
            let word = &rest[..word_len];
            if let Some(prefix) = PREFIXES.iter().find(|p| word.starts_with(**p) && word.len() >= p.len() + 12) {
                out.push_str(prefix);
                out.push_str("…hidden");
                rest = &rest[word_len..];
                continue;
            }
            if word_len >= 8 && word.bytes().all(|b| b.is_ascii_digit()) && rest[word_len..].starts_with(':') {
                let tail = &rest[word_len + 1..];
                let tail_len = tail.find(|c: char| !is_key(c)).unwrap_or(tail.len());
                if tail_len >= 30 {
                    out.push_str(word);
                    out.push_str(":…hidden");
                    rest = &tail[tail_len..];
                    continue;
                }
            }
            if word_len > 0 {
                out.push_str(word);
                rest = &rest[word_len..];
                continue;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_sequences_vanish_and_text_stays() {
        assert_eq!(strip_control("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(strip_control("\u{1b}]52;c;aGk=\u{7}x"), "x");
        assert_eq!(strip_control("\u{1b}]8;;http://e\u{1b}\\link\u{1b}]8;;\u{1b}\\"), "link");
        assert_eq!(strip_control("\u{1b}P+q544e\u{1b}\\y\u{9b}5nz"), "yz");
        assert_eq!(strip_control("10%\r20%\r\n"), "10%\n20%\n");
        assert_eq!(strip_control("\u{1b}]never ends\nnext"), "\nnext");
        assert_eq!(strip_control("\u{1b}(Bok\0\u{8}"), "ok");
    }

    #[test]
    fn bidirectional_controls_are_seen() {
        assert_eq!(strip_control("a\u{202e}b"), "a⟦U+202E⟧b");
    }

    #[test]
    fn keys_are_hidden() {
        assert_eq!(redact("key sk-ant-REDACTED."), "key sk-…hidden.");
        assert_eq!(redact("task-force and sk-short stay"), "task-force and sk-short stay");
        assert_eq!(redact("bot 123456789:AAErTyUiOpAsDfGhJkLzXcVbNmQwErTyUiO!"), "bot 123456789:…hidden!");
        assert_eq!(redact("12:41:03 all ok"), "12:41:03 all ok");
    }

    #[test]
    fn cuts_fall_between_characters() {
        assert_eq!(cut_bytes("aé", 2), ("a", true));
        assert_eq!(cut_chars("aéb", 2), ("aé", true));
        assert_eq!(cut_chars("aé", 2), ("aé", false));
    }
}
