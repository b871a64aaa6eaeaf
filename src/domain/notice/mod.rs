//! Notices: what the owner is told outside the page, with buttons; and how a text becomes messages.

pub mod texts;

use crate::domain::ids::{NoticeId, ProposalId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;
use serde::{Deserialize, Serialize};

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeState {
    /// Waits for its turn, for the end of the quiet hours, or for the next try. The outbox claims it.
    Pending,
    /// In the outbox's hands. Found after a crash, it is sent once more: at least once, told apart by its mark.
    Sending,
    /// In the chat. Terminal.
    Sent,
    /// Given up after refusals; the error says why. Terminal.
    Failed,
    /// Not sent and no longer worth it: nothing to send with, overtaken, too old. Terminal.
    Unsent,
}
text_enum!(NoticeState { Pending = "pending", Sending = "sending", Sent = "sent", Failed = "failed", Unsent = "unsent" });

/// What becomes of a sent notice's buttons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ButtonsState {
    /// They may be pressed (or there are none).
    Open,
    /// What they are for is over: the outbox takes them away.
    Stale,
    /// Taken away. Terminal.
    Gone,
}
text_enum!(ButtonsState { Open = "open", Stale = "stale", Gone = "gone" });

/// A button under a notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What it says.
    pub label: String,
    /// What it does, as [`Press`] reads it: `approve:MC-12`, `resume:claude`.
    pub action: String,
}

impl Button {
    /// A button.
    #[must_use]
    pub fn new(label: &str, press: &Press) -> Button {
        Button { label: label.to_owned(), action: press.text() }
    }
}

/// What pressing a button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// Settles a ticket in review.
    Approve(TicketId),
    /// Sends a ticket back: asks for words first.
    Return(TicketId),
    /// Starts a blocked ticket again.
    Retry(TicketId),
    /// Starts a ticket.
    Start(TicketId),
    /// Replies with the button's label.
    Answer(TicketId),
    /// Applies a proposal.
    Do(ProposalId),
    /// Ends a profile's pause.
    Resume(String),
}

impl Press {
    /// The stored word.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Press::Approve(id) => format!("approve:{id}"),
            Press::Return(id) => format!("return:{id}"),
            Press::Retry(id) => format!("retry:{id}"),
            Press::Start(id) => format!("start:{id}"),
            Press::Answer(id) => format!("answer:{id}"),
            Press::Do(id) => format!("do:{id}"),
            Press::Resume(profile) => format!("resume:{profile}"),
        }
    }

    /// Reads what [`Press::text`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Press> {
        let (verb, of) = text.split_once(':')?;
        let ticket = || of.parse::<TicketId>().ok();
        match verb {
            "approve" => ticket().map(Press::Approve),
            "return" => ticket().map(Press::Return),
            "retry" => ticket().map(Press::Retry),
            "start" => ticket().map(Press::Start),
            "answer" => ticket().map(Press::Answer),
            "do" => of.parse().ok().map(|id| Press::Do(ProposalId(id))),
            "resume" if !of.is_empty() => Some(Press::Resume(of.to_owned())),
            _ => None,
        }
    }
}

/// Something to tell the owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// Names the occasion: the same key is told once.
    pub key: String,
    /// Plain text; its first line is its headline.
    pub text: String,
    /// Buttons under it.
    pub buttons: Vec<Button>,
    /// The ticket it is about: a reply to it is a reply there.
    pub ticket: Option<TicketId>,
    /// Goes first, and does not wait for the end of the quiet hours.
    pub urgent: bool,
}

/// A notice as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its number.
    pub id: NoticeId,
    /// What is told.
    pub notice: Notice,
    /// Where it stands.
    pub state: NoticeState,
    /// Tries so far.
    pub attempts: i64,
    /// The chat it goes to; none = not yet given to the configured ones.
    pub chat: Option<i64>,
    /// Answers what a person just said in that chat: never waits for quiet hours.
    pub answer: bool,
    /// Asks for words: the chat's next reply to it is taken for the ticket.
    pub asks_words: bool,
    /// Parts of a long text that are in the chat.
    pub parts_sent: i64,
    /// The message that carries the buttons.
    pub message_id: Option<i64>,
    /// Whether its buttons still count.
    pub buttons_state: ButtonsState,
    /// Why the last try failed.
    pub error: Option<String>,
    /// When it was told.
    pub created_at: Time,
    /// When it was in the chat.
    pub sent_at: Option<Time>,
}

/// The most units (UTF-16, as the Bot API counts) of one message.
pub const MESSAGE_UNITS: usize = 4_096;

/// No text is cut into more parts than this; the rest stands on the page.
const PARTS_MAX: usize = 5;

/// The wait before the next try: 1 s, doubled each time, at most 10 minutes.
#[must_use]
pub fn backoff_ms(attempts: i64) -> i64 {
    let doubled = 1_000_i64.saturating_mul(1 << attempts.clamp(1, 20).saturating_sub(1));
    doubled.min(600_000)
}

/// The short mark at the end of a notice's text: two messages with the same mark are the same notice.
#[must_use]
pub fn mark(key: &str) -> String {
    // FNV-1a, folded: stable over versions, which the standard hasher is not.
    let hash = key.bytes().fold(0x811c_9dc5_u32, |h, b| (h ^ u32::from(b)).wrapping_mul(0x0100_0193));
    format!("#{:04x}", (hash >> 16) ^ (hash & 0xffff))
}

/// Cuts a text into messages of at most `units` UTF-16 units, at line ends where there are any, never inside a character.
#[must_use]
pub fn split(text: &str, units: usize) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let end = fitting(rest, units);
        if end == rest.len() {
            parts.push(rest.to_owned());
            break;
        }
        // A line end in the second half of what fits; else a blank there; else in the middle of a word.
        let window = &rest[..end];
        let soft = |sign: char| window.rfind(sign).filter(|at| *at >= end / 2);
        let cut = soft('\n').or_else(|| soft(' ')).unwrap_or(end);
        parts.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start_matches('\n').trim_start_matches(' ');
    }
    parts.retain(|p| !p.is_empty());
    parts
}

/// The most bytes at the beginning of a text that are at most so many UTF-16 units; at least one character.
fn fitting(text: &str, units: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.len_utf16();
        if used > units && at > 0 {
            return at;
        }
    }
    text.len()
}

/// The messages of a notice, plain: its text in parts, with the mark at the very end.
#[must_use]
pub fn messages(text: &str, key: &str) -> Vec<String> {
    let mark = mark(key);
    // Room for the mark in whichever part is the last, and for the word that the rest is missing.
    let mut parts = split(text, MESSAGE_UNITS - 40);
    if parts.len() > PARTS_MAX {
        parts.truncate(PARTS_MAX);
        if let Some(last) = parts.last_mut() {
            last.push_str("\n… the rest is on the page");
        }
    }
    match parts.last_mut() {
        Some(last) => last.push_str(&format!("\n{mark}")),
        None => parts.push(mark),
    }
    parts
}

/// A plain part as Telegram's HTML: everything escaped, the first line of the first part bold.
#[must_use]
pub fn html(part: &str, first: bool) -> String {
    let escaped = part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    match escaped.split_once('\n') {
        Some((head, rest)) if first && !head.is_empty() => format!("<b>{head}</b>\n{rest}"),
        Some(_) | None => escaped,
    }
}

/// The hours in which only urgent notices are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quiet {
    /// First quiet minute of the day.
    pub from: u32,
    /// First minute that is not quiet again.
    pub to: u32,
    /// Whose clock.
    pub zone: chrono_tz::Tz,
}

impl Quiet {
    /// Reads `22:00-07:00`.
    #[must_use]
    pub fn parse(text: &str, zone: chrono_tz::Tz) -> Option<Quiet> {
        let (from, to) = text.split_once('-')?;
        let (from, to) = (minute(from.trim())?, minute(to.trim())?);
        (from != to).then_some(Quiet { from, to, zone })
    }

    /// Whether a moment is quiet.
    #[must_use]
    pub fn holds(&self, now: Time) -> bool {
        use chrono::Timelike;
        let local = now.utc().with_timezone(&self.zone);
        let at = local.hour() * 60 + local.minute();
        if self.from < self.to { (self.from..self.to).contains(&at) } else { at >= self.from || at < self.to }
    }
}

fn minute(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two = |t: &str| (t.len() == 2 && t.bytes().all(|b| b.is_ascii_digit())).then(|| t.parse::<u32>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn units(text: &str) -> usize {
        text.encode_utf16().count()
    }

    #[test]
    fn a_press_is_read_as_it_was_written() {
        for press in [
            Press::Approve(TicketId(12)),
            Press::Return(TicketId(1)),
            Press::Retry(TicketId(3)),
            Press::Start(TicketId(4)),
            Press::Answer(TicketId(5)),
            Press::Do(ProposalId(17)),
            Press::Resume("claude:max".to_owned()),
        ] {
            assert_eq!(Press::parse(&press.text()), Some(press));
        }
        for bad in ["", "approve", "approve:", "approve:MC-0", "resume:", "do:x", "drop:MC-1"] {
            assert_eq!(Press::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_line_ends() {
        let text = (0..500).map(|n| format!("line {n} of a long answer\n")).collect::<String>();
        let parts = messages(&text, "k");
        assert!(parts.len() > 2);
        assert!(parts.iter().all(|p| units(p) <= MESSAGE_UNITS));
        assert!(parts[0].ends_with("answer"), "{:?}", parts[0].chars().rev().take(20).collect::<String>());
        assert!(parts.last().expect("parts").ends_with(&mark("k")));
    }

    #[test]
    fn an_endless_text_says_that_more_is_on_the_page() {
        let parts = messages(&"x".repeat(100_000), "k");
        assert_eq!(parts.len(), PARTS_MAX);
        assert!(parts[PARTS_MAX - 1].contains("the rest is on the page"));
        assert!(parts.iter().all(|p| units(p) <= MESSAGE_UNITS));
    }

    #[test]
    fn markup_of_strangers_is_text() {
        assert_eq!(html("a <b>&\"x\"\nnext", true), "<b>a &lt;b&gt;&amp;&quot;x&quot;</b>\nnext");
        assert_eq!(html("<i>", false), "&lt;i&gt;");
    }

    #[test]
    fn a_mark_is_short_and_stays() {
        assert_eq!(mark("needs:MC-12:7"), mark("needs:MC-12:7"));
        assert_ne!(mark("needs:MC-12:7"), mark("needs:MC-12:8"));
        assert_eq!(mark("x").len(), 5);
    }

    #[test]
    fn tries_wait_longer_each_time_and_never_too_long() {
        let waits: Vec<i64> = [1, 2, 3, 10, 20, 64].map(backoff_ms).to_vec();
        assert_eq!(waits, [1_000, 2_000, 4_000, 512_000, 600_000, 600_000]);
    }

    #[test]
    fn quiet_hours_go_over_midnight_in_their_own_zone() {
        let zone = chrono_tz::Europe::Berlin;
        let quiet = Quiet::parse("22:00-07:00", zone).expect("hours");
        let at = |text: &str| Time(chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis());
        // Summer: two hours before UTC's.
        assert!(quiet.holds(at("2026-07-01T20:00:00Z")));
        assert!(!quiet.holds(at("2026-07-01T19:59:00Z")));
        assert!(quiet.holds(at("2026-07-02T04:59:00Z")));
        assert!(!quiet.holds(at("2026-07-02T05:00:00Z")));
        // Winter: one hour.
        assert!(!quiet.holds(at("2026-12-01T20:30:00Z")));
        assert!(quiet.holds(at("2026-12-01T21:00:00Z")));
        for bad in ["", "22-7", "22:00", "24:00-07:00", "22:60-07:00", "22:00-22:00", "2:00-07:00"] {
            assert_eq!(Quiet::parse(bad, zone), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_part_is_too_long_and_no_letter_is_lost(text in "(?s).{0,400}", most in 2usize..60) {
            let parts = split(&text, most);
            prop_assert!(parts.iter().all(|p| units(p) <= most && !p.is_empty()));
            let solid = |t: &str| t.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(solid(&parts.concat()), solid(&text));
        }
    }
}
