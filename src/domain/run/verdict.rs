//! What an agent says of its work: the prefix of its final text, the sentinel line, and the options of a question.

use crate::domain::ids::TicketId;
use crate::domain::run::Verdict;
use crate::domain::text::strip_control;
use crate::domain::time::Time;
use serde::Deserialize;

/// The verdict that a text begins with, and what follows it. Exact: upper case, ASCII colon, at the very start of
/// the first line that is not empty; balanced bold around it is allowed. Anything else is no verdict, and a run
/// without a verdict goes to a person.
#[must_use]
pub fn prefix(text: &str) -> Option<(Verdict, String)> {
    let mut body = text;
    while let Some((line, rest)) = body.split_once('\n')
        && line.trim().is_empty()
    {
        body = rest;
    }
    for verdict in Verdict::ALL {
        let word = verdict.as_str();
        let rest = body
            .strip_prefix(word)
            .and_then(|r| r.strip_prefix(':'))
            .or_else(|| body.strip_prefix("**").and_then(|r| bold_rest(r, word)));
        if let Some(rest) = rest {
            return Some((*verdict, rest.trim().to_owned()));
        }
    }
    None
}

/// After the opening stars: `DONE:** rest` or `DONE**: rest`.
fn bold_rest<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    rest.strip_prefix(":**").or_else(|| rest.strip_prefix("**:"))
}

/// The one-time value of a run: the text of its marker without the brackets. `rand` must come from the machine's
/// randomness, so that nothing a ticket says can foretell it.
#[must_use]
pub fn nonce(ticket: TicketId, now: Time, rand: u32) -> String {
    format!("MC_TICKET_TURN:{}:{}:{rand:08x}", ticket.0, now.0.max(0))
}

/// The completion line as an agent writes it. Exactly these keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sentinel {
    mc_signal: Verdict,
    ticket: String,
    nonce: String,
    payload: String,
}

/// What the last line of a text was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentinelRead {
    /// No sentinel there.
    None,
    /// A sentinel of this run.
    Accepted(Verdict, String),
    /// Something that wanted to be one; why it does not count.
    Refused(String),
}

/// Reads the sentinel, which counts only as the very last line, outside a code fence, with the right ticket and nonce.
#[must_use]
pub fn sentinel(text: &str, ticket: TicketId, nonce: &str) -> SentinelRead {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let Some((last, before)) = lines.split_last() else { return SentinelRead::None };
    if is_fence(last) {
        return match before.last() {
            Some(line) if looks_like_one(line) => SentinelRead::Refused("a sentinel inside a code fence was ignored".to_owned()),
            Some(_) | None => SentinelRead::None,
        };
    }
    if !looks_like_one(last) {
        return SentinelRead::None;
    }
    if before.iter().filter(|l| is_fence(l)).count() % 2 == 1 {
        return SentinelRead::Refused("a sentinel inside a code fence was ignored".to_owned());
    }
    let first = match accept(last, ticket, nonce) {
        Ok(found) => found,
        Err(why) => return SentinelRead::Refused(why),
    };
    // Said twice: the more cautious counts.
    let (verdict, payload) = before
        .iter()
        .filter(|l| looks_like_one(l))
        .filter_map(|l| accept(l, ticket, nonce).ok())
        .fold(first, |best, other| if other.0 < best.0 { other } else { best });
    SentinelRead::Accepted(verdict, payload)
}

fn looks_like_one(line: &str) -> bool {
    line.starts_with('{') && line.contains("\"mc_signal\"")
}

fn is_fence(line: &str) -> bool {
    line.starts_with("```") || line.starts_with("~~~")
}

fn accept(line: &str, ticket: TicketId, nonce: &str) -> Result<(Verdict, String), String> {
    let read: Sentinel = serde_json::from_str(line)
        .map_err(|_| "a malformed sentinel was ignored (exactly mc_signal, ticket, nonce and payload count)")?;
    if read.ticket != ticket.to_string() {
        return Err("a sentinel for another ticket was ignored".to_owned());
    }
    if nonce.is_empty() || read.nonce != nonce {
        return Err("a sentinel with another nonce than this run's was ignored".to_owned());
    }
    Ok((read.mc_signal, read.payload))
}

/// The text without the sentinel lines at its end: what people read.
#[must_use]
pub fn without_sentinel(text: &str) -> &str {
    let mut rest = text.trim_end();
    loop {
        let start = rest.rfind('\n').map_or(0, |at| at + 1);
        if !looks_like_one(rest[start..].trim()) {
            return rest;
        }
        rest = rest[..start].trim_end();
    }
}

/// Quick replies are at most so many.
const MAX_OPTIONS: usize = 4;

/// And at most so long.
const OPTION_CHARS: usize = 40;

/// Splits a question into what is asked and the quick replies it offers: a list at its end, or `Options: a | b`.
/// Where there are too many or too long ones there are none: half a choice would mislead.
#[must_use]
pub fn question_options(text: &str) -> (String, Vec<String>) {
    let text = without_sentinel(text).trim();
    let none = || (text.to_owned(), Vec::new());
    let lines: Vec<&str> = text.lines().collect();
    let Some((last, before)) = lines.split_last() else { return none() };
    let (ask, options) = match options_line(last) {
        Some(options) => (before, options),
        None => {
            let items: Vec<&str> = lines.iter().rev().map_while(|l| list_item(l)).collect();
            (&lines[..lines.len() - items.len()], items.into_iter().rev().collect())
        }
    };
    let options: Vec<String> = options.into_iter().map(plain).filter(|o| !o.is_empty()).collect();
    let fits = (2..=MAX_OPTIONS).contains(&options.len()) && options.iter().all(|o| o.chars().count() <= OPTION_CHARS);
    let ask = ask.join("\n").trim().to_owned();
    if fits && !ask.is_empty() { (ask, options) } else { none() }
}

fn options_line(line: &str) -> Option<Vec<&str>> {
    let line = line.trim();
    let rest = line.strip_prefix("Options:").or_else(|| line.strip_prefix("**Options:**"))?;
    Some(rest.split('|').map(str::trim).collect())
}

fn list_item(line: &str) -> Option<&str> {
    let line = line.trim();
    if let Some(item) = ["- ", "* ", "+ ", "• "].iter().find_map(|bullet| line.strip_prefix(bullet)) {
        return Some(item.trim());
    }
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = line.len() - rest.len();
    if !(1..=2).contains(&digits) {
        return None;
    }
    rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") ")).map(str::trim)
}

/// An option as a person would type it: without emphasis or code marks around it.
fn plain(option: &str) -> String {
    let clean = strip_control(option);
    let mut rest = clean.trim();
    for mark in ["**", "__", "`", "\"", "*"] {
        if let Some(inner) = rest.strip_prefix(mark).and_then(|r| r.strip_suffix(mark)) {
            rest = inner.trim();
        }
    }
    // A lone carriage return has become a line feed: an option stands on one line.
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "MC_TICKET_TURN:7:1795300000000:1a2b3c4d";

    fn read(text: &str) -> SentinelRead {
        sentinel(text, TicketId(7), NONCE)
    }

    fn line(signal: &str, ticket: &str, nonce: &str) -> String {
        format!(r#"{{"mc_signal":"{signal}","ticket":"{ticket}","nonce":"{nonce}","payload":"all green"}}"#)
    }

    #[test]
    fn exactly_the_three_prefixes_count() {
        for (text, wanted) in [
            ("DONE: hi", Some((Verdict::Done, "hi"))),
            ("DONE:", Some((Verdict::Done, ""))),
            ("DONE:hi", Some((Verdict::Done, "hi"))),
            ("REVIEW: look\nmore", Some((Verdict::Review, "look\nmore"))),
            ("QUESTION: which?", Some((Verdict::Question, "which?"))),
            ("\n\n \nDONE: after blank lines", Some((Verdict::Done, "after blank lines"))),
            ("\r\nDONE: crlf\r\n", Some((Verdict::Done, "crlf"))),
            ("**DONE:** bold", Some((Verdict::Done, "bold"))),
            ("**QUESTION**: bold", Some((Verdict::Question, "bold"))),
            ("**DONE: not balanced", None),
            ("*DONE:* single star", None),
            ("DONE", None),
            ("DONE : hi", None),
            ("Done: hi", None),
            ("done: hi", None),
            (" DONE: hi", None),
            ("\tDONE: hi", None),
            ("\u{feff}DONE: hi", None),
            ("\u{200b}DONE: hi", None),
            ("DONE： full-width colon", None),
            ("ＤONE: full-width letter", None),
            ("```\nDONE: fenced\n```", None),
            ("> DONE: quoted", None),
            ("# DONE: heading", None),
            ("- DONE: item", None),
            ("I am DONE: yes", None),
            ("All good.\nDONE: in the middle", None),
            ("DONE REVIEW: both", None),
            ("UNDONE: no", None),
            ("", None),
            (" \n\t\n", None),
        ] {
            let wanted = wanted.map(|(v, t)| (v, t.to_owned()));
            assert_eq!(prefix(text), wanted, "{text:?}");
        }
    }

    #[test]
    fn the_first_of_two_prefixes_is_the_texts() {
        assert_eq!(prefix("REVIEW: a\nDONE: b").map(|p| p.0), Some(Verdict::Review));
    }

    #[test]
    fn a_nonce_names_ticket_moment_and_chance() {
        assert_eq!(nonce(TicketId(7), Time(1_795_300_000_000), 0x1a2b_3c4d), NONCE);
        assert!(nonce(TicketId(7), Time(1), 5).ends_with(":1:00000005"));
    }

    #[test]
    fn a_sentinel_counts_only_with_ticket_and_nonce_as_the_last_line() {
        let good = line("DONE", "MC-7", NONCE);
        let accepted = SentinelRead::Accepted(Verdict::Done, "all green".to_owned());
        assert_eq!(read(&good), accepted);
        assert_eq!(read(&format!("All done.\n\n{good}\n \n")), accepted);
        assert_eq!(read(&format!("```\ncode\n```\n{good}")), accepted);
        assert_eq!(read(&format!("{good}\nand one more thing")), SentinelRead::None);
        assert_eq!(read("nothing of the kind"), SentinelRead::None);
        assert_eq!(read(""), SentinelRead::None);
    }

    #[test]
    fn everything_else_that_looks_like_a_sentinel_is_refused() {
        let good = line("DONE", "MC-7", NONCE);
        let extra = good.replace("\"payload\"", "\"extra\":1,\"payload\"");
        let missing = r#"{"mc_signal":"DONE","ticket":"MC-7"}"#.to_owned();
        let twice_in_one = good.replace("{\"mc_signal\":\"DONE\"", "{\"mc_signal\":\"QUESTION\",\"mc_signal\":\"DONE\"");
        for text in [
            line("DONE", "MC-8", NONCE),
            line("DONE", "mc-7", NONCE),
            line("DONE", "MC-7", "MC_TICKET_TURN:7:1795300000000:00000000"),
            line("DONE", "MC-7", &NONCE[..NONCE.len() - 1]),
            line("DONE", "MC-7", ""),
            line("done", "MC-7", NONCE),
            line("APPROVE", "MC-7", NONCE),
            extra,
            missing,
            twice_in_one,
            format!("```json\n{good}\n```"),
            format!("```\n{good}"),
            format!("{good} trailing"),
        ] {
            assert!(matches!(read(&text), SentinelRead::Refused(_)), "{text}");
        }
        assert!(matches!(sentinel(&line("DONE", "MC-7", ""), TicketId(7), ""), SentinelRead::Refused(_)));
    }

    #[test]
    fn of_two_sentinels_the_more_cautious_counts() {
        let text = format!("{}\n{}", line("QUESTION", "MC-7", NONCE), line("DONE", "MC-7", NONCE));
        assert!(matches!(read(&text), SentinelRead::Accepted(Verdict::Question, _)));
        assert_eq!(without_sentinel(&format!("Ready.\n\n{text}\n")), "Ready.");
    }

    #[test]
    fn people_read_the_text_without_its_sentinel() {
        assert_eq!(without_sentinel(&format!("DONE: ok\n{}", line("DONE", "MC-7", NONCE))), "DONE: ok");
        assert_eq!(without_sentinel("DONE: ok\n"), "DONE: ok");
        assert_eq!(without_sentinel(&line("DONE", "MC-7", NONCE)), "");
    }

    #[test]
    fn a_question_offers_its_list_as_quick_replies() {
        let (ask, options) = question_options("Which region?\n\n- eu-central-1\n- **us-east-1**\n");
        assert_eq!(ask, "Which region?");
        assert_eq!(options, ["eu-central-1", "us-east-1"]);
        assert_eq!(question_options("Keep it?\nOptions: yes | no | `later`").1, ["yes", "no", "later"]);
        assert_eq!(question_options("Pick:\n1. red\n2) blue").1, ["red", "blue"]);
        assert_eq!(question_options("Pick:\nOptions: dark\rred | blue").1, ["dark red", "blue"]);
    }

    #[test]
    fn a_list_that_is_no_choice_offers_nothing() {
        for text in [
            "Which region?",
            "- one\n- two",
            "What now?\n- only one",
            "What now?\n- a\n- b\n- c\n- d\n- e",
            "What now?\n- a\n- a very long option that nobody could fit on a button of a phone",
            "What now?\n- a\n- b\nPlease say.",
            "In 2026 we\n2026. no list",
            "",
        ] {
            let (ask, options) = question_options(text);
            assert!(options.is_empty(), "{text:?} gave {options:?}");
            assert_eq!(ask, text);
        }
    }
}
