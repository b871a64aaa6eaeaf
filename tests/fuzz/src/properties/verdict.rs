//! The verdict of a run: found only where the run's own ticket and nonce stand, told apart by a second reader here.

use super::plain::assert_plain;
use super::stream::concluded;
use mission_control::domain::ids::TicketId;
use mission_control::domain::run::progress::{Progress, ResultLine};
use mission_control::domain::run::question;
use mission_control::domain::run::verdict::{SentinelRead, prefix, sentinel, without_sentinel};
use mission_control::domain::run::{RunState, Verdict};
use serde_json::Value;

const NONCE: &str = "MC_TICKET_TURN:7:1795300000000:1a2b3c4d";
const OTHER: &str = "MC_TICKET_TURN:7:1795300000000:5ca1ab1e";

/// Judges a final text.
pub fn verdict(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Some((verdict, rest)) = prefix(&text) {
        let start = text.trim_start_matches(char::is_whitespace).trim_start_matches("**");
        assert!(start.starts_with(verdict.as_str()), "{verdict} from {text:?}");
        assert!(text.contains(&rest) && rest.trim() == rest);
    }
    for (ticket, nonce) in [(7, NONCE), (7, OTHER), (8, NONCE)] {
        assert_sentinel(&text, TicketId(ticket), nonce);
    }
    assert!(!matches!(sentinel(&text, TicketId(7), ""), SentinelRead::Accepted(..)), "no nonce is nobody's nonce");
    let people = without_sentinel(&text);
    assert!(text.starts_with(people), "something was added");
    assert_eq!(without_sentinel(people), people);
    assert!(!matches!(sentinel(people, TicketId(7), NONCE), SentinelRead::Accepted(..)), "people read a sentinel");
    assert_question(&text);
    assert_judged(&text);
}

fn assert_sentinel(text: &str, ticket: TicketId, nonce: &str) {
    let SentinelRead::Accepted(verdict, payload) = sentinel(text, ticket, nonce) else { return };
    let ours = |line: &str| {
        let read: Value = serde_json::from_str(line.trim()).ok()?;
        let words = read["mc_signal"].is_string() && read["payload"].is_string() && read.as_object()?.len() == 4;
        (words && read["nonce"] == nonce && read["ticket"] == ticket.to_string()).then_some(())
    };
    let last = text.lines().rfind(|l| !l.trim().is_empty()).expect("a text with a sentinel has lines");
    assert!(ours(last).is_some(), "accepted, but the last line is {last:?}");
    // Said twice: each line by itself says what it says, and the more cautious counts.
    let mut found = false;
    for line in text.lines() {
        if let SentinelRead::Accepted(other, words) = sentinel(line, ticket, nonce) {
            assert!(verdict <= other, "{other} is more cautious than {verdict}");
            found |= (other, words) == (verdict, payload.clone());
        }
    }
    assert!(found, "{verdict} was not said");
}

fn assert_question(text: &str) {
    let question::Question { ask, options, .. } = question::read(text);
    assert!(options.is_empty() || (2..=4).contains(&options.len()));
    assert!(options.is_empty() || !ask.is_empty(), "options without a question");
    for option in &options {
        assert!(!option.is_empty() && option.chars().count() <= 40, "{option:?}");
        assert_eq!(mission_control::domain::text::strip_control(option), *option);
        assert!(!option.contains('\n'), "{option:?} is not one line");
    }
    assert!(text.contains(&ask));
}

/// The text as the last word of a run in perfect order.
fn assert_judged(text: &str) {
    let last = ResultLine { text: Some(text.to_owned()), subtype: "success".to_owned(), ..ResultLine::default() };
    let progress = Progress { inits: 1, results: 1, tool_uses: 1, last: Some(last), ..Progress::default() };
    let end = concluded(&progress, Some(0), NONCE);
    assert_plain(&end.payload, "a payload");
    assert_eq!(end.state, RunState::Finished, "a result in good order is never thrown away");
    let signal = match sentinel(text, TicketId(7), NONCE) {
        SentinelRead::Accepted(verdict, _) => Some(verdict),
        SentinelRead::None | SentinelRead::Refused(_) => None,
    };
    let wanted = [signal, prefix(text).map(|p| p.0)].into_iter().flatten().min().unwrap_or(Verdict::Review);
    assert_eq!(end.verdict, Some(wanted), "the most cautious source counts");
}
