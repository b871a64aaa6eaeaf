//! `kill -9`, errors and panics at every fault point: afterwards all is well by itself, nothing is lost and nothing is doubled.

pub(crate) mod housekeeping;
pub(crate) mod luci;
pub(crate) mod tasks;
pub(crate) mod telegram;
pub(crate) mod tickets;
pub(crate) mod upgrade;

use crate::support::live_server::Live;
use crate::support::wait::until;
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::base::faults::Point;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
/// Servers of one story that live at the same time.
const AT_ONCE: usize = 2;
/// What a test does with a server so that a point is passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// Tickets are made, run and done.
    Tickets,
    /// A shim dies with its agent just started.
    Shim,
    /// Reports and a person's message go to Luci and back.
    Luci,
    /// Notices go out, and words come in.
    Telegram,
    /// A task is due.
    Task,
    /// What is old is deleted.
    Housekeeping,
    /// A backup is made.
    Backup,
    /// A database of a former version is opened.
    Upgrade,
}
/// The story that passes a point. A new point needs one: there is no other arm.
fn story_of(point: Point) -> Story {
    match point {
        Point::CommitReady
        | Point::Committed
        | Point::Checkpoint
        | Point::TicketClaimed
        | Point::LaunchTaken
        | Point::LaunchPrepared
        | Point::LaunchSpawned
        | Point::PidSeen
        | Point::LinesRead
        | Point::LinesStored
        | Point::ResultRead
        | Point::ResultCommented
        | Point::RunConcluded
        | Point::LaunchVoided => Story::Tickets,
        Point::AgentSpawned => Story::Shim,
        Point::DigestClaimed
        | Point::DigestQueued
        | Point::DigestDeciding
        | Point::TurnClaimed
        | Point::TurnSending
        | Point::TurnSent
        | Point::AnswerHarvested
        | Point::ActionPerformed
        | Point::AnswerTaken => Story::Luci,
        Point::NoticeClaimed | Point::NoticeSent | Point::UpdateActed | Point::UpdateTaken => Story::Telegram,
        Point::DueWriting | Point::DueWritten | Point::TaskTaken | Point::TaskSpawned | Point::TaskEnded | Point::TaskTold => {
            Story::Task
        }
        Point::Pruning => Story::Housekeeping,
        Point::BackingUp => Story::Backup,
        Point::Migrating => Story::Upgrade,
    }
}
/// Which hits of a point the fault strikes at. One shows it where every hit is alike.
fn hits_of(point: Point) -> &'static [u64] {
    match point {
        Point::CommitReady => &[1, 4, 7, 11],
        Point::Committed => &[2, 5, 8, 12],
        // The first is a person's turn, the second a digest's.
        Point::TurnClaimed | Point::TurnSending | Point::TurnSent | Point::AnswerHarvested | Point::AnswerTaken => &[1, 2],
        _ => &[1],
    }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    pub point: Point,
    pub nth: u64,
    pub kind: &'static str,
}
impl Fault {
    pub fn said(self) -> String {
        format!("{}:{}:{}", self.point.name(), self.nth, self.kind)
    }
}
/// Every fault of a kind at every point of a story.
pub fn faults(story: Story, kind: &'static str) -> Vec<Fault> {
    let points = Point::ALL.iter().copied().filter(|p| story_of(*p) == story);
    let found: Vec<Fault> =
        points.flat_map(|point| hits_of(point).iter().map(move |nth| Fault { point, nth: *nth, kind })).collect();
    assert!(!found.is_empty());
    found
}
/// Plays each, some at once.
pub fn each(faults: &[Fault], play: impl Fn(Fault) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(fault) = faults.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let clock = SystemClock::new();
                    eprintln!("{}", fault.said());
                    play(*fault);
                    eprintln!("{}: well after {} ms", fault.said(), clock.mono_ms());
                }
            });
        }
    });
}
/// A server with a fault.
pub struct Stage {
    pub live: Live,
    /// Good over restarts: what is asked twice under one key is known by it.
    token: String,
    pub fault: Fault,
}
impl Stage {
    /// The server comes up, or dies while it does.
    pub fn set(mut live: Live, fault: Fault) -> Stage {
        let out = live.run(&["token", "create", "tester", "--scope", "owner"]);
        let token = String::from_utf8(out.stdout).expect("plain text").trim().to_owned();
        live.variable("MC_FAULT", &fault.said());
        live.spawn();
        live.comes_up();
        Stage { live, token, fault }
    }
    /// What was answered; none where nobody did, or where the fault was the answer.
    pub fn ask(&self, path: &str, body: &Value) -> Option<Value> {
        if !self.live.is_up() {
            return None;
        }
        let answer = self.live.try_json_as(&self.token, path, body)?;
        if answer.status >= 500 {
            assert_ne!(self.fault.kind, "kill9", "{}", answer.body);
            return None;
        }
        assert!((200..300).contains(&answer.status), "{}: {} {}", self.fault.said(), answer.status, answer.body);
        Some(serde_json::from_str(&answer.body).expect("JSON"))
    }
    /// Waits for the strike. Then there is a server without a fault: another one, or the one that had an error.
    pub fn strike(&mut self) {
        let words = format!("the fault at {} strikes", self.fault.point.name());
        until(&format!("{} to strike", self.fault.said()), || self.live.log().contains(&words).then_some(()));
        if self.fault.kind == "kill9" {
            self.live.dies();
            self.live.without("MC_FAULT");
            self.live.boot();
        }
        assert!(!self.live.is_over(), "it lives: {}", self.live.log());
    }
}
/// Asks for all of it; what it got the first time it must get again.
pub fn ask_all(stage: &Stage, path: &str, wanted: &[Value], known: &mut BTreeMap<usize, i64>) {
    for (n, body) in wanted.iter().enumerate() {
        if let Some(answer) = stage.ask(path, body) {
            let id = answer["id"].as_i64().or(answer["turn"]["id"].as_i64()).unwrap_or_else(|| panic!("no id in {answer}"));
            assert_eq!(*known.entry(n).or_insert(id), id, "the same request is the same thing");
        }
    }
}
