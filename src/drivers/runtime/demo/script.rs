//! What a ticket tells the demo agent to act: directives in square brackets, read from the ticket's own part of the brief.

use crate::domain::ids::TicketId;
use crate::domain::run::brief::data_parts;
use crate::domain::text::cut_chars;
use serde::{Deserialize, Serialize};

/// Steps at most.
const MAX_STEPS: u32 = 10_000;

/// Milliseconds between two steps at most.
const MAX_EVERY_MS: u64 = 60_000;

/// One thing to act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Directive {
    /// `[demo: ask Which region? | eu-central-1 | us-east-1]`
    Ask { question: String, options: Vec<String> },
    /// `[demo: review]`
    Review,
    /// `[demo: steps 20 every 100ms]`, `[demo: steps 20 100]`
    Steps { count: u32, every_ms: Option<u64> },
    /// `[demo: fail]`
    Fail,
    /// `[demo: limit]`
    Limit,
    /// `[demo: hang]`
    Hang,
    /// `[demo: say TEXT]`
    Say(String),
    /// `[demo: tokens 800000]`: so many in its context from now on
    Tokens(i64),
}

/// All directives of a text, in order. What is not understood is left alone.
pub(crate) fn directives(text: &str) -> Vec<Directive> {
    text.split("[demo:").skip(1).filter_map(|rest| directive(rest.split_once(']')?.0.trim())).collect()
}

fn directive(text: &str) -> Option<Directive> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    match word {
        "ask" => {
            let mut parts = rest.split('|').map(|p| p.trim().to_owned());
            let question = parts.next().filter(|q| !q.is_empty())?;
            Some(Directive::Ask { question, options: parts.filter(|o| !o.is_empty()).take(4).collect() })
        }
        "review" => Some(Directive::Review),
        "fail" => Some(Directive::Fail),
        "limit" => Some(Directive::Limit),
        "hang" => Some(Directive::Hang),
        "say" => Some(Directive::Say(rest.to_owned())),
        "tokens" => rest.parse().ok().filter(|n| (0..=100_000_000).contains(n)).map(Directive::Tokens),
        "steps" => {
            let mut words = rest.split_whitespace();
            let count = words.next()?.parse::<u32>().ok()?.min(MAX_STEPS);
            let every_ms = match (words.next(), words.next()) {
                (Some("every"), Some(span)) | (Some(span), None) => {
                    Some(span.strip_suffix("ms").unwrap_or(span).parse::<u64>().ok()?.min(MAX_EVERY_MS))
                }
                _ => None,
            };
            Some(Directive::Steps { count, every_ms })
        }
        _ => None,
    }
}

/// What the demo agent takes from a brief.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// The ticket's number.
    pub ticket: Option<TicketId>,
    /// Title and description; none in a session that goes on.
    pub text: Option<String>,
    /// What a person replied.
    pub replies: Vec<String>,
}

/// Reads a brief.
pub(crate) fn words(brief: &str) -> Words {
    // The number is read from our own words, before anything that others wrote.
    let head = brief.split("BEGIN ").next().unwrap_or_default();
    let ticket = head.split("MC-").nth(1).map(|rest| &rest[..rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())]);
    let mut words = Words { ticket: ticket.and_then(|n| n.parse().ok()), ..Words::default() };
    for (label, text) in data_parts(brief) {
        match label.as_str() {
            "ticket" => words.text = Some(text),
            label if label.starts_with("reply") => words.replies.push(text),
            _ => {}
        }
    }
    words
}

/// What the demo agent remembers of a session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// The ticket's number.
    pub ticket: Option<TicketId>,
    /// Title and description.
    pub text: String,
    /// Its question was asked.
    pub asked: bool,
    /// The limit was acted.
    pub limited: bool,
}

impl Memory {
    /// The ticket's title.
    pub fn title(&self) -> String {
        let line = self.text.lines().next().unwrap_or_default();
        cut_chars(line.strip_prefix("Title: ").unwrap_or(line), 120).0.to_owned()
    }

    /// The name of the note's file, without its ending: letters, digits and a dash only.
    pub fn slug(&self) -> String {
        self.ticket.map_or_else(|| "demo".to_owned(), |t| t.to_string().to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_are_read_in_order_and_bounded() {
        let text =
            "Do it [demo: say hello there] then [demo: steps 20 every 100ms][demo:ask Which region? | eu | us]\n[demo: review]";
        assert_eq!(
            directives(text),
            [
                Directive::Say("hello there".to_owned()),
                Directive::Steps { count: 20, every_ms: Some(100) },
                Directive::Ask { question: "Which region?".to_owned(), options: vec!["eu".to_owned(), "us".to_owned()] },
                Directive::Review,
            ]
        );
        assert_eq!(
            directives("[demo: steps 999999 every 99999999ms]"),
            [Directive::Steps { count: 10_000, every_ms: Some(60_000) }]
        );
    }

    #[test]
    fn what_is_no_directive_is_left_alone() {
        for text in
            ["", "[demo: ]", "[demo: dance]", "[demo: ask ]", "[demo: steps]", "[demo: steps -1]", "[demo: fail", "demo: fail]"]
        {
            assert_eq!(directives(text), [], "{text}");
        }
    }

    #[test]
    fn only_the_tickets_own_part_is_acted() {
        let brief = "You work on ticket MC-12.\nBEGIN q9 ticket\nTitle: x\nEND q9\nBEGIN q9 history\n[demo: fail]\nEND q9\nBEGIN q9 reply by Ann\nyes\nEND q9\n";
        let words = words(brief);
        assert_eq!(words.ticket, Some(TicketId(12)));
        assert_eq!(words.text.as_deref(), Some("Title: x"));
        assert_eq!(words.replies, ["yes"]);
    }
}
