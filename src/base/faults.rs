//! Fault points: named places at which a test lets the program die, fail or wait, to see that nothing is lost there.
//!
//! Without the feature `faults` a point is nothing and `MC_FAULT` is not read. With it `MC_FAULT=POINT:N:KIND` does one
//! thing at the N-th hit of one point: `kill9`, `panic`, `err` (the point answers with an error) or `sleep` (two seconds).

#[cfg(not(feature = "faults"))]
use crate::base::error::Result;

/// Declares the points, their names for `MC_FAULT`, and the list of them all.
macro_rules! points {
    ($($(#[doc = $doc:literal])+ $point:ident = $name:literal,)+) => {
        /// Where a fault can strike: what has happened by then, and what has not.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Point {
            $($(#[doc = $doc])+ $point,)+
        }

        impl Point {
            /// All of them.
            pub const ALL: &[Point] = &[$(Point::$point,)+];

            /// Its name in `MC_FAULT`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Point::$point => $name,)+
                }
            }
        }
    };
}

points! {
    /// A group of writes is whole in its transaction; it is not committed.
    CommitReady = "commit-ready",
    /// A group of writes is on the disk; nobody has been told.
    Committed = "committed",
    /// It is time to fold the write-ahead log back; nothing is folded.
    Checkpoint = "checkpoint",
    /// A migration's tables are there, inside its transaction; its version is not.
    Migrating = "migrating",
    /// Some of what is old is deleted, inside a transaction; the rest is to come.
    Pruning = "pruning",
    /// Some pages of a backup are written; the file has not got its name.
    BackingUp = "backing-up",

    /// Items are claimed, inside the transaction; their digest and its turn are not written.
    DigestClaimed = "digest-claimed",
    /// A digest's turn waits in the queue; nobody has taken it.
    DigestQueued = "digest-queued",
    /// One item of an answered digest is decided, inside the transaction; the others are not.
    DigestDeciding = "digest-deciding",

    /// A turn is claimed; it is not marked as sent, and its agent knows nothing of it.
    TurnClaimed = "turn-claimed",
    /// A turn is marked as sent; its agent knows nothing of it.
    TurnSending = "turn-sending",
    /// The agent has the turn; its session is not marked as working.
    TurnSent = "turn-sent",
    /// The reply was found; nothing of it is kept.
    AnswerHarvested = "answer-harvested",
    /// An action has had its effect, inside the transaction; its proposal does not say so.
    ActionPerformed = "action-performed",
    /// The reply is kept and acted upon, inside the transaction; its session does not know.
    AnswerTaken = "answer-taken",

    /// A notice is marked as being sent; nothing was sent.
    NoticeClaimed = "notice-claimed",
    /// A notice is in the chat; that is not written down.
    NoticeSent = "notice-sent",
    /// An update has had its effect, inside the transaction that keeps the offset; it is not committed.
    UpdateActed = "update-acted",
    /// An update's effect and the offset are kept; whoever pressed a button has no answer.
    UpdateTaken = "update-taken",

    /// Ready tickets have their run; none is launched.
    TicketClaimed = "ticket-claimed",
    /// A launch is taken; there is no run folder.
    LaunchTaken = "launch-taken",
    /// The run folder is whole; no shim is started.
    LaunchPrepared = "launch-prepared",
    /// A shim is started; nobody waits for it.
    LaunchSpawned = "launch-spawned",
    /// In the shim: the agent runs; its pid is in no file.
    AgentSpawned = "agent-spawned",
    /// The agent's pid was read; it is not stored.
    PidSeen = "pid-seen",
    /// Lines are events, inside the transaction; it is not committed.
    LinesRead = "lines-read",
    /// Lines are events, and committed; the print log has not got them.
    LinesStored = "lines-stored",
    /// The log was read to its end, result and all; the run is not concluded.
    ResultRead = "result-read",
    /// The result is a comment, inside the transaction; the ticket's status is the old one.
    ResultCommented = "result-commented",
    /// The run is concluded; nobody has looked at what follows for the others.
    RunConcluded = "run-concluded",
    /// A launch without a trace is voided in its folder; its row does not know.
    LaunchVoided = "launch-voided",

    /// A due time has its row, inside the transaction; the next due time is the old one's.
    DueWriting = "due-writing",
    /// A due time has its row and waits; nothing is started.
    DueWritten = "due-written",
    /// A task run is taken; there is no run folder.
    TaskTaken = "task-taken",
    /// A task run's shim is started; nobody remembers that.
    TaskSpawned = "task-spawned",
    /// A task run has ended, inside the transaction; its outcome is not told.
    TaskEnded = "task-ended",
    /// A task run's end and outcome are kept; its folder is still there.
    TaskTold = "task-told",
}

/// Passes a point. Nothing, unless this is where and when the fault is to strike.
///
/// # Errors
/// The fault is an error.
#[cfg(not(feature = "faults"))]
#[inline(always)]
pub fn hit(_: Point) -> Result<()> {
    Ok(())
}

#[cfg(feature = "faults")]
pub use armed::hit;

#[cfg(feature = "faults")]
mod armed {
    use crate::base::clock::pause;
    use crate::base::error::{Error, Result};
    use crate::base::faults::Point;
    use nix::sys::signal::{Signal, raise};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    /// The one fault of this process, and how often its point was hit.
    struct Fault {
        point: Point,
        nth: u64,
        kind: Kind,
        hits: AtomicU64,
    }

    #[derive(Clone, Copy)]
    enum Kind {
        Kill9,
        Panic,
        Err,
        Sleep,
    }

    static FAULT: OnceLock<Option<Fault>> = OnceLock::new();

    /// Passes a point, and strikes there where it is time.
    ///
    /// # Errors
    /// The fault is an error.
    pub fn hit(point: Point) -> Result<()> {
        let fault = FAULT.get_or_init(|| {
            let said = std::env::var("MC_FAULT").ok()?;
            Some(read(&said).unwrap_or_else(|| panic!("MC_FAULT={said} names no point, number and kind of fault")))
        });
        match fault {
            Some(f) if f.point == point && f.hits.fetch_add(1, Ordering::SeqCst) + 1 == f.nth => strike(point, f.kind),
            Some(_) | None => Ok(()),
        }
    }

    fn read(said: &str) -> Option<Fault> {
        let (name, rest) = said.split_once(':')?;
        let (nth, kind) = rest.split_once(':')?;
        let point = *Point::ALL.iter().find(|p| p.name() == name)?;
        let kind = match kind {
            "kill9" => Kind::Kill9,
            "panic" => Kind::Panic,
            "err" => Kind::Err,
            "sleep" => Kind::Sleep,
            _ => return None,
        };
        Some(Fault { point, nth: nth.parse().ok().filter(|n| *n > 0)?, kind, hits: AtomicU64::new(0) })
    }

    fn strike(point: Point, kind: Kind) -> Result<()> {
        let name = point.name();
        eprintln!("the fault at {name} strikes");
        match kind {
            Kind::Kill9 => {
                let _sent = raise(Signal::SIGKILL);
                unreachable!("nobody survives SIGKILL")
            }
            Kind::Panic => panic!("the fault at {name}"),
            Kind::Err => Err(Error::Internal(format!("the fault at {name}"))),
            Kind::Sleep => {
                pause(Duration::from_secs(2));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Point::ALL.iter().map(|p| p.name()).collect();
        assert_eq!(names.len(), Point::ALL.len());
        assert!(names.iter().all(|n| n.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')), "{names:?}");
    }
}
