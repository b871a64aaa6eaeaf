//! The orchestrator over a driver that is played: every order of events that a real one can show.

use super::driver::{Before, Driver, Harvest, Look, NotSent, Start};
use super::*;
use crate::clock::SystemClock;
use crate::domain::ids::TurnId;
use crate::domain::run::FailureCode;
use crate::domain::turn::{TurnOrigin, TurnState};
use crate::engine::console::{Hands, May};
use crate::engine::samples::{self, Ahead};
use crate::store::turns::NewTurn;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// What a played session does when it is asked.
#[derive(Default)]
struct Play {
    looks: VecDeque<Look>,
    harvests: VecDeque<Harvest>,
    refuse: Option<NotSent>,
    fail_starts: usize,
    sent: Vec<String>,
    starts: Vec<Start>,
    stops: usize,
    interrupts: usize,
    dies_before_sending: bool,
    before: VecDeque<Before>,
    asked_again: u32,
    /// What each look and each harvest shows while it is set; `Err`: that it fails.
    always: Option<std::result::Result<Look, String>>,
}

#[derive(Clone, Default)]
struct Played(Arc<Mutex<Play>>);

impl Played {
    fn with<T>(&self, f: impl FnOnce(&mut Play) -> T) -> T {
        f(&mut self.0.lock().expect("one test at a time"))
    }
}

impl Driver for Played {
    fn start(&self, _: &Engine, _: &Session, how: Start) -> Result<Option<(i64, i64)>> {
        self.with(|p| {
            p.starts.push(how);
            if p.fail_starts > 0 {
                p.fail_starts -= 1;
                return Err(Error::Busy("it does not come up".to_owned()));
            }
            Ok(None)
        })
    }

    fn look(&self, _: &Engine, _: &Session) -> Result<Look> {
        match self.with(|p| p.always.clone()) {
            Some(shown) => shown.map_err(Error::Busy),
            None => Ok(self.with(|p| p.looks.pop_front().unwrap_or(Look::Ready))),
        }
    }

    fn send(
        &self,
        _: &Engine,
        _: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent> {
        if let Some(no) = self.with(|p| p.refuse.take()) {
            return Err(no);
        }
        if self.with(|p| p.dies_before_sending) {
            return Ok(());
        }
        sending().map_err(|e| NotSent::NotNow(e.to_string()))?;
        self.with(|p| p.sent.push(turn.prompt()));
        Ok(())
    }

    fn harvest(&self, _: &Engine, _: &Session, _: &Turn) -> Result<Harvest> {
        match self.with(|p| p.always.clone()) {
            Some(Err(why)) => Err(Error::Busy(why)),
            Some(Ok(Look::Dialog(words))) => Ok(Harvest::Asks(words)),
            Some(Ok(_)) | None => Ok(self.with(|p| p.harvests.pop_front().unwrap_or(Harvest::Working { activity: None }))),
        }
    }

    fn ask_again(&self, _: &Engine, _: &Session, _: &Turn) -> Result<Before> {
        Ok(self.with(|p| {
            p.asked_again += 1;
            p.before.pop_front().unwrap_or(Before::Nothing)
        }))
    }

    fn interrupt(&self, _: &Engine, _: &Session, _: &Turn) -> Result<()> {
        self.with(|p| p.interrupts += 1);
        Ok(())
    }

    fn stop(&self, _: &Engine, _: &Session) -> Result<()> {
        self.with(|p| p.stops += 1);
        Ok(())
    }
}

struct Stage {
    engine: Engine,
    me: Orchestrator,
    play: Played,
    ahead: Arc<AtomicI64>,
    _dir: tempfile::TempDir,
}

fn stage() -> Stage {
    let dir = tempfile::tempdir().expect("a folder");
    let config =
        "[orchestrator]\ndriver = \"headless\"\nsoft_tokens = 70000\nhard_tokens = 90000\n[profiles.other]\nruntime = \"demo\"\n";
    let ahead = Arc::new(AtomicI64::new(0));
    let engine = samples::engine(dir.path(), config, Arc::new(Ahead(SystemClock::new(), ahead.clone())));
    let play = Played::default();
    let me = Orchestrator::new(Box::new(play.clone()), Box::new(play.clone()));
    Stage { engine, me, play, ahead, _dir: dir }
}

impl Stage {
    fn say(&self, text: &str, origin: TurnOrigin) -> TurnId {
        let new = NewTurn { origin, author: "Mara".to_owned(), message: text.to_owned(), client_id: None };
        self.engine.store.write(move |tx| turns::send(tx, &new)).expect("queued").id
    }

    fn turn(&self, id: TurnId) -> Turn {
        self.engine.store.read(|c| turns::get(c, id)).expect("there")
    }

    fn session(&self) -> Session {
        self.engine.store.read(sessions::current).expect("read").expect("open")
    }

    fn harvests(&self, list: impl IntoIterator<Item = Harvest>) {
        self.play.with(|p| p.harvests.extend(list));
    }

    /// Steps until a turn is over, or for as long as anything moves.
    fn until(&mut self, what: impl Fn(&Stage) -> bool) {
        for _ in 0..200 {
            if what(self) {
                return;
            }
            if let Err(e) = self.me.tick(&self.engine) {
                assert!(matches!(e, Error::Conflict(_)), "{e}");
            }
        }
        panic!("it never came to that");
    }
}

fn answered(text: &str, tokens: i64) -> Harvest {
    Harvest::Answered { text: text.to_owned(), context_tokens: Some(tokens), agent_session: None }
}

fn failed(code: FailureCode, session_lost: bool) -> Harvest {
    Harvest::Failed { why: "so it goes".to_owned(), code, retry_at: None, partial: None, session_lost }
}

fn over(id: TurnId) -> impl Fn(&Stage) -> bool {
    move |s| !s.turn(id).state.is_open()
}

#[test]
fn the_first_message_opens_a_session_and_is_answered_in_it() {
    let mut s = stage();
    assert_eq!(s.me.tick(&s.engine).expect("steps"), Pace::Still);
    assert_eq!(s.play.with(|p| p.starts.len()), 0, "nothing runs before anybody says anything");
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([Harvest::Working { activity: Some("reading a.rs".to_owned()) }, answered("Hi.", 10)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.response.as_deref()), (TurnState::Answered, Some("Hi.")));
    assert_eq!(s.play.with(|p| p.starts.clone()), [Start::Fresh]);
    let prompt = s.play.with(|p| p.sent[0].clone());
    assert!(prompt.starts_with("hello\n\n[MC_TURN:") && prompt.contains(turn.nonce.as_deref().unwrap_or("?")), "{prompt}");
    assert_eq!(s.session().state, SessionState::Working);
    s.until(|s| s.session().state == SessionState::Idle);
}

#[test]
fn turns_go_one_at_a_time_in_order_and_people_before_digests() {
    let mut s = stage();
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
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| {
        p.looks.extend([Look::Ready, Look::Busy, Look::Busy, Look::Ready]);
        p.refuse = Some(NotSent::NotNow("it works".to_owned()));
    });
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.attempts, turn.given_back), (TurnState::Answered, 1, 0));
}

#[test]
fn an_open_dialog_is_never_typed_into() {
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.looks.extend(std::iter::repeat_n(Look::Dialog("1. Yes 2. No".to_owned()), 5)));
    s.until(|s| s.engine.store.read(sessions::current).expect("read").is_some_and(|x| x.state == SessionState::Waiting));
    assert!(s.play.with(|p| p.sent.is_empty()));
    assert_eq!(s.session().note.as_deref(), Some("1. Yes 2. No"));
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!(s.session().note, None);
}

#[test]
fn once_a_question_of_a_turn_is_answered_she_works_again_and_nobody_types_into_that() {
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.harvests([Harvest::Asks("1. Yes 2. No".to_owned())]);
    let stands = |state| move |s: &Stage| s.engine.store.read(sessions::current).expect("read").is_some_and(|x| x.state == state);
    s.until(stands(SessionState::Waiting));
    let may = |s: &Stage| {
        let session = Session { driver: DriverKind::Tmux, ..s.session() };
        Hands { session: Some(session), turn: Some(s.turn(id)), taken: false }.may()
    };
    assert_eq!(may(&s), May::Type, "into the dialog");
    s.until(stands(SessionState::Working));
    assert_eq!((s.session().note, may(&s)), (None, May::Interrupt(id)));
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
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.play.with(|p| p.dies_before_sending = true);
    s.until(|s| s.turn(id).state == TurnState::Claimed);
    s.play.with(|p| p.dies_before_sending = false);
    s.harvests([Harvest::Nowhere, Harvest::Nowhere, answered("Hi.", 1)]);
    s.until(over(id));
    assert_eq!(s.play.with(|p| p.sent.len()), 1);
    assert_eq!((s.turn(id).state, s.turn(id).given_back), (TurnState::Answered, 0));
}

#[test]
fn what_was_sent_is_harvested_before_it_is_ever_sent_again() {
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    // Its agent is gone, and only the second look into its files shows the answer.
    s.play.with(|p| p.looks.push_back(Look::Gone(None)));
    s.harvests([Harvest::Nowhere, answered("late", 1), answered("late", 1)]);
    s.until(over(id));
    assert_eq!(s.play.with(|p| p.sent.len()), 1, "typed once");
    assert_eq!(s.turn(id).response.as_deref(), Some("late"));
}

/// Sent, and nowhere, for as long as an agent is given.
fn waits_in_vain(s: &mut Stage) {
    for _ in 0..12 {
        s.harvests(std::iter::repeat_n(Harvest::Nowhere, 1));
        s.me.tick(&s.engine).expect("looked at");
        s.ahead.fetch_add(990, Ordering::SeqCst);
    }
}

#[test]
fn what_stands_typed_before_a_slow_agent_is_never_typed_again() {
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    s.play.with(|p| p.before.extend([Before::Asked, Before::Unclear, Before::Asked, Before::Nothing]));
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
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    s.play.with(|p| p.before.extend([Before::Asked; 20]));
    for _ in 0..7 {
        assert_eq!((s.turn(id).state, s.play.with(|p| p.stops)), (TurnState::Sent, 0));
        waits_in_vain(&mut s);
    }
    assert_eq!((s.turn(id).state, s.play.with(|p| (p.asked_again, p.stops))), (TurnState::Sent, (6, 1)));
    s.play.with(|p| p.looks.push_back(Look::Gone(None)));
    s.harvests([Harvest::Nowhere, Harvest::Nowhere, answered("Hi.", 1)]);
    s.until(over(id));
    let turn = s.turn(id);
    assert_eq!((turn.state, turn.given_back, s.play.with(|p| p.sent.len())), (TurnState::Answered, 1, 2));
}

#[test]
fn what_was_swallowed_goes_out_again_once_a_ready_agent_has_had_its_time_twice() {
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    s.until(|s| s.turn(id).state == TurnState::Sent);
    // However long ago it was sent (the machine slept, say), and however often a picture was half painted: what counts is
    // for how long it was seen to be ready.
    for half_painted in [false, true, true, false, true] {
        s.ahead.fetch_add(600_000, Ordering::SeqCst);
        s.play.with(|p| p.looks.extend(half_painted.then_some(Look::ComingUp)));
        s.harvests([Harvest::Nowhere]);
        s.me.tick(&s.engine).expect("looked at");
    }
    waits_in_vain(&mut s);
    assert_eq!((s.turn(id).state, s.play.with(|p| p.asked_again)), (TurnState::Sent, 1), "it may just have been taken");
    s.harvests(std::iter::repeat_n(Harvest::Nowhere, 30));
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
    let mut s = stage();
    let id = s.say("hello", TurnOrigin::Human);
    for _ in 0..3 {
        s.until(|s| s.turn(id).state == TurnState::Sent);
        s.play.with(|p| p.looks.push_back(Look::Gone(None)));
        s.harvests([Harvest::Nowhere, Harvest::Nowhere]);
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
    let mut s = stage();
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
fn a_session_that_does_not_come_up_is_left_to_a_person_and_start_tries_anew() {
    let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
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
    assert_eq!(s.play.with(|p| p.starts.clone()), [Start::Fresh, Start::Resume]);
}

#[test]
fn past_the_soft_limit_an_idle_session_hands_over_to_a_fresh_one() {
    let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
    let first = s.say("one", TurnOrigin::Human);
    let second = s.say("two", TurnOrigin::Human);
    s.harvests([answered("1", 75_000), answered("2", 76_000), answered("the note", 77_000)]);
    s.until(over(second));
    assert_eq!(s.turn(first).session, s.turn(second).session);
}

#[test]
fn a_note_that_cannot_be_had_is_made_of_the_last_turns() {
    let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
    let (first, second) = (s.say("one", TurnOrigin::Human), s.say("two", TurnOrigin::Human));
    s.harvests([failed(FailureCode::RateLimit, false)]);
    s.until(over(first));
    for _ in 0..10 {
        let _ = s.me.tick(&s.engine);
    }
    assert_eq!((s.turn(first).state, s.turn(second).state), (TurnState::Failed, TurnState::Pending));
    assert_eq!(s.session().note.as_deref(), Some("so it goes"));
    crate::clock::pause(Duration::from_millis(2));
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
        let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
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
    let mut s = stage();
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

#[test]
fn a_session_that_takes_nothing_though_it_looks_ready_says_so() {
    let mut s = stage();
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
        crate::store::notifications::spread(tx, &[7])?;
        crate::store::notifications::claim(tx, false)
    });
    let told = told.expect("written").expect("somebody is told");
    assert!(told.notice.text.contains(why), "{}", told.notice.text);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(id));
    s.until(|s| s.session().state == SessionState::Idle && s.session().note.is_none());
}

/// What was told under keys that begin so, and whether it is urgent.
fn told(s: &Stage, keys: &str) -> Vec<(String, bool)> {
    let keys = format!("{keys}%");
    let read = s.engine.store.read(move |c| {
        let mut stmt = c.prepare("select text, urgent from notifications where key like ?1 order by id")?;
        let rows = stmt.query_map([keys], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    });
    read.expect("readable")
}

/// What is told while every look shows this, for ten minutes and over a restart in their middle.
fn told_of(s: &mut Stage, shown: std::result::Result<Look, &str>) -> Vec<(String, bool)> {
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
        (Ok(Look::Dialog("Do you trust this folder?".to_owned())), "Do you trust this folder?", true),
        (Ok(Look::Busy), "busy with something", false),
        (Err("tmux does not answer"), "tmux does not answer", false),
    ];
    for (shown, words, urgent) in shown {
        // Before the turn goes out, and in its middle.
        for sent in [false, true] {
            let mut s = stage();
            let first = s.say("hello", TurnOrigin::Human);
            s.harvests([answered("Hi.", 1)]);
            s.until(over(first));
            s.until(|s| s.session().state == SessionState::Idle);
            let id = s.say("and?", TurnOrigin::Human);
            if sent {
                s.until(|s| s.turn(id).state == TurnState::Sent);
            }
            let found = told_of(&mut s, shown.clone());
            if sent && shown == Ok(Look::Busy) {
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
    let mut s = stage();
    let first = s.say("hello", TurnOrigin::Human);
    s.harvests([answered("Hi.", 1)]);
    s.until(over(first));
    s.engine.store.write(|tx| sessions::want_keyboard(tx, true)).expect("taken");
    assert_eq!(told_of(&mut s, Ok(Look::Dialog("Which model?".to_owned()))).len(), 0);
    s.engine.store.write(|tx| sessions::want_keyboard(tx, false)).expect("handed back");
    s.until(|s| s.session().state == SessionState::Idle);
    assert_eq!(told_of(&mut s, Ok(Look::Dialog("Which model?".to_owned()))).len(), 1);
}

#[test]
fn while_a_person_has_the_keyboard_turns_wait() {
    let mut s = stage();
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

#[test]
fn the_same_client_id_makes_one_turn() {
    let s = stage();
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
