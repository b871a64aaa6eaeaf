//! What an agent's screen shows: its input box, whether it works, a dialog. Pure, and only ever a hint: what counts is
//! what the agent tells by its hooks and writes into its transcript.

/// Lines above the input box where a line about work may stand.
const ABOVE: usize = 4;
/// Characters of a dialog that are passed on.
const DIALOG_CHARS: usize = 300;

/// What an empty box is known to suggest.
const HINTS: &[&str] =
    &["Once fixed, resend your message", "Resend your message to try again", "Press up to edit queued messages"];

/// What says that a dialog is open, where there is no input box.
const DIALOG_WORDS: &[&str] = &[
    "enter to confirm",
    "enter to select",
    "enter to continue",
    "press enter",
    "esc to cancel",
    "esc to close",
    "esc to exit",
    "esc to go back",
    "to navigate",
    "do you trust",
    "do you want to",
];

/// The input box.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InputBox {
    /// What is typed into it; a hint shown in an empty box is nothing.
    pub text: String,
    /// Its lines.
    pub lines: usize,
    /// What is typed would go to a shell, not to the agent.
    pub shell: bool,
}

impl InputBox {
    /// A prompt typed now would be exactly that prompt.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.text.is_empty() && !self.shell
    }

    /// Whether our marker stands in it, perhaps among other things.
    #[must_use]
    pub fn holds(&self, marker: &str) -> bool {
        bare(&self.text).contains(marker)
    }

    /// Whether this text and our marker behind it are in it, and nothing else: the text as it is, or folded into a word
    /// for one paste of so many lines.
    #[must_use]
    pub fn holds_only(&self, text: &str, marker: &str) -> bool {
        let mine = bare(&self.text);
        let Some(before) = mine.strip_suffix(marker) else { return false };
        let more = match text.matches('\n').count() {
            0 => String::new(),
            more => format!("+{more}lines"),
        };
        let folded = before.strip_prefix("[Pastedtext#").and_then(|rest| rest.strip_suffix(']'));
        let number = folded.and_then(|inside| inside.strip_suffix(&more));
        before == bare(text) || number.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
    }
}

/// A text without what a terminal may wrap, fold or leave out: its letters and digits, and the signs that all of them have.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_graphic() || c.is_alphanumeric()).collect()
}

/// What a screen shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Screen {
    /// The input box.
    pub input: Option<InputBox>,
    /// It says that it works.
    pub busy: bool,
    /// The words of a dialog.
    pub dialog: Option<String>,
}

/// A line without its escape sequences, and without what is shown faintly: hints in an empty box.
#[derive(Debug, Clone, Default)]
struct Line {
    plain: String,
    firm: String,
}

/// Reads a screen with its escape sequences.
#[must_use]
pub fn read(coloured: &str) -> Screen {
    let lines: Vec<Line> = lines(coloured);
    let input = find_box(&lines);
    let busy = match input {
        Some((top, end, _)) => {
            let footer = lines[end..].iter().any(|l| l.plain.to_lowercase().contains("esc to interrupt"));
            let above = lines[..top].iter().rev().filter(|l| !l.plain.trim().is_empty()).take(ABOVE);
            footer || above.into_iter().any(|l| is_spinner(&l.plain))
        }
        None => lines
            .iter()
            .rev()
            .filter(|l| !l.plain.trim().is_empty())
            .take(ABOVE)
            .any(|l| l.plain.to_lowercase().contains("esc to interrupt")),
    };
    let dialog = if input.is_some() || busy { None } else { dialog(&lines) };
    Screen { input: input.map(|(_, _, found)| found), busy, dialog }
}

/// The lowest box: a line with the prompt's sign right below a rule, and a rule below it. Its top rule, its end.
fn find_box(lines: &[Line]) -> Option<(usize, usize, InputBox)> {
    // Its own rules begin at the left edge; a rule in what is typed stands behind the sign, or as far in.
    let is_edge = |l: &Line| l.plain.starts_with('─') && is_rule(&l.plain);
    let bottom = lines.iter().rposition(is_edge)?;
    let top = lines[..bottom].iter().rposition(is_edge)?;
    let (first, rest) = lines[top + 1..bottom].split_first()?;
    let sign = first.plain.chars().next().filter(|c| matches!(c, '❯' | '!'))?;
    let after = &first.plain[sign.len_utf8()..];
    if !after.is_empty() && !after.starts_with([' ', '\u{a0}']) {
        return None;
    }
    // A choice in a dialog looks much like it, but for the blank.
    if after.starts_with(' ') && is_choice(&first.plain) {
        return None;
    }
    let mut text = first.firm.chars().skip(1).collect::<String>().trim_matches([' ', '\u{a0}']).to_owned();
    for line in rest {
        text.push('\n');
        text.push_str(line.firm.trim());
    }
    let text = if rest.is_empty() && is_hint(after, text.trim()) { String::new() } else { text.trim().to_owned() };
    Some((top, bottom + 1, InputBox { text, lines: 1 + rest.len(), shell: sign == '!' }))
}

/// A hint in an empty box. It is faint, all but the letter the cursor stands on, whichever way that is drawn; and the
/// ones that are known are none of anybody's words even where they are drawn like them.
fn is_hint(plain: &str, firm: &str) -> bool {
    let plain = plain.trim_matches([' ', '\u{a0}']);
    let one_letter = firm.chars().count() == 1 && plain.chars().count() > 1 && plain.starts_with(firm);
    one_letter || HINTS.contains(&plain)
}

/// `────`, at least a few of them, and nothing else but perhaps a title.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("───") && line.chars().filter(|c| *c == '─').count() * 2 > line.chars().count()
}

/// `✻ Thinking… (3s · esc to interrupt)`, as older versions show it.
fn is_spinner(line: &str) -> bool {
    let sign =
        line.chars().next().is_some_and(|c| !c.is_alphanumeric() && !matches!(c, ' ' | '●' | '❯' | '⎿' | '-' | '>' | '|' | '`'));
    sign && line.to_lowercase().contains("esc to interrupt")
}

/// `❯ 1. Yes`
fn is_choice(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('❯') else { return false };
    let rest = rest.trim_start_matches([' ', '\u{a0}']);
    let digits = rest.chars().take_while(char::is_ascii_digit).count();
    digits > 0 && rest[digits..].starts_with(['.', ')'])
}

/// `  2. No`
fn is_numbered(line: &str) -> bool {
    let text = line.trim_start();
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    digits > 0 && text[digits..].starts_with(". ")
}

fn dialog(lines: &[Line]) -> Option<String> {
    let last = lines.iter().rposition(|l| !l.plain.trim().is_empty())?;
    let from = last.saturating_sub(30);
    let part = &lines[from..=last];
    let says = |l: &Line| is_choice(&l.plain) || DIALOG_WORDS.iter().any(|w| l.plain.to_lowercase().contains(w));
    let at = part.iter().position(says)?;
    // A dialog begins below a rule, or a little above its choices.
    let is_edge = |l: &Line| is_rule(&l.plain) || l.plain.contains('▔');
    let mut top = part[..at].iter().rposition(is_edge).map_or(at.saturating_sub(6), |i| i + 1);
    // A rule among its choices is none of its edges.
    while let Some(edge) = part[..top.saturating_sub(1)].iter().rposition(is_edge)
        && part[edge..top].iter().any(|l| is_numbered(&l.plain))
    {
        top = edge + 1;
    }
    let words: Vec<&str> = part[top..].iter().map(|l| l.plain.trim()).filter(|l| !l.is_empty() && !is_rule(l)).collect();
    let words = words.join(" · ");
    let cut: String = words.chars().take(DIALOG_CHARS).collect();
    Some(if cut.len() < words.len() { format!("{cut}…") } else { cut })
}

/// Why a program ended, from what it left on its screen; none where that is only its own decoration.
#[must_use]
pub fn last_words(text: &str) -> Option<String> {
    let lines: Vec<Line> = lines(text);
    let words: Vec<&str> =
        lines.iter().map(|l| l.plain.trim()).filter(|l| !l.is_empty() && !l.starts_with("Pane is dead")).collect();
    if words.iter().any(|l| is_rule(l)) {
        return None;
    }
    let words = words[words.len().saturating_sub(5)..].join(" · ");
    (!words.is_empty()).then(|| words.chars().take(DIALOG_CHARS).collect())
}

fn lines(coloured: &str) -> Vec<Line> {
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

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "\u{1b}[38;5;244m────────────────────────────────";

    fn screen(above: &str, inside: &str, footer: &str) -> Screen {
        read(&format!("{above}\n{RULE}\n\u{1b}[39m{inside}\n{RULE}\n\u{1b}[39m  {footer}\n\n\n"))
    }

    fn input(text: &str, lines: usize) -> Option<InputBox> {
        Some(InputBox { text: text.to_owned(), lines, shell: false })
    }

    #[test]
    fn an_empty_box_with_or_without_a_hint_is_ready() {
        let idle = screen(
            "● DONE: hi\n\n✻ Churned for 0s",
            "❯\u{a0}\u{1b}[7m \u{1b}[0m",
            "⏵⏵ bypass permissions on (shift+tab to cycle)",
        );
        assert_eq!(idle, Screen { input: input("", 1), busy: false, dialog: None });
        let hint = "❯\u{a0}\u{1b}[7mO\u{1b}[0;2m\u{1b}[39m\u{1b}[49mnce fixed, resend your message\u{1b}[0m\u{1b}[39m\u{1b}[49m";
        assert_eq!(screen("", hint, "⏵⏵ bypass").input, input("", 1));
        // However the cursor and the hint are drawn.
        let plain_cursor = "❯\u{a0}O\u{1b}[2mnce fixed, resend your message\u{1b}[0m";
        assert_eq!(screen("", plain_cursor, "⏵⏵ bypass").input, input("", 1));
        assert_eq!(screen("", "❯\u{a0}Once fixed, resend your message", "⏵⏵ bypass").input, input("", 1));
        assert_eq!(screen("", "❯\u{a0}O", "⏵⏵ bypass").input, input("O", 1), "a letter that somebody typed");
    }

    #[test]
    fn text_left_in_the_box_is_seen() {
        assert_eq!(screen("", "❯\u{a0}leftover junk\u{1b}[7m ", "").input, input("leftover junk", 1));
        assert_eq!(screen("", "❯\u{a0}a\u{1b}[7mb\u{1b}[0mc", "").input, input("abc", 1), "under the cursor");
        let two = screen("", "❯\u{a0}two\n  lines here [MC_TURN:1:abc]\u{1b}[7m ", "");
        let two = two.input.expect("a box");
        assert_eq!((two.text.as_str(), two.lines), ("two\nlines here [MC_TURN:1:abc]", 2));
        assert!(two.holds("[MC_TURN:1:abc]") && !two.holds("[MC_TURN:1:abd]"));
        let paste = screen("", "❯\u{a0}[Pasted text #1 +2901 lines]\u{1b}[7m ", "paste again to expand").input.expect("a box");
        assert!(!paste.is_clean() && !paste.holds("[MC_TURN:1:abc]"));
        assert!(two.holds_only("two\nlines here\n\n", "[MC_TURN:1:abc]"));
        let twice = screen("", "❯\u{a0}好的\n\n  好的\n\n  [MC_TURN:1:abc]", "").input.expect("a box");
        assert!(!twice.holds_only("好的\n\n", "[MC_TURN:1:abc]") && twice.holds_only("好的\n\n好的\n\n", "[MC_TURN:1:abc]"));
        assert!(!two.holds_only("lines here\n\n", "[MC_TURN:1:abc]") && !two.holds_only("two\nlines here", "[MC_TURN:1:ab]"));
        let numbered = screen("", "❯\u{a0}1. first", "").input;
        assert_eq!(numbered, input("1. first", 1), "typed by a person, not a choice");
        let ruled = screen("", "❯\u{a0}───────────\n  ──────────\n  [MC_TURN:1:abc]", "").input.expect("a box");
        assert!(ruled.lines == 3 && ruled.holds_only("───────────\n──────────\n", "[MC_TURN:1:abc]"), "rules in what is typed");
        let shell = screen("", "!\u{a0}ls", "! for shell mode").input.expect("a box");
        assert!(shell.shell && !shell.is_clean());
    }

    #[test]
    fn a_folded_paste_is_ours_alone_only_with_our_marker_behind_it_and_as_many_lines() {
        let holds = |shown: &str, text: &str| {
            screen("", &format!("❯\u{a0}{shown}"), "").input.expect("a box").holds_only(text, "[MC_TURN:1:abc]")
        };
        let nine = "a\n".repeat(9);
        assert!(holds("[Pasted text #12 +9 lines][MC_TURN:1:abc]", &nine));
        assert!(holds("[Pasted text #1][MC_TURN:1:abc]", "one endless line"));
        for other in [
            "[Pasted text #1 +9 lines]",
            "[Pasted text #1 +8 lines][MC_TURN:1:abc]",
            "[Pasted text #1 +19 lines][MC_TURN:1:abc]",
            "[Pasted text #1][MC_TURN:1:abc]",
            "a[Pasted text #1 +9 lines][MC_TURN:1:abc]",
            "[Pasted text #1 +9 lines]b[MC_TURN:1:abc]",
            "[Pasted text #1 +9 lines][MC_TURN:1:abc]b",
            "[Pasted text #1 +9 lines][Pasted text #2 +9 lines][MC_TURN:1:abc]",
            "[Pasted text #1 +9 lines][MC_TURN:1:def][Pasted text #2 +9 lines][MC_TURN:1:abc]",
        ] {
            assert!(!holds(other, &nine), "{other}");
        }
    }

    #[test]
    fn work_is_read_from_the_footer_and_never_from_what_was_said() {
        assert!(screen("* Spinning… (2s)", "❯\u{a0}", "⏵⏵ bypass · esc to interrupt · ← for agents").busy);
        assert!(screen("✻ Baking… (3s · esc to interrupt)", "❯\u{a0}", "? for shortcuts").busy);
        let said = screen("● Press esc to interrupt me\n  * esc to interrupt", "❯\u{a0}", "? for shortcuts");
        assert!(!said.busy, "{said:?}");
    }

    #[test]
    fn a_dialog_is_seen_only_where_there_is_no_box() {
        let ask = "❯ q ask me\n\n────────────────────────────\n ☐ Pick\n\nWhich one?\n\n❯ 1. A\n     a\n  2. B\n────────────────────────────\n  4. Chat about this\n\nEnter to select · ↑/↓ to navigate · Esc to cancel\n";
        let seen = read(ask);
        assert_eq!((seen.input, seen.busy), (None, false));
        let words = seen.dialog.expect("a dialog");
        assert!(words.starts_with("☐ Pick · Which one? · ❯ 1. A"), "{words}");
        let lower = read(&ask.replace("❯ 1. A", "  1. A").replace("  4. Chat", "❯ 4. Chat")).dialog.expect("a dialog");
        assert!(lower.starts_with("☐ Pick · Which one?"), "{lower}");
        let trust = read(
            " Do you trust the files in this folder?\n\n ❯ 1. Yes, proceed\n   2. No, exit\n\n Enter to confirm · Esc to exit",
        );
        assert!(trust.dialog.expect("a dialog").contains("trust"));
        let panel = read("▔▔▔▔▔▔▔▔\n  Settings  Status\n\n  Session\n  ←/→ to switch · Esc to close");
        assert!(panel.dialog.expect("a dialog").starts_with("Settings"));
        let said = screen("● Choose:\n❯ 1. Yes\n  Enter to confirm · Esc to cancel", "❯\u{a0}", "⏵⏵ bypass");
        assert_eq!((said.dialog, said.input), (None, input("", 1)));
        assert_eq!(read("starting up\n\n\n"), Screen::default());
    }

    #[test]
    fn last_words_are_those_of_the_program_and_not_its_decoration() {
        let words = last_words("No conversation found with session ID: 5f\n\n\nPane is dead (status 1, Sat Nov 21)\n");
        assert_eq!(words.as_deref(), Some("No conversation found with session ID: 5f"));
        assert_eq!(last_words("● hi\n─────────\n❯ \n─────────\nPane is dead (signal 9)"), None);
        assert_eq!(last_words("\n\n"), None);
    }
}
