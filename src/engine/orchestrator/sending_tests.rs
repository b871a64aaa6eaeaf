//! Turns on their way to a played session: in order, once, and never typed twice.

use super::*;
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::engine::console::keyboard::{InputPermission, KeyboardOwner};
use crate::engine::orchestrator::driver::{AgentStatus, ConversationStart, Harvest, NotSent, RetypeOutcome};
use crate::engine::orchestrator::fake_driver::{FakeRig, answered, fake_rig, over};
use crate::store::orchestrator::turns::NewTurn;
use std::sync::atomic::Ordering;

#[test]
fn the_first_message_opens_a_session_and_is_answered_in_it() {
    let mut s = fake_rig();
    assert_eq!(s.me.tick(&s.engine).expect("steps"), Pace::Still);
    assert_eq!(s.play.with(|p| p.starts.len()), 0, "nothing runs before anybody says anything");
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([Harvest::Working { activity: Some("reading a.rs".to_owned()) }, answered("Hi.", 10)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.response.as_deref()), (TurnState::Answered, Some("Hi.")));
    assert_eq!(s.play.with(|p| p.starts.clone()), [ConversationStart::Fresh]);
    let prompt = s.play.with(|p| p.sent[0].clone());
    assert!(prompt.starts_with("hello\n\n[MC_TURN:") && prompt.contains(turn.nonce.as_deref().unwrap_or("?")), "{prompt}");
    assert_eq!(s.session().state, SessionState::Working);
    s.until(|s| s.session().state == SessionState::Idle);
}

#[test]
fn turns_go_one_at_a_time_in_order_and_people_before_digests() {
    let mut s = fake_rig();
    let digest = s.say("a digest", TurnOrigin::Digest);
    let first = s.say("one", TurnOrigin::Human);
    let second = s.say("two", TurnOrigin::Human);
    assert_eq!([digest, first, second].map(|id| s.turn(id).position), [Some(2), Some(0), Some(1)]);
    s.harvests([answered("1", 1), answered("2", 1), answered("3", 1)]);
    s.until(over(digest));
    let sent: Vec<String> = s.play.with(|p| p.sent.iter().map(|t| t.lines().next().unwrap_or_default().to_owned()).collect());
    assert_eq!(sent, ["one", "two", "a digest"]);
    assert_eq!([first, second, digest].map(|id| s.turn(id).response.unwrap_or_default()), ["1", "2", "3"]);
}

#[test]
fn a_session_that_is_busy_is_waited_for_and_nothing_counts() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| {
        p.looks.extend([AgentStatus::Ready, AgentStatus::Busy, AgentStatus::Busy, AgentStatus::Ready]);
        p.refuse = Some(NotSent::NotNow("it works".to_owned()));
    });
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.attempts, turn.given_back), (TurnState::Answered, 1, 0));
}

#[test]
fn an_open_dialog_is_never_typed_into() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.looks.extend(std::iter::repeat_n(AgentStatus::Dialog("1. Yes 2. No".to_owned()), 5)));
    s.until(|s| s.engine.store.read(sessions::current).expect("read").is_some_and(|x| x.state == SessionState::Waiting));
    assert!(s.play.with(|p| p.sent.is_empty()));
    assert_eq!(s.session().note.as_deref(), Some("1. Yes 2. No"));
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!(s.session().note, None);
}

#[test]
fn once_a_question_of_a_turn_is_answered_she_works_again_and_nobody_types_into_that() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([Harvest::Asks("1. Yes 2. No".to_owned())]);
    let stands =
        |state| move |s: &FakeRig| s.engine.store.read(sessions::current).expect("read").is_some_and(|x| x.state == state);
    s.until(stands(SessionState::Waiting));
    let may = |s: &FakeRig| {
        let session = Session { driver: DriverKind::Tmux, ..s.session() };
        KeyboardOwner { session: Some(session), turn: Some(s.turn(id)), taken: false }.permission()
    };
    assert_eq!(may(&s), InputPermission::Type, "into the dialog");
    s.until(stands(SessionState::Working));
    assert_eq!((s.session().note, may(&s)), (None, InputPermission::Interrupt(id)));
    // It works on, and asks once more.
    s.me.tick(&s.engine).expect("looked at");
    assert_eq!(s.session().state, SessionState::Working);
    s.harvests([Harvest::Asks("May I?".to_owned())]);
    s.until(stands(SessionState::Waiting));
    assert_eq!(s.session().note.as_deref(), Some("May I?"));
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
}

#[test]
fn a_crash_before_the_point_of_no_return_gives_the_turn_back() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.dies_before_sending = true);
    s.until(|s| s.turn(id).state == TurnState::Claimed);
    s.play.with(|p| p.dies_before_sending = false);
    s.harvests([Harvest::NotSeen, Harvest::NotSeen, answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!(s.play.with(|p| p.sent.len()), 1);
    assert_eq!((s.turn(id).state, s.turn(id).given_back), (TurnState::Answered, 0));
}

#[test]
fn what_was_sent_is_harvested_before_it_is_ever_sent_again() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    // Its agent is gone, and only the second look into its files shows the answer.
    s.play.with(|p| p.looks.push_back(AgentStatus::Gone(None)));
    s.harvests([Harvest::NotSeen, answered("late", 1), answered("late", 1)]);
    s.until(over(id));
    assert_eq!(s.play.with(|p| p.sent.len()), 1, "typed once");
    assert_eq!(s.turn(id).response.as_deref(), Some("late"));
}

/// Sent, and nowhere, for as long as an agent is given.
fn waits_in_vain(s: &mut FakeRig) {
    for _ in 0..12 {
        s.harvests(std::iter::repeat_n(Harvest::NotSeen, 1));
        s.me.tick(&s.engine).expect("looked at");
        s.ahead.fetch_add(990, Ordering::SeqCst);
    }
}

#[test]
fn what_stands_typed_before_a_slow_agent_is_never_typed_again() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    s.play
        .with(|p| p.before.extend([RetypeOutcome::Asked, RetypeOutcome::Unclear, RetypeOutcome::Asked, RetypeOutcome::Nothing]));
    for asked in 1..=4 {
        waits_in_vain(&mut s);
        assert_eq!((s.turn(id).state, s.play.with(|p| p.asked_again)), (TurnState::Sent, asked));
    }
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!((s.turn(id).state, s.play.with(|p| p.sent.len())), (TurnState::Answered, 1), "taken late, typed once");
}

#[test]
fn an_agent_that_does_not_take_what_stands_typed_is_ended_before_it_is_typed_again() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    s.play.with(|p| p.before.extend([RetypeOutcome::Asked; 20]));
    for _ in 0..7 {
        assert_eq!((s.turn(id).state, s.play.with(|p| p.stops)), (TurnState::Sent, 0));
        waits_in_vain(&mut s);
    }
    assert_eq!((s.turn(id).state, s.play.with(|p| (p.asked_again, p.stops))), (TurnState::Sent, (6, 1)));
    s.play.with(|p| p.looks.push_back(AgentStatus::Gone(None)));
    s.harvests([Harvest::NotSeen, Harvest::NotSeen, answered("Hi.", 1)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.given_back, s.play.with(|p| p.sent.len())), (TurnState::Answered, 1, 2));
}

#[test]
fn what_was_swallowed_goes_out_again_once_a_ready_agent_has_had_its_time_twice() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    // However long ago it was sent (the machine slept, say), and however often a picture was half painted: what counts is
    // for how long it was seen to be ready.
    for half_painted in [false, true, true, false, true] {
        s.ahead.fetch_add(600_000, Ordering::SeqCst);
        s.play.with(|p| p.looks.extend(half_painted.then_some(AgentStatus::ComingUp)));
        s.harvests([Harvest::NotSeen]);
        s.me.tick(&s.engine).expect("looked at");
    }
    waits_in_vain(&mut s);
    assert_eq!((s.turn(id).state, s.play.with(|p| p.asked_again)), (TurnState::Sent, 1), "it may just have been taken");
    s.harvests(std::iter::repeat_n(Harvest::NotSeen, 30));
    s.until(|s| {
        s.ahead.fetch_add(990, Ordering::SeqCst);
        s.turn(id).state == TurnState::Pending
    });
    s.play.with(|p| p.harvests.clear());
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!((s.turn(id).given_back, s.play.with(|p| (p.asked_again, p.sent.len()))), (1, (2, 2)));
}

#[test]
fn a_turn_that_never_arrives_fails_after_a_bounded_number_of_tries() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    for _ in 0..3 {
        s.until(|s| s.turn(id).state == TurnState::Sent);
        s.play.with(|p| p.looks.push_back(AgentStatus::Gone(None)));
        s.harvests([Harvest::NotSeen, Harvest::NotSeen]);
        s.until(|s| s.turn(id).state != TurnState::Sent);
    }
    let turn = s.turn(id);
    assert_eq!((turn.state, s.play.with(|p| p.sent.len())), (TurnState::Failed, 3));
    assert!(turn.error.expect("a reason").contains("never arrived"));
    let again = s.engine.store.write(move |tx| turns::retry(tx, id)).expect("a person may");
    assert_eq!(again.state, TurnState::Pending);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!(s.turn(id).state, TurnState::Answered);
}

#[test]
fn an_interrupt_is_passed_on_once_and_ends_the_turn() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).accepted_at.is_some());
    s.engine.store.write(move |tx| turns::cancel(tx, id)).expect("asked");
    s.until(|s| s.play.with(|p| p.interrupts) == 1);
    let _ = s.me.tick(&s.engine);
    assert_eq!(s.play.with(|p| p.interrupts), 1, "once");
    s.harvests([Harvest::Interrupted { partial: Some("I was".to_owned()) }]);
    s.until(over(id));
    assert_eq!((s.turn(id).state, s.turn(id).response.as_deref()), (TurnState::Cancelled, Some("I was")));
}

#[test]
fn the_same_client_id_makes_one_turn() {
    let s = fake_rig();
    let new = |text: &str| NewTurn {
        origin: TurnOrigin::Human,
        author: "Mara".to_owned(),
        message: text.to_owned(),
        client_id: Some("k".to_owned()),
    };
    let (a, b, c) = (new("hi"), new("hi"), new("other"));
    let first = s.engine.store.write(move |tx| turns::send(tx, &a)).expect("made");
    let second = s.engine.store.write(move |tx| turns::send(tx, &b)).expect("known");
    assert_eq!(first.id, second.id);
    assert!(matches!(s.engine.store.write(move |tx| turns::send(tx, &c)), Err(Error::Conflict(_))));
}
