//! What follows from a session's files for its turn.

use super::*;
use crate::domain::profile::RuntimeKind;
use crate::domain::samples;
use crate::drivers::runtime;
use serde_json::json;

fn open(session: &Session) -> SessionObserver {
    SessionObserver::open(runtime::of(RuntimeKind::Demo).live().expect("it can be kept in a terminal"), session)
}

#[test]
fn an_idle_box_soon_ends_only_a_turn_that_was_to_be_interrupted() {
    let dir = tempfile::tempdir().expect("a folder");
    let session = Session { dir: dir.path().display().to_string(), ..samples::session() };
    let turn = Turn { nonce: Some("cafe".to_owned()), ..samples::turn() };
    std::fs::write(dir.path().join("hook-token"), "right").expect("written");
    let had = json!({"token": "right", "at": 1, "payload": {"hook_event_name": "UserPromptSubmit", "prompt": turn.marker()}});
    std::fs::write(dir.path().join("hooks.jsonl"), format!("{had}\n")).expect("written");
    let mut observer = open(&session);
    observer.catch_up(&session).expect("readable");
    observer.ready_since = Some(0);
    let ends = |wanted: bool, idle: i64| {
        let turn = Turn { interrupt_wanted: wanted, ..turn.clone() };
        matches!(observer.open_turn(&session, &turn, &AgentStatus::Ready, idle), Harvest::Interrupted { .. })
    };
    assert_eq!([ends(true, IDLE_MS), ends(false, IDLE_MS), ends(false, IDLE_UNASKED_MS)], [true, false, true]);
}

#[test]
fn an_end_that_was_told_by_a_clock_that_ran_ahead_is_taken_at_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let (marker, now) = ("[MC_TURN:7:cafe]", Time(1_000_000));
    let session = Session { dir: dir.path().display().to_string(), ..samples::session() };
    std::fs::write(dir.path().join("hook-token"), "right").expect("written");
    let told = |at: Time, payload: serde_json::Value| json!({"token": "right", "at": at.0, "payload": payload}).to_string();
    for (at, taken) in [(now, false), (now.plus_ms(-5_000), true), (now.plus_ms(3_600_000), true)] {
        let submitted = told(at, json!({"hook_event_name": "UserPromptSubmit", "prompt": marker}));
        // Its words were too long to be kept: they are waited for in the transcript, for a moment.
        let stopped = told(at, json!({"hook_event_name": "Stop", "last_assistant_message": "…", "mc_cut": true}));
        std::fs::write(dir.path().join("hooks.jsonl"), format!("{submitted}\n{stopped}\n")).expect("written");
        let mut observer = open(&session);
        observer.catch_up(&session).expect("readable");
        assert_eq!(observer.ended(&session, marker, now, false).is_some(), taken, "{at:?}");
    }
}
