//! A terminal's picture as lines of text: without its escape sequences, and with what is shown faintly told apart.

/// A line without its escape sequences, and without what is shown faintly: hints in an empty box.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// All of it.
    pub(crate) plain: String,
    /// Without what is shown faintly.
    pub(crate) firm: String,
}

/// The lines of a picture.
pub(crate) fn lines(coloured: &str) -> Vec<Line> {
    let mut faint = false;
    let mut cursor = false;
    coloured
        .lines()
        .map(|line| {
            let mut out = Line::default();
            // The cursor stands on the first letter of a hint.
            let mut under_cursor = String::new();
            let mut chars = line.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\u{1b}' => sequence(&mut chars, &mut faint, &mut cursor),
                    c => {
                        out.plain.push(c);
                        if cursor {
                            under_cursor.push(c);
                        } else if faint {
                            under_cursor.clear();
                        } else {
                            out.firm.push_str(&std::mem::take(&mut under_cursor));
                            out.firm.push(c);
                        }
                    }
                }
            }
            out.firm.push_str(&under_cursor);
            out
        })
        .collect()
}

/// Reads on past an escape sequence.
fn sequence(chars: &mut std::str::Chars<'_>, faint: &mut bool, cursor: &mut bool) {
    match chars.next() {
        Some('[') => {
            let mut inside = String::new();
            for c in chars.by_ref() {
                if c.is_ascii_alphabetic() || c == '~' {
                    if c == 'm' {
                        attributes(&inside, faint, cursor);
                    }
                    return;
                }
                inside.push(c);
            }
        }
        Some(']') => {
            // A title or a link: up to its terminator.
            while let Some(c) = chars.next() {
                if c == '\u{7}' {
                    return;
                }
                if c == '\u{1b}' {
                    chars.next();
                    return;
                }
            }
        }
        Some(_) | None => {}
    }
}

fn attributes(inside: &str, faint: &mut bool, cursor: &mut bool) {
    let mut numbers = inside.split(';');
    while let Some(number) = numbers.next() {
        match number {
            "" | "0" => (*faint, *cursor) = (false, false),
            "2" => *faint = true,
            "22" => *faint = false,
            "7" => *cursor = true,
            "27" => *cursor = false,
            // 38;5;n and 38;2;r;g;b hold numbers of their own.
            "38" | "48" => {
                let more = if numbers.next() == Some("2") { 3 } else { 1 };
                for _ in 0..more {
                    numbers.next();
                }
            }
            _ => {}
        }
    }
}
