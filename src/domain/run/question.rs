//! A question as people are shown it: what is asked, why, and the answers it offers. One reading for the pages, for
//! Telegram and for whoever else shows it.
//!
//! Offered answers are a line `Options: a | b`, or a list (bullets, numbers or letters) of two to four short entries that
//! is a choice: it closes the text, or the line before it asks or says so. Half a choice would mislead, and so would the
//! files that are to be deleted: what is anything else is no offer, and an answer is then written in words.

use crate::domain::run::verdict;
use crate::domain::text::strip_control;

/// The most answers that are offered.
pub const MAX_OPTIONS: usize = 4;
/// The longest answer that is offered, in characters.
pub const OPTION_CHARS: usize = 40;

/// A question, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Question {
    /// What is asked: the first sentence that ends in a question mark, else the first line.
    pub ask: String,
    /// All else that was said, as one line; may be empty.
    pub why: String,
    /// Offered answers, the agent's own choice first; none, or two and more.
    pub options: Vec<String>,
}

/// Reads what an agent asked.
#[must_use]
pub fn read(text: &str) -> Question {
    let text = verdict::without_sentinel(text).trim();
    let (said, options) = offered(text).unwrap_or_else(|| (text.to_owned(), Vec::new()));
    let (ask, why) = asked(said.trim());
    Question { ask, why, options }
}

/// Reads what an agent asked from the comment that keeps it: behind the word `QUESTION:`, where it begins so.
#[must_use]
pub fn of_comment(said: &str) -> Question {
    match verdict::prefix(said) {
        Some((_, rest)) => read(&rest),
        None => read(said),
    }
}

/// The sentence that asks, and the rest.
fn asked(said: &str) -> (String, String) {
    let mark = said.find("? ").or_else(|| said.find("?\n")).or_else(|| said.ends_with('?').then(|| said.len() - 1));
    let (ask, why) = match mark {
        Some(at) => {
            let begin = said[..at].rfind(". ").map_or(0, |i| i + 2).max(said[..at].rfind('\n').map_or(0, |i| i + 1));
            (&said[begin..=at], format!("{} {}", &said[..begin], &said[at + 1..]))
        }
        None => said.split_once('\n').map_or((said, String::new()), |(a, b)| (a, b.to_owned())),
    };
    (ask.trim().to_owned(), one_line(&why))
}

/// The text without its offered answers, and these. None where it offers none.
fn offered(text: &str) -> Option<(String, Vec<String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let fenced = fenced(&lines);
    let named =
        (0..lines.len()).rev().find_map(|n| (!fenced[n]).then(|| options_line(lines[n])).flatten().map(|o| (n..n + 1, o)));
    let (at, options) = match named {
        Some(found) => found,
        None => lists(&lines, &fenced).into_iter().rev().find(|list| is_choice(&lines, &list.0))?,
    };
    let options: Vec<String> = options.into_iter().map(plain).filter(|o| !o.is_empty()).collect();
    let fits = (2..=MAX_OPTIONS).contains(&options.len()) && options.iter().all(|o| o.chars().count() <= OPTION_CHARS);
    let said = [&lines[..at.start], &lines[at.end..]].concat().join("\n").trim().to_owned();
    (fits && !said.is_empty()).then_some((said, options))
}

/// Which lines stand in a block of code.
fn fenced(lines: &[&str]) -> Vec<bool> {
    let mut inside = false;
    let mark = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        inside || fence
    };
    lines.iter().map(mark).collect()
}

fn options_line(line: &str) -> Option<Vec<&str>> {
    let line = line.trim().trim_start_matches(['*', '_']);
    let word = line.get(.."options".len()).filter(|word| word.eq_ignore_ascii_case("options"))?;
    let rest = line[word.len()..].trim_start_matches(['*', '_']).strip_prefix(':')?;
    let parts: Vec<&str> = rest.trim_start_matches(['*', '_']).split('|').map(str::trim).collect();
    (parts.len() > 1).then_some(parts)
}

type List<'a> = (std::ops::Range<usize>, Vec<&'a str>);

/// The lists of a text, each with its lines. One whose entries have lines or entries of their own below them has none that
/// could be pressed: it is there, and empty.
fn lists<'a>(lines: &[&'a str], fenced: &[bool]) -> Vec<List<'a>> {
    let mut found: Vec<List<'a>> = Vec::new();
    let mut open: Option<(List<'a>, usize, bool)> = None;
    let close = |open: &mut Option<(List<'a>, usize, bool)>, found: &mut Vec<List<'a>>| {
        if let Some(((at, entries), _, nested)) = open.take() {
            found.push((at, if nested { Vec::new() } else { entries }));
        }
    };
    for (n, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let entry = if fenced[n] { None } else { list_entry(line) };
        match (&mut open, entry) {
            (Some((_, outer, nested)), _) if !line.trim().is_empty() && indent > *outer => *nested = true,
            (Some(((at, entries), _, _)), Some(entry)) => {
                entries.push(entry);
                at.end = n + 1;
            }
            (None, Some(entry)) => open = Some(((n..n + 1, vec![entry]), indent, false)),
            (_, None) if line.trim().is_empty() => {}
            (_, None) => close(&mut open, &mut found),
        }
    }
    close(&mut open, &mut found);
    found
}

fn list_entry(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(entry) = ["- ", "* ", "+ ", "• "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(entry.trim());
    }
    let (mark, rest) = line.split_once(['.', ')'])?;
    let number = (1..=2).contains(&mark.len()) && mark.bytes().all(|b| b.is_ascii_digit());
    let letter = mark.len() == 1 && mark.bytes().all(|b| b.is_ascii_alphabetic());
    (number || letter).then(|| rest.strip_prefix(' ')).flatten().map(str::trim)
}

/// Whether a list is what may be answered: nothing comes after it, or the line before it asks or announces a choice.
/// Where what comes after it asks as well, that is the question, but for one that asks to choose.
fn is_choice(lines: &[&str], at: &std::ops::Range<usize>) -> bool {
    let after = lines[at.end..].join("\n");
    if after.trim().is_empty() {
        return true;
    }
    let before = lines[..at.start].iter().rev().find(|l| !l.trim().is_empty()).map_or("", |l| l.trim());
    let before = before.trim_end_matches(['*', '_', ':', ' ']);
    let says = |text: &str, words: &[&str]| {
        let mut all = text.split(|c: char| !c.is_alphanumeric());
        all.any(|word| words.iter().any(|known| word.eq_ignore_ascii_case(known)))
    };
    const OFFERS: &[&str] = &["option", "options", "choose", "choice", "choices", "pick", "alternatives"];
    const CHOOSES: &[&str] = &["which", "choose", "choice", "pick", "prefer", "option", "options"];
    if after.contains('?') {
        return says(before, OFFERS) || before.ends_with('?') && says(&after, CHOOSES);
    }
    before.ends_with('?') || says(before, OFFERS) || says(before, CHOOSES)
}

/// An answer as a person would type it: without emphasis or code marks around it.
fn plain(option: &str) -> String {
    let clean = strip_control(option);
    let mut rest = clean.trim();
    for mark in ["**", "__", "`", "\"", "*"] {
        if let Some(inner) = rest.strip_prefix(mark).and_then(|r| r.strip_suffix(mark)) {
            rest = inner.trim();
        }
    }
    // A lone carriage return has become a line feed: an answer stands on one line.
    one_line(rest)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
