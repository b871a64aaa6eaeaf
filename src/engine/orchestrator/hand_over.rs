//! From one session to the next: the first one, a rotation at the token limits, a switch of profile, a cold start.

use crate::base::error::Result;
use crate::domain::ids::SessionId;
use crate::domain::orchestrator::proposal_block;
use crate::domain::orchestrator::session::{Session, SessionState, Wanted};
use crate::domain::orchestrator::turn::{TurnOrigin, TurnState};
use crate::domain::text::{cut_bytes, cut_chars};
use crate::domain::ticket::Status;
use crate::engine::Engine;
use crate::engine::orchestrator::{Orchestrator, Pace, driver_for, label};
use crate::store::orchestrator::turns::NewTurn;
use crate::store::orchestrator::{sessions, turns};
use crate::store::run::pauses;
use crate::store::ticket::filter::Filter;
use crate::store::ticket::{board, lists};
use std::fmt::Write;

/// Who Luci is and how she works; put before every session. The block of proposals is described by its own text.
const CONTRACT: &str = include_str!("luci.md");

/// Asks for the note the next session begins with.
const ASK: &str = "Write the hand-over note for yourself: this session ends after your answer, and the next one begins with \
your note and the list of open tickets alone. Say what was asked and decided, what is under way and with which ticket, what you \
promised to whom, and what to do next. At most 600 words. No proposals.";

/// Bytes of a note that are passed on: it stands among the arguments of her program.
const NOTE_MAX: usize = 30_000;
/// Turns that a note of our own is made of.
const REMEMBERED: i64 = 12;
/// Characters of a turn's words in such a note.
const WORDS: usize = 600;
/// Open tickets that are told.
const TICKETS: usize = 60;

impl Orchestrator {
    /// The first session, or the next where none is open.
    pub(crate) fn begin(&mut self, engine: &Engine, wanted: &Wanted) -> Result<Pace> {
        let before = engine.store.read(sessions::newest)?;
        let begun = if before.is_some() { "A new session began" } else { "" };
        let note = before.map(|_| String::new());
        self.open(engine, wanted, begun, note, None)
    }

    /// Another profile or another driver is wanted than this session has.
    pub(crate) fn change_over(&mut self, engine: &Engine, session: &Session, wanted: &Wanted) -> Result<Option<Pace>> {
        let profile = engine.config.orchestrator_profile(wanted.profile.as_deref());
        if profile == session.profile {
            let driver = driver_for(engine, &profile);
            if driver == session.driver {
                return Ok(None);
            }
            // The conversation is the agent's, whichever way it is spoken with.
            self.driver(session.driver).stop(engine, session)?;
            let id = session.id;
            engine.store.write(move |tx| sessions::speaks_by(tx, id, driver))?;
            return Ok(Some(Pace::Now));
        }
        let up = matches!(session.state, SessionState::Idle | SessionState::Working | SessionState::Waiting);
        let now = engine.store.clock().now();
        // One at its limit, or logged out, cannot write a note: it is left with one of ours.
        let rests = engine.store.read(|c| pauses::in_force(c, now))?.contains_key(&session.profile);
        if up && session.answered > 0 && !rests {
            // Once it is idle it is asked for a note; `hand_over` then opens the next.
            if session.state == SessionState::Idle && !self.asked_for_note(engine)? {
                self.ask_for_note(engine)?;
                return Ok(Some(Pace::Now));
            }
            return Ok(None);
        }
        self.hand_over(engine, session, "")?;
        Ok(Some(Pace::Now))
    }

    /// Asks for the note where the session's memory is full: softly at an idle moment, hard before anything else.
    pub(crate) fn rotate(&mut self, engine: &Engine, session: &Session, waiting: bool) -> Result<bool> {
        let limits = &engine.config.orchestrator;
        let soft = session.context_tokens >= limits.soft_tokens && !waiting;
        let hard = session.context_tokens >= limits.hard_tokens;
        if !(soft || hard) || self.asked_for_note(engine)? {
            return Ok(false);
        }
        self.ask_for_note(engine)?;
        Ok(true)
    }

    fn asked_for_note(&self, engine: &Engine) -> Result<bool> {
        let open = engine.store.read(|c| turns::queue(c, 1))?;
        Ok(open.iter().any(|t| t.origin == TurnOrigin::HandOver))
    }

    fn ask_for_note(&self, engine: &Engine) -> Result<()> {
        let ask = NewTurn {
            origin: TurnOrigin::HandOver,
            author: "Mission Control".to_owned(),
            message: ASK.to_owned(),
            client_id: None,
        };
        engine.store.write(move |tx| turns::send(tx, &ask).map(|_| ()))
    }

    /// Ends a session and opens the next with its note. Without one the note is made of the last turns.
    pub(crate) fn hand_over(&mut self, engine: &Engine, session: &Session, note: &str) -> Result<()> {
        let wanted = engine.store.read(sessions::wanted)?;
        let profile = engine.config.orchestrator_profile(wanted.profile.as_deref());
        let begun = if profile == session.profile {
            format!("Fresh start at {}k tokens", session.context_tokens / 1_000)
        } else {
            format!("Switched to {}", label(engine, &profile))
        };
        self.driver(session.driver).stop(engine, session)?;
        self.open(engine, &wanted, &begun, Some(note.to_owned()), Some((session.id, begun.clone())))?;
        Ok(())
    }

    /// The agent does not know the conversation any more: a fresh one, with a note of our own.
    pub(crate) fn start_cold(&mut self, engine: &Engine, session: &Session, why: &str) -> Result<()> {
        tracing::warn!(why, "Luci's conversation is unknown to her program; she starts with a note");
        self.driver(session.driver).stop(engine, session)?;
        let wanted = engine.store.read(sessions::wanted)?;
        let begun = "Started anew: her program did not know the conversation any more";
        self.open(engine, &wanted, begun, Some(String::new()), Some((session.id, why.to_owned())))?;
        Ok(())
    }

    /// Opens the next session; the one before ends with its reason in the same transaction.
    fn open(
        &mut self,
        engine: &Engine,
        wanted: &Wanted,
        begun: &str,
        note: Option<String>,
        before: Option<(SessionId, String)>,
    ) -> Result<Pace> {
        let profile = engine.config.orchestrator_profile(wanted.profile.as_deref());
        let note = match note {
            Some(said) if said.trim().is_empty() => Some(own_note(engine)?),
            said => said,
        };
        let new = sessions::NewSession {
            driver: driver_for(engine, &profile),
            profile,
            agent_session: crate::base::random::uuid(),
            begun: begun.to_owned(),
            root: engine.data.sessions(),
            brief: brief(engine, note.as_deref())?,
            hand_over: note,
        };
        let session = engine.store.write(move |tx| {
            if let Some((id, reason)) = &before {
                sessions::end(tx, *id, reason)?;
            }
            sessions::open(tx, &new)
        })?;
        crate::config::data_dir::make_private(std::path::Path::new(&session.dir))?;
        Ok(Pace::Now)
    }
}

/// What a session is told beyond the turns.
fn brief(engine: &Engine, note: Option<&str>) -> Result<String> {
    let mut text = format!("{}\n\n{}", CONTRACT.trim(), proposal_block::contract().trim());
    if let Some(note) = note.filter(|n| !n.trim().is_empty()) {
        let _ = write!(text, "\n\n# Hand-over note of the session before\n\n{}", cut_bytes(note.trim(), NOTE_MAX).0);
    }
    let open = engine.store.read(|c| {
        let mut found = board::waiting(c, TICKETS)?;
        for status in [Status::InProgress, Status::Todo, Status::Inbox] {
            let filter = Filter { status: Some(status), ..Filter::default() };
            found.extend(lists::window(c, &filter, None, TICKETS - found.len())?);
        }
        Ok(found)
    })?;
    let mut lines = String::new();
    for t in open {
        let _ = writeln!(lines, "- {} [{}] {} ({})", t.id, t.status, cut_chars(t.title.as_str(), 100).0, t.role.as_str());
    }
    if !lines.is_empty() {
        let _ = write!(text, "\n\n# Open tickets when this session began\n\n{lines}");
    }
    Ok(text)
}

/// A note made of the last turns, where the agent could not write one.
fn own_note(engine: &Engine) -> Result<String> {
    let last = engine.store.read(|c| turns::shown(c, None, REMEMBERED))?;
    let mut note = String::new();
    for turn in last.iter().filter(|t| matches!(t.state, TurnState::Answered | TurnState::Failed)) {
        let _ = writeln!(note, "{} said: {}", turn.author, cut_chars(&turn.message, WORDS).0);
        if let Some(answer) = &turn.response {
            let _ = writeln!(note, "You answered: {}", cut_chars(answer, WORDS).0);
        }
    }
    if note.is_empty() {
        return Ok(note);
    }
    Ok(format!("The last session ended without a note. The end of its conversation was:\n\n{note}"))
}
