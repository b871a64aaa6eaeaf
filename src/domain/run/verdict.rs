//! What an agent says of its work: the prefix of its final text and the sentinel line.

use crate::domain::ids::TicketId;
use crate::domain::run::Verdict;
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
}
