//! The box a message is typed into: its text, and how that is shown. Pure.

use crate::domain::text::{cut_chars, strip_control};

/// A paste of more lines is shown as a count, and reaches the agent wrapped in tags.
const SHOWN_LINES: usize = 3;

/// So is one with a longer line: the box cuts what does not fit, and what is cut cannot be seen to have arrived.
const SHOWN_COLUMNS: usize = 50;

/// Lines of the box that are shown.
const BOX_LINES: usize = 6;

/// What stands in the box.
#[derive(Debug, Default)]
pub(crate) struct DemoInputBox {
    content: String,
    shown: String,
    pastes: u32,
}

impl DemoInputBox {
    pub(crate) fn typed(&mut self, text: &str) {
        self.content.push_str(text);
        self.shown.push_str(text);
    }

    pub(crate) fn pasted(&mut self, text: &str) {
        let more = text.matches('\n').count();
        if more < SHOWN_LINES && text.lines().all(|line| line.chars().count() <= SHOWN_COLUMNS) {
            return self.typed(text);
        }
        self.pastes += 1;
        self.content
            .push_str(&format!("\n\n<pasted_content id=\"{0:04x}\">\n{text}\n</pasted_content id=\"{0:04x}\">\n", self.pastes));
        self.shown.push_str(&format!("[Pasted text #{} +{more} lines]", self.pastes));
    }

    /// Takes the last character back; a paste goes as a whole, and with it all that stands before.
    pub(crate) fn back(&mut self) {
        if self.pastes > 0 {
            return self.clear();
        }
        self.content.pop();
        self.shown.pop();
    }

    pub(crate) fn clear(&mut self) {
        *self = DemoInputBox::default();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// The message, and an empty box; none where nothing but blanks stands in it.
    pub(crate) fn submit(&mut self) -> Option<String> {
        let content = std::mem::take(self).content;
        (!content.trim().is_empty()).then_some(content)
    }

    /// Its lines as shown, cut to the width.
    pub(crate) fn lines(&self, width: usize) -> Vec<String> {
        let clean = strip_control(&self.shown);
        let all: Vec<&str> = clean.split('\n').collect();
        let from = all.len().saturating_sub(BOX_LINES);
        let marked = all[from..].iter().enumerate().map(|(n, line)| format!("{}{line}", if n == 0 { "❯ " } else { "  " }));
        marked.map(|line| fit(&line, width)).collect()
    }
}

/// Cuts a line so that it takes no more columns; characters beyond Latin are counted as two.
pub(crate) fn fit(line: &str, width: usize) -> String {
    let mut left = width;
    let wide = |c: char| if u32::from(c) >= 0x1100 && !('\u{2000}'..='\u{2fff}').contains(&c) { 2 } else { 1 };
    let fits = line.chars().take_while(|c| {
        left.checked_sub(wide(*c)).is_some_and(|rest| {
            left = rest;
            true
        })
    });
    fits.collect()
}

/// A message as it is repeated on the screen.
pub(crate) fn echo(message: &str) -> String {
    let lines: Vec<&str> =
        message.lines().filter(|l| !l.starts_with("<pasted_content id=") && !l.starts_with("</pasted_content id=")).collect();
    let text = strip_control(lines.join("\n").trim());
    let (cut, more) = cut_chars(&text, 2_000);
    format!("❯ {}{}", cut.replace('\n', "\n  "), if more { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_paste_is_shown_short_and_goes_out_whole() {
        let mut b = DemoInputBox::default();
        b.typed("see ");
        b.pasted("one\ntwo\nthree\nfour");
        assert_eq!(b.lines(60), ["❯ see [Pasted text #1 +3 lines]"]);
        let message = b.submit().expect("a message");
        assert!(message.contains("\none\ntwo\nthree\nfour\n") && message.contains("<pasted_content"), "{message}");
        assert_eq!(echo(&message), "❯ see \n  \n  one\n  two\n  three\n  four");
        assert!(b.is_empty() && b.submit().is_none());
    }

    #[test]
    fn a_paste_with_a_long_line_is_shown_short_as_well() {
        let mut b = DemoInputBox::default();
        b.pasted(&format!("{}\n\n[MC_TURN:1:ab]", "word ".repeat(44)));
        assert_eq!(b.lines(60), ["❯ [Pasted text #1 +2 lines]"]);
    }

    #[test]
    fn lines_fit_the_width() {
        let mut b = DemoInputBox::default();
        b.pasted("漢字漢字\nabcdefghij");
        assert_eq!(b.lines(6), ["❯ 漢字", "  abcd"]);
        b.back();
        assert!(!b.is_empty());
        b.clear();
        assert_eq!(b.lines(6), ["❯ "]);
    }
}
