//! What Claude Code's screen shows: its input box, whether it works, a dialog. Pure.

use crate::drivers::runtime::live::screen::{AgentScreen, InputBox, bare};
use crate::drivers::runtime::live::terminal_lines::{Line, lines};

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

/// Reads a screen with its escape sequences.
#[must_use]
pub fn read(coloured: &str) -> AgentScreen {
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
    AgentScreen { input: input.map(|(_, _, found)| found), busy, dialog }
}

/// Whether this text and our marker behind it are in the box, and nothing else: the text as it is, or folded into a word
/// for one paste of so many lines.
#[must_use]
pub fn holds_only(input: &InputBox, text: &str, marker: &str) -> bool {
    let mine = bare(&input.text);
    let Some(before) = mine.strip_suffix(marker) else { return false };
    let more = match text.matches('\n').count() {
        0 => String::new(),
        more => format!("+{more}lines"),
    };
    let folded = before.strip_prefix("[Pastedtext#").and_then(|rest| rest.strip_suffix(']'));
    let number = folded.and_then(|inside| inside.strip_suffix(&more));
    before == bare(text) || number.is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
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

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
