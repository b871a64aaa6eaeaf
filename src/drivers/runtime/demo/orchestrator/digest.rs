//! What the demo agent makes of a digest, by plain rules: routine is left alone, the third failure of a kind becomes a
//! ticket, what somebody must look at is told to the owner. Directives in reports are not acted: they are material.

use crate::domain::text::shortened;
use serde_json::{Value, json};

/// Failures of one kind that make a ticket.
const TICKET_AT: usize = 3;
/// Characters of a title, and of what the owner is told.
const WORDS: usize = 110;

/// One line of a digest: reports of one kind.
#[derive(Debug, PartialEq, Eq)]
struct Line<'a> {
    /// What is reported about.
    about: &'a str,
    items: Vec<i64>,
    critical: bool,
    words: &'a str,
}

/// The reply to a digest; none where the message is no digest.
pub(crate) fn answer(message: &str) -> Option<String> {
    let number = message.strip_prefix("Digest ")?.split_once(':')?.0;
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (mut routine, mut actions, mut read) = (Vec::<i64>::new(), Vec::new(), 0);
    for line in lines(message) {
        match judge(&line) {
            Word::Routine => routine.extend(&line.items),
            Word::Read => read += line.items.len(),
            Word::Does(action) => actions.push(action),
        }
    }
    let said = format!(
        "demo: digest {number} by plain rules, without any model: {} routine, {read} only read, {} to be acted on.",
        routine.len(),
        actions.len()
    );
    if !routine.is_empty() {
        actions.push(json!({"kind": "ignore", "reason": "routine", "items": routine}));
    }
    if actions.is_empty() {
        return Some(said);
    }
    let block = serde_json::to_string(&json!({"mc_actions": actions})).unwrap_or_default();
    Some(format!("{said}\n\n```json\n{block}\n```"))
}

/// What a line comes to.
enum Word {
    Routine,
    Read,
    Does(Value),
}

fn judge(line: &Line<'_>) -> Word {
    let lower = line.words.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    let says_so = line.about.is_empty() || line.words.starts_with(line.about);
    let about = if says_so { String::new() } else { format!("{}: ", line.about) };
    let short = shortened(&format!("{about}{}", line.words), WORDS);
    if lower.starts_with("ok") || has(&["goes on by itself", "began afresh"]) {
        return Word::Routine;
    }
    if lower.starts_with("login refused") {
        return Word::Read;
    }
    let fails = has(&["fail", "timed out", "error", "is blocked"]);
    let row = lower.split_once(" in a row").and_then(|(before, _)| before.rsplit(' ').next()?.parse::<usize>().ok());
    let often = row.unwrap_or(0).max(line.items.len()) >= TICKET_AT;
    let covered = row.is_some() && line.words.contains("(MC-");
    match (fails, often, covered) {
        (true, true, true) => Word::Read,
        (true, true, false) => Word::Does(json!({
            "kind": "create_ticket",
            "title": short,
            "description": format!("Reported again and again, the last time as:\n\n    {}\n\nItems of the inbox: {:?}.", line.words, line.items),
        })),
        (true, false, _) if line.critical || lower.contains("is blocked") => Word::Does(json!({"kind": "notify", "text": short})),
        (true, false, _) => Word::Read,
        (false, ..) if line.critical => Word::Does(json!({"kind": "notify", "text": short})),
        (false, ..) => Word::Routine,
    }
}

fn lines(message: &str) -> Vec<Line<'_>> {
    let mut found = Vec::new();
    let mut about = "";
    for text in message.lines().skip(1).take_while(|l| !l.starts_with("How to answer:")) {
        match text.strip_prefix("- ") {
            Some(rest) => found.extend(line(about, rest)),
            None => about = text.split_once(": ").map_or("", |(_, about)| about),
        }
    }
    found
}

fn line<'a>(about: &'a str, text: &'a str) -> Option<Line<'a>> {
    let mut rest = text;
    let mut items = Vec::new();
    let mut critical = false;
    loop {
        let (word, after) = rest.split_once(' ')?;
        if let Some(id) = word.strip_prefix('#') {
            items.push(id.parse().ok()?);
        } else if word == "critical" {
            critical = true;
        } else if !(word.starts_with('×') || word == "low") {
            // The hour stands before the words.
            rest = after;
            break;
        }
        rest = after;
    }
    let words = rest.strip_prefix("(run ").and_then(|r| r.split_once(") ")).map_or(rest, |(_, words)| words);
    (!items.is_empty()).then_some(Line { about, items, critical, words })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ItemId;
    use crate::domain::inbox::digest::compose;
    use crate::domain::inbox::{InboxPriority, Item, ItemStatus, Source};
    use crate::domain::time::Time;

    fn item(id: i64, source: Source, about: &str, priority: InboxPriority, message: &str) -> Item {
        Item {
            id: ItemId(id),
            source,
            source_id: Some(about.to_owned()),
            message: message.to_owned(),
            priority,
            status: ItemStatus::Pending,
            created_at: Time(1_795_264_860_000 + id * 60_000),
            processed_at: None,
            claim_expires_at: None,
        }
    }

    fn actions(reply: &str) -> Vec<Value> {
        let found = crate::domain::orchestrator::proposal_block::read(reply).expect("a good block").expect("a block");
        found.actions.iter().map(|a| serde_json::from_str(&a.json()).expect("JSON")).collect()
    }

    #[test]
    fn routine_is_silent_the_third_failure_a_ticket_and_a_blocked_ticket_is_told() {
        use InboxPriority::{Critical, Normal};
        let digest = compose(
            4,
            &[
                item(1, Source::Scheduler, "backup/7", Normal, "ok: 4 databases, error rate 0"),
                item(2, Source::Api, "mirror", Normal, "failed: no route"),
                item(3, Source::Api, "mirror", Normal, "failed: no route 2"),
                item(4, Source::Api, "mirror", Normal, "failed: no route 3"),
                item(5, Source::Scheduler, "feeds/9", Normal, "failed, 4 in a row (MC-7): exit 1"),
                item(6, Source::Pickup, "MC-9", Normal, "MC-9 is blocked: attempt 3 of MC-9 failed: crashed"),
                item(7, Source::SelfHeal, "disk", Critical, "91 % of the disk is used"),
                item(8, Source::Api, "", Normal, "[demo: hang] three new entries"),
            ],
        );
        let reply = answer(&digest).expect("a digest");
        let actions = actions(&reply);
        let kinds: Vec<&str> = actions.iter().filter_map(|a| a["kind"].as_str()).collect();
        assert_eq!(kinds, ["create_ticket", "notify", "notify", "ignore"], "{reply}");
        assert!(actions[0]["title"].as_str().is_some_and(|t| t.starts_with("mirror: failed")), "{reply}");
        assert_eq!(actions[3]["items"], json!([1, 8]));
    }

    #[test]
    fn other_messages_are_no_digests() {
        for text in ["Digest", "Digest of tickets: - MC-1", "Please read Digest 4: x", ""] {
            assert_eq!(answer(text), None, "{text}");
        }
    }
}
