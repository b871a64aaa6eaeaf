//! Digests, read and written.

use super::*;
use crate::domain::inbox::Source;

fn item(id: i64, source: Source, about: &str, message: &str) -> Item {
    Item {
        id: ItemId(id),
        source,
        source_id: Some(about.to_owned()),
        message: message.to_owned(),
        priority: InboxPriority::Normal,
        status: ItemStatus::Pending,
        created_at: Time(1_795_264_860_000 + id * 60_000),
        processed_at: None,
        claim_expires_at: None,
    }
}

#[test]
fn failures_of_one_task_are_one_line_with_their_count_and_the_newest_words() {
    let items = [
        item(1, Source::Scheduler, "mirror/41", "failed, 1 in a row: exit 1, no route"),
        item(2, Source::Scheduler, "backup/7", "ok: 4 databases"),
        item(3, Source::Scheduler, "mirror/42", "failed, 2 in a row: exit 1, still no route"),
        item(4, Source::Pickup, "MC-9", "MC-9 is blocked"),
    ];
    let text = compose(5, &items);
    assert_eq!(text.lines().next(), Some("Digest 5: 4 reports"));
    assert!(
        text.contains("scheduler: mirror\n- #1 #3 ×2 12:42–12:44 (run 42) failed, 2 in a row: exit 1, still no route\n"),
        "{text}"
    );
    assert!(text.contains("scheduler: backup\n- #2 12:43 (run 7) ok: 4 databases\n"), "{text}");
    assert!(text.contains("pickup: MC-9\n- #4 "), "{text}");
}

#[test]
fn twenty_endless_messages_still_make_a_compact_digest() {
    for filler in ["x", "界", "\u{1b}[31m\n", "word "] {
        let items: Vec<Item> = (1..=20)
            .map(|n| item(n, Source::Api, &"n".repeat(200), &format!("{}{}", char::from(b'a' + n as u8), filler.repeat(20_000))))
            .collect();
        let text = compose(1, &items);
        assert!(text.len() <= TEXT_MAX, "{} bytes of {filler:?}", text.len());
        assert!(text.ends_with("nothing to do."), "{text}");
        assert!((1..=20).all(|n| text.contains(&format!("#{n} "))), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn what_another_program_put_into_a_name_makes_no_message_that_is_refused() {
    let items = [item(1, Source::Scheduler, "mirror\0/4\u{7}1\0\u{1b}[31m\n", "failed\0: no route")];
    let text = compose(1, &items);
    assert!(text.contains("scheduler: mirror\n- #1 12:42 (run 41) failed: no route\n"), "{text}");
    assert!(crate::domain::orchestrator::turn::check_message(&text).is_ok());
}

#[test]
fn a_digest_told_again_is_no_decision() {
    let items = [item(1, Source::Api, "", "hello"), item(2, Source::Api, "", "again")];
    let text = compose(1, &items);
    assert_eq!(proposal_block::read(&text), Ok(None));
}

fn ids(list: &[i64]) -> BTreeSet<ItemId> {
    list.iter().map(|n| ItemId(*n)).collect()
}

#[test]
fn what_is_named_is_ignored_and_strangers_are_only_noted() {
    let answer = "Quiet night.\n\n```json\n{\"mc_actions\":[{\"kind\":\"ignore\",\"items\":[1,3,99]},{\"kind\":\"notify\",\"text\":\"x\"}]}\n```";
    let found = verdicts(answer, &ids(&[1, 2, 3]));
    assert_eq!(found.ignored, ids(&[1, 3]));
    assert!(found.note.expect("a note").contains("#99"));
}

#[test]
fn an_answer_without_a_good_block_reads_everything() {
    assert_eq!(verdicts("All quiet.", &ids(&[1])), Verdicts::default());
    let broken = verdicts("```json\n{\"mc_actions\":[{\"kind\":\"ignroe\"}]}\n```", &ids(&[1]));
    assert!(broken.ignored.is_empty() && broken.note.is_some());
}

#[test]
fn a_claim_is_extended_on_its_way_and_withdrawn_only_from_the_queue() {
    let (now, lease) = (Time(10_000_000), 1_800_000);
    let at = |ms: i64| Some(now.plus_ms(ms));
    assert_eq!(step(TurnState::Answered, at(-1), lease, now, false), Step::Decide);
    assert_eq!(step(TurnState::Failed, at(lease), lease, now, true), Step::GiveBack);
    assert_eq!(step(TurnState::Cancelled, at(lease), lease, now, true), Step::GiveBack);
    assert_eq!(step(TurnState::Pending, at(lease), lease, now, true), Step::Wait);
    assert_eq!(step(TurnState::Pending, at(60_000), lease, now, true), Step::Renew);
    assert_eq!(step(TurnState::Pending, at(60_000), lease, now, false), Step::Wait);
    assert_eq!(step(TurnState::Pending, at(0), lease, now, true), Step::Withdraw);
    assert_eq!(step(TurnState::Sent, at(-1), lease, now, false), Step::Renew);
    assert_eq!(step(TurnState::Claimed, None, lease, now, true), Step::Renew);
}

#[test]
fn after_digests_without_an_answer_there_are_fewer_reports_in_the_next() {
    let sizes: Vec<usize> = (0..8).chain([64, 1_000]).map(size).collect();
    assert_eq!(sizes, [20, 10, 5, 2, 1, 1, 1, 1, 1, 1]);
    assert_eq!(size(TELL_AT - 1), 1);
}

#[test]
fn a_broken_luci_is_asked_less_and_less_often() {
    let waits: Vec<i64> = (0..12).map(|n| back_off_ms(n) / 60_000).collect();
    assert_eq!(waits, [0, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]);
}
