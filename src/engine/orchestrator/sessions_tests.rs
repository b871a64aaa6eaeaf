//! The life of a played session: down, stopped, at a limit, handed over, changed.

use super::*;
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::domain::run::FailureCode;
use crate::engine::orchestrator::blockage_tests::told;
use crate::engine::orchestrator::driver::{ConversationStart, NotSent};
use crate::engine::orchestrator::fake_driver::{answered, failed, fake_rig, over};
use std::sync::atomic::Ordering;

#[test]
fn a_session_that_does_not_come_up_is_left_to_a_person_and_start_tries_anew() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.fail_starts = 100);
    for _ in 0..20 {
        let _ = s.me.tick(&s.engine);
        // The wait between two starts is not waited for here.
        s.engine
            .store
            .write(|tx| {
                if let Some(x) = sessions::current(tx.conn)?
                    && x.state == SessionState::Down
                {
                    let now = tx.now;
                    sessions::down(tx, x.id, "again", Some(now), false)?;
                }
                Ok(())
            })
            .expect("written");
    }
    assert_eq!(s.session().state, SessionState::Broken);
    let starts = s.play.with(|p| p.starts.len());
    assert!((1..=7).contains(&starts), "{starts}");
    assert!(matches!(s.me.tick(&s.engine).expect("steps"), Pace::In(ms) if ms > 200_000), "tried again much later");
    assert_eq!(s.play.with(|p| p.starts.len()), starts);
    assert_eq!(s.turn(id).state, TurnState::Pending, "nothing is lost");
    s.play.with(|p| p.fail_starts = 0);
    s.harvests([answered("Hi.", 1)]);
    s.engine.store.write(|tx| sessions::want(tx, true)).expect("pressed");
    s.until(over(id));
}

#[test]
fn a_session_that_is_down_does_not_wait_for_a_clock_that_was_put_back() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.fail_starts = 1);
    s.until(|s| s.engine.store.read(sessions::current).expect("read").is_some_and(|x| x.state == SessionState::Down));
    let session = s.session().id;
    s.engine
        .store
        .write(move |tx| sessions::down(tx, session, "again", Some(tx.now.plus_ms(864_000_000)), false))
        .expect("put back");
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
}

#[test]
fn stop_keeps_the_queue_and_start_goes_on_in_the_same_conversation() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    let conversation = s.session().agent_session;
    s.engine.store.write(|tx| sessions::want(tx, false)).expect("pressed");
    let next = s.say("and?", TurnOrigin::Human);
    s.until(|s| s.play.with(|p| p.stops) == 1);
    for _ in 0..5 {
        assert_eq!(s.me.tick(&s.engine).expect("steps"), Pace::Still);
    }
    assert_eq!((s.turn(next).state, s.play.with(|p| p.stops)), (TurnState::Pending, 1));
    s.engine.store.write(|tx| sessions::want(tx, true)).expect("pressed");
    s.harvests([answered("So.", 1)]);
    s.until(over(next));
    assert_eq!(s.session().agent_session, conversation);
    assert_eq!(s.play.with(|p| p.starts.clone()), [ConversationStart::Fresh, ConversationStart::Resume]);
}

#[test]
fn past_the_soft_limit_an_idle_session_hands_over_to_a_fresh_one() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 71_000), answered("Mara said hello.", 72_000)]);
    s.until(over(id));
    let old = s.session();
    s.until(|s| s.session().id != old.id);
    let new = s.session();
    assert_eq!(new.hand_over.as_deref(), Some("Mara said hello."));
    assert!(new.brief.contains("Mara said hello.") && new.brief.starts_with("You are Luci"), "{}", new.brief);
    assert_ne!(new.agent_session, old.agent_session);
    assert!(new.begun.contains("71k"), "{}", new.begun);
    let seen = s.engine.store.read(|c| turns::shown(c, None, 10)).expect("read");
    assert_eq!(seen.len(), 1, "the note is not part of the conversation");
}

#[test]
fn past_the_hard_limit_the_hand_over_goes_before_waiting_people() {
    let mut s = fake_rig();
    let first = s.say("one", TurnOrigin::Human);
    let second = s.say("two", TurnOrigin::Human);
    s.harvests([answered("1", 95_000), answered("the note", 95_500), answered("2", 1_000)]);
    s.until(over(second));
    let sent: Vec<String> = s.play.with(|p| p.sent.iter().map(|t| t.lines().next().unwrap_or_default().to_owned()).collect());
    assert!(sent[1].starts_with("Write the hand-over note"), "{sent:?}");
    assert_ne!(s.turn(first).session, s.turn(second).session);
}

#[test]
fn between_the_limits_people_go_first() {
    let mut s = fake_rig();
    let first = s.say("one", TurnOrigin::Human);
    let second = s.say("two", TurnOrigin::Human);
    s.harvests([answered("1", 75_000), answered("2", 76_000), answered("the note", 77_000)]);
    s.until(over(second));
    assert_eq!(s.turn(first).session, s.turn(second).session);
}

#[test]
fn a_note_that_cannot_be_had_is_made_of_the_last_turns() {
    let mut s = fake_rig();
    let id = s.say("remember the blue door", TurnOrigin::Human);
    s.harvests([answered("I will.", 95_000), failed(FailureCode::AgentError, false)]);
    s.until(over(id));
    let old = s.session();
    s.until(|s| s.session().id != old.id);
    let note = s.session().hand_over.expect("a note");
    assert!(note.contains("remember the blue door") && note.contains("I will."), "{note}");
}

#[test]
fn a_switch_takes_the_conversation_to_another_profile() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 10), answered("a note", 11)]);
    s.until(over(id));
    let old = s.session();
    s.engine.store.write(|tx| sessions::want_profile(tx, "other")).expect("chosen");
    s.until(|s| s.session().id != old.id);
    assert_eq!((s.session().profile.as_str(), s.session().hand_over.as_deref()), ("other", Some("a note")));
}

#[test]
fn a_conversation_that_its_program_forgot_starts_cold_and_the_turn_is_put_to_it() {
    let mut s = fake_rig();
    let first = s.say("remember the blue door", TurnOrigin::Human);
    s.harvests([answered("I will.", 10)]);
    s.until(over(first));
    let old = s.session();
    let id = s.say("which door?", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    s.harvests([failed(FailureCode::UnknownSession, true), answered("The blue one.", 10)]);
    s.until(over(id));
    assert_eq!(s.turn(id).response.as_deref(), Some("The blue one."));
    assert_ne!(s.session().id, old.id);
    assert!(s.session().brief.contains("remember the blue door"));
}

#[test]
fn at_a_limit_one_turn_fails_and_the_others_wait_for_the_reset() {
    let mut s = fake_rig();
    let (first, second) = (s.say("one", TurnOrigin::Human), s.say("two", TurnOrigin::Human));
    s.harvests([failed(FailureCode::RateLimit, false)]);
    s.until(over(first));
    for _ in 0..10 {
        let _ = s.me.tick(&s.engine);
    }
    assert_eq!((s.turn(first).state, s.turn(second).state), (TurnState::Failed, TurnState::Pending));
    assert_eq!(s.session().note.as_deref(), Some("so it goes"));
    crate::base::clock::pause(Duration::from_millis(2));
    s.engine.store.write(move |tx| turns::retry(tx, first)).expect("a person presses Retry");
    s.harvests([failed(FailureCode::RateLimit, false)]);
    s.until(|s| s.play.with(|p| p.sent.len()) == 2);
    s.until(over(first));
    for _ in 0..10 {
        let _ = s.me.tick(&s.engine);
    }
    assert_eq!((s.play.with(|p| p.sent.len()), s.turn(second).state), (2, TurnState::Pending), "tried once more, and only that");
    let profile = s.session().profile;
    s.engine.store.write(move |tx| pauses::resume(tx, &profile)).expect("a person resumes it");
    s.harvests([answered("2", 1)]);
    s.until(over(second));
    assert_eq!(s.session().note, None);
}

#[test]
fn without_a_login_or_credit_one_turn_fails_and_the_others_wait_for_a_person() {
    for code in [FailureCode::AuthFailure, FailureCode::Billing] {
        let mut s = fake_rig();
        let (first, second) = (s.say("one", TurnOrigin::Human), s.say("two", TurnOrigin::Human));
        s.harvests([failed(code, false)]);
        s.until(over(first));
        for _ in 0..10 {
            let _ = s.me.tick(&s.engine);
            s.ahead.fetch_add(3_600_000, Ordering::SeqCst);
        }
        assert_eq!((s.turn(first).state, s.turn(second).state), (TurnState::Failed, TurnState::Pending), "{code}");
        assert_eq!(s.session().note.as_deref(), Some("so it goes"));
        assert_eq!(told(&s, "paused:").len(), 1, "{code}");
        let profile = s.session().profile;
        s.engine.store.write(move |tx| pauses::resume(tx, &profile)).expect("a person resumes it");
        s.harvests([answered("2", 1)]);
        s.until(over(second));
    }
}

#[test]
fn a_note_that_cannot_even_be_asked_for_does_not_keep_the_next_session_waiting() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 10)]);
    s.until(over(id));
    let old = s.session();
    s.engine.store.write(|tx| sessions::want_profile(tx, "other")).expect("chosen");
    s.play.with(|p| p.refuse = Some(NotSent::Never("its program is gone".to_owned())));
    s.until(|s| s.session().id != old.id);
    let asked = s.engine.store.read(|c| turns::queue(c, 10)).expect("read");
    assert!(asked.is_empty(), "{asked:?}");
    assert!(s.session().hand_over.expect("a note of our own").contains("hello"));
}

#[test]
fn a_profile_at_its_limit_is_left_without_asking_it_for_a_note() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 10)]);
    s.until(over(id));
    let old = s.session();
    let profile = old.profile.clone();
    s.engine
        .store
        .write(move |tx| {
            pauses::pause(tx, &profile, "logged out", None)?;
            sessions::want_profile(tx, "other")
        })
        .expect("chosen");
    s.until(|s| s.session().id != old.id);
    assert_eq!(s.play.with(|p| p.sent.len()), 1, "nothing more was said to the old one");
}

#[test]
fn a_note_that_was_still_to_be_asked_for_is_not_asked_of_the_next_session() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 95_000)]);
    s.until(over(id));
    let old = s.session();
    s.until(|s| s.engine.store.read(|c| turns::queue(c, 1)).expect("read").iter().any(|t| t.origin == TurnOrigin::HandOver));
    let mine = old.clone();
    s.engine.store.write(move |tx| sessions::end(tx, mine.id, "gone")).expect("ended");
    let left = s.engine.store.read(|c| turns::queue(c, 10)).expect("read");
    assert!(left.is_empty(), "{left:?}");
}
