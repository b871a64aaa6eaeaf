//! What keeps a played session from going on, and who is told.

use super::*;
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::engine::orchestrator::driver::{AgentStatus, NotSent};
use crate::engine::orchestrator::fake_driver::{FakeRig, answered, fake_rig, over};
use std::sync::atomic::Ordering;

#[test]
fn a_session_that_takes_nothing_though_it_looks_ready_says_so() {
    let mut s = fake_rig();
    let id = s.say("hello", TurnOrigin::Human);
    let why = "its input box holds text that cannot be cleared";
    s.play.with(|p| p.refuse = Some(NotSent::NotNow(why.to_owned())));
    s.until(|s| s.me.held.is_some());
    let long_ago = mono(&s.engine) - 3 * 60_000;
    s.me.held = Some((long_ago, 5, why.to_owned()));
    s.play.with(|p| p.refuse = Some(NotSent::NotNow(why.to_owned())));
    s.until(|s| s.session().note.is_some());
    assert_eq!(s.session().note.as_deref(), Some(why));
    s.until(|s| s.play.with(|p| p.refuse.is_none()));
    let told = s.engine.store.write(|tx| {
        crate::store::notice::notifications::spread(tx, &[7])?;
        crate::store::notice::notifications::claim(tx, false)
    });
    let told = told.expect("written").expect("somebody is told");
    assert!(told.notice.text.contains(why), "{}", told.notice.text);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    s.until(|s| s.session().state == SessionState::Idle && s.session().note.is_none());
}

/// What was told under keys that begin so, and whether it is urgent.
pub(crate) fn told(s: &FakeRig, keys: &str) -> Vec<(String, bool)> {
    let keys = format!("{keys}%");
    let read = s.engine.store.read(move |c| {
        let mut stmt = c.prepare("select text, urgent from notifications where key like ?1 order by id")?;
        let rows = stmt.query_map([keys], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    read.expect("readable")
}

/// What is told while every look shows this, for ten minutes and over a restart in their middle.
fn told_of(s: &mut FakeRig, shown: std::result::Result<AgentStatus, &str>) -> Vec<(String, bool)> {
    s.play.with(|p| p.always = Some(shown.map_err(str::to_owned)));
    for round in 0..40 {
        if round == 20 {
            s.me = Orchestrator::new(Box::new(s.play.clone()), Box::new(s.play.clone()));
        }
        let _ = s.me.tick(&s.engine);
        assert!(round > 7 || told(s, "luci-waits:").is_empty(), "not before two minutes have passed");
        s.ahead.fetch_add(15_000, Ordering::SeqCst);
    }
    s.play.with(|p| p.always = None);
    told(s, "luci-waits:")
}

#[test]
fn whatever_keeps_her_for_two_minutes_is_told_once() {
    let shown = [
        (Ok(AgentStatus::Dialog("Do you trust this folder?".to_owned())), "Do you trust this folder?", true),
        (Ok(AgentStatus::Busy), "busy with something", false),
        (Err("tmux does not answer"), "tmux does not answer", false),
    ];
    for (shown, words, urgent) in shown {
        // Before the turn goes out, and in its middle.
        for sent in [false, true] {
            let mut s = fake_rig();
            let first = s.say("hello", TurnOrigin::Human);
            s.harvests([answered("Hi.", 1)]);
            s.until(over(first));
            s.until(|s| s.session().state == SessionState::Idle);
            let id = s.say("and?", TurnOrigin::Human);
            if sent {
                s.until(|s| s.turn(id).state == TurnState::Sent);
            }
            let found = told_of(&mut s, shown.clone());
            if sent && shown == Ok(AgentStatus::Busy) {
                assert!(found.is_empty(), "she works on what she was given: {found:?}");
            } else {
                assert_eq!((found.len(), found[0].1), (1, urgent), "{shown:?}: {found:?}");
                assert!(found[0].0.contains(words), "{found:?}");
            }
            assert_eq!(shown.is_err(), s.session().note.is_some_and(|note| note.contains("tmux does not answer")));
            s.harvests([answered("So.", 1)]);
            s.until(over(id));
            s.until(|s| s.session().state == SessionState::Idle && s.session().note.is_none());
        }
    }
}

#[test]
fn a_dialog_before_somebody_at_the_keyboard_is_not_told() {
    let mut s = fake_rig();
    let first = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(first));
    s.engine.store.write(|tx| sessions::want_keyboard(tx, true)).expect("taken");
    assert_eq!(told_of(&mut s, Ok(AgentStatus::Dialog("Which model?".to_owned()))).len(), 0);
    s.engine.store.write(|tx| sessions::want_keyboard(tx, false)).expect("handed back");
    s.until(|s| s.session().state == SessionState::Idle);
    assert_eq!(told_of(&mut s, Ok(AgentStatus::Dialog("Which model?".to_owned()))).len(), 1);
}

#[test]
fn while_a_person_has_the_keyboard_turns_wait() {
    let mut s = fake_rig();
    s.engine.store.write(|tx| sessions::want_keyboard(tx, true)).expect("taken");
    let id = s.say("hello", TurnOrigin::Human);
    for _ in 0..20 {
        let _ = s.me.tick(&s.engine);
    }
    assert_eq!(s.turn(id).state, TurnState::Pending);
    s.engine.store.write(|tx| sessions::want_keyboard(tx, false)).expect("handed back");
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
}
