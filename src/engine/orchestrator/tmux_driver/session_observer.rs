//! What is known of one session from its files, and what follows for a turn. Only saves reading: it is made anew from the
//! session's folder at any time.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::run::failure_patterns;
use crate::domain::run::{Failure, FailureCode};
use crate::domain::time::Time;
use crate::drivers::runtime::claude::home::ClaudeHome;
use crate::drivers::runtime::claude::transcript::{Exchange, Transcript};
use crate::drivers::runtime::launch_file::Order;
use crate::drivers::runtime::line_reader::LineReader;
use crate::engine::orchestrator::driver::{Harvest, Look};
use crate::engine::orchestrator::headless::words;
use crate::engine::orchestrator::tmux_driver::hooks::{Hooks, Said};
use std::path::{Path, PathBuf};

/// The transcript is written a moment after the agent has told of its end; on a machine that is busy, later. In milliseconds.
const FLUSH_MS: i64 = 1_000;
/// A prompt that the agent told of and that is in no transcript so long after its end never will be, in milliseconds.
const UNWRITTEN_MS: i64 = 2_000;
/// Idle for so long, without a word of an end: the turn was interrupted, in milliseconds.
const IDLE_MS: i64 = 1_500;
/// The same where nobody here wanted it interrupted: a machine out of breath may show an idle box for seconds before an agent
/// that has its prompt gets to work, and a turn must not be given up for that.
const IDLE_UNASKED_MS: i64 = 15_000;

/// What is known of a session.
pub(crate) struct Book {
    dir: String,
    hooks_file: LineReader,
    pub(crate) hooks: Hooks,
    transcript_file: Option<LineReader>,
    transcript: Transcript,
    /// The agent's own folder, as it sees it.
    pub(crate) home: Option<ClaudeHome>,
    /// The last look at the terminal, when that was (monotonic), and since when it was ready.
    pub(crate) looked: Option<(i64, Look)>,
    pub(crate) ready_since: Option<i64>,
    /// Since when its screen shows nothing we know.
    pub(crate) odd_since: Option<i64>,
}

impl Book {
    /// The book of a session, as far as its folder goes.
    pub(crate) fn open(session: &Session) -> Book {
        let dir = Path::new(&session.dir);
        let token = std::fs::read_to_string(dir.join("hook-token")).unwrap_or_default();
        Book {
            dir: session.dir.clone(),
            hooks_file: LineReader::of_name(&dir.join("hooks.jsonl")),
            hooks: Hooks::new(token.trim()),
            transcript_file: None,
            transcript: Transcript::default(),
            home: Order::read(dir).ok().and_then(|order| ClaudeHome::of(&order.env)),
            looked: None,
            ready_since: None,
            odd_since: None,
        }
    }

    /// Whether it is the book of this session.
    pub(crate) fn is_of(&self, session: &Session) -> bool {
        self.dir == session.dir
    }

    /// Reads what was added to the files.
    pub(crate) fn catch_up(&mut self, session: &Session) -> Result<()> {
        let hooks = &mut self.hooks;
        if !self.hooks_file.lines(|line| hooks.read_line(line))? {
            *self = Book { looked: self.looked.take(), ready_since: self.ready_since, ..Book::open(session) };
            let hooks = &mut self.hooks;
            self.hooks_file.lines(|line| hooks.read_line(line))?;
        }
        let known = self.transcript_file.as_ref().map(|t| t.path().to_owned());
        let path = self.transcript_path(session, known.as_deref());
        if path != known {
            self.transcript_file = path.as_deref().map(LineReader::of_name);
            self.transcript = Transcript::default();
        }
        if let Some(file) = &mut self.transcript_file {
            let transcript = &mut self.transcript;
            if !file.lines(|line| transcript.read_line(line))? {
                self.transcript = Transcript::default();
                let transcript = &mut self.transcript;
                file.lines(|line| transcript.read_line(line))?;
            }
        }
        Ok(())
    }

    fn transcript_path(&self, session: &Session, known: Option<&Path>) -> Option<PathBuf> {
        let told = self.hooks.transcript.as_deref().map(PathBuf::from);
        told.or_else(|| known.map(Path::to_owned)).or_else(|| self.home.as_ref()?.transcript(&session.agent_session))
    }

    /// The agent has a prompt with this marker.
    pub(crate) fn has(&self, marker: &str) -> bool {
        self.hooks.submitted(marker).is_some() || self.transcript.exchange(marker).is_some()
    }

    /// What the files alone say of a turn's end; none: nothing yet.
    pub(crate) fn ended(&self, session: &Session, marker: &str, now: Time, gone: bool) -> Option<Harvest> {
        let told = self.transcript.exchange(marker);
        let had = self.hooks.submitted(marker);
        // The hook of a prompt that was queued behind another carries the other's id: the transcript knows better.
        let id = told.and_then(|t| t.prompt_id.as_deref()).or_else(|| had.and_then(|h| h.prompt_id.as_deref()));
        if let Some(end) = self.hooks.end_of(id, marker) {
            let age = now.waited(end.at);
            let written = told.is_some() || self.transcript_file.as_ref().is_none_or(|f| !f.path().exists());
            let settled = gone || age > UNWRITTEN_MS;
            match &end.said {
                Said::Failed(kind, text) if written || settled => return Some(failed(kind, text, told)),
                Said::Stopped(text) if written || settled => {
                    let answer = told.and_then(Exchange::answer);
                    if answer.is_none() && age < FLUSH_MS && !gone {
                        return None;
                    }
                    let text = text.as_deref().filter(|t| !t.is_empty()).or(answer).unwrap_or_default();
                    return Some(self.answered(session, text));
                }
                Said::Submitted(_) | Said::Uses(_) | Said::Used | Said::Stopped(_) | Said::Failed(..) => {}
            }
        }
        told.filter(|t| t.interrupted).map(|t| Harvest::Interrupted { partial: t.partial() })
    }

    /// What has become of a turn that has not ended by its files, seen how the terminal stands.
    pub(crate) fn open_turn(&self, session: &Session, turn: &Turn, look: &Look, now_mono: i64) -> Harvest {
        let marker = &turn.marker();
        let idle = if turn.interrupt_wanted { IDLE_MS } else { IDLE_UNASKED_MS };
        let told = self.transcript.exchange(marker);
        if !self.has(marker) {
            return Harvest::Nowhere;
        }
        let by_transcript = || match told {
            Some(t) if t.error.is_some() => t.error.as_ref().map(|(kind, text)| failed(kind, text, told)),
            Some(t) => t.answer().map(|text| self.answered(session, text)),
            None => None,
        };
        let partial = told.and_then(Exchange::partial);
        match look {
            Look::Gone(why) => by_transcript().unwrap_or_else(|| {
                let text = why.clone().unwrap_or_else(|| "her program is gone".to_owned());
                let failure = Failure { code: FailureCode::Killed, text, retry_at: None };
                words::failed(&failure, partial, false)
            }),
            Look::Ready if self.ready_since.is_some_and(|since| now_mono - since >= idle) => {
                by_transcript().unwrap_or(Harvest::Interrupted { partial })
            }
            Look::Dialog(words) => Harvest::Asks(words.clone()),
            Look::Ready | Look::ComingUp | Look::Busy => Harvest::Working { activity: self.hooks.activity(marker) },
        }
    }

    fn answered(&self, session: &Session, text: &str) -> Harvest {
        Harvest::Answered {
            text: text.to_owned(),
            context_tokens: self.transcript.tokens,
            agent_session: self.hooks.session.clone().filter(|id| *id != session.agent_session),
        }
    }
}

fn failed(kind: &str, text: &str, told: Option<&Exchange>) -> Harvest {
    let code = failure_patterns::by_kind(kind).or_else(|| failure_patterns::by_text(text)).unwrap_or(FailureCode::AgentError);
    let text = if text.trim().is_empty() { kind } else { text };
    let failure = Failure { code, text: text.to_owned(), retry_at: None };
    words::failed(&failure, told.and_then(Exchange::partial), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::samples;
    use serde_json::json;

    #[test]
    fn an_idle_box_soon_ends_only_a_turn_that_was_to_be_interrupted() {
        let dir = tempfile::tempdir().expect("a folder");
        let session = Session { dir: dir.path().display().to_string(), ..samples::session() };
        let turn = Turn { nonce: Some("cafe".to_owned()), ..samples::turn() };
        std::fs::write(dir.path().join("hook-token"), "right").expect("written");
        let had = json!({"token": "right", "at": 1, "payload": {"hook_event_name": "UserPromptSubmit", "prompt": turn.marker()}});
        std::fs::write(dir.path().join("hooks.jsonl"), format!("{had}\n")).expect("written");
        let mut book = Book::open(&session);
        book.catch_up(&session).expect("readable");
        book.ready_since = Some(0);
        let ends = |wanted: bool, idle: i64| {
            let turn = Turn { interrupt_wanted: wanted, ..turn.clone() };
            matches!(book.open_turn(&session, &turn, &Look::Ready, idle), Harvest::Interrupted { .. })
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
            let mut book = Book::open(&session);
            book.catch_up(&session).expect("readable");
            assert_eq!(book.ended(&session, marker, now, false).is_some(), taken, "{at:?}");
        }
    }
}
