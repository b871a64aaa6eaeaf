//! What is known of one session from its files, and what follows for a turn. Only saves reading: it is made anew from the
//! session's folder at any time.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::run::failure_patterns;
use crate::domain::run::{Failure, FailureCode};
use crate::domain::time::Time;
use crate::drivers::runtime::launch_file::LaunchFile;
use crate::drivers::runtime::line_reader::LineReader;
use crate::drivers::runtime::live::hook_log::{HookEvent, HookLog};
use crate::drivers::runtime::live::transcript::{Exchange, Transcript};
use crate::drivers::runtime::live::{AgentEnv, LiveSession};
use crate::engine::orchestrator::driver::{AgentStatus, Harvest};
use crate::engine::orchestrator::headless::words;
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
pub(crate) struct SessionObserver {
    dir: String,
    hooks_file: LineReader,
    pub(crate) hooks: HookLog,
    transcript_file: Option<LineReader>,
    transcript: Transcript,
    /// What its hooks, transcript and screen mean.
    pub(crate) live: &'static dyn LiveSession,
    /// The environment its agent was started with: it tells where the agent's own files lie.
    pub(crate) env: AgentEnv,
    /// The last look at the terminal, when that was (monotonic), and since when it was ready.
    pub(crate) looked: Option<(i64, AgentStatus)>,
    pub(crate) ready_since: Option<i64>,
    /// Since when its screen shows nothing we know.
    pub(crate) odd_since: Option<i64>,
}

impl SessionObserver {
    /// The observer of a session, as far as its folder goes.
    pub(crate) fn open(live: &'static dyn LiveSession, session: &Session) -> SessionObserver {
        let dir = Path::new(&session.dir);
        let token = std::fs::read_to_string(dir.join("hook-token")).unwrap_or_default();
        SessionObserver {
            dir: session.dir.clone(),
            hooks_file: LineReader::of_name(&dir.join("hooks.jsonl")),
            hooks: HookLog::new(token.trim()),
            transcript_file: None,
            transcript: Transcript::default(),
            live,
            env: LaunchFile::read(dir).map(|file| file.env).unwrap_or_default(),
            looked: None,
            ready_since: None,
            odd_since: None,
        }
    }

    /// Whether it is the observer of this session.
    pub(crate) fn is_of(&self, session: &Session) -> bool {
        self.dir == session.dir
    }

    /// Reads what was added to the files.
    pub(crate) fn catch_up(&mut self, session: &Session) -> Result<()> {
        let live = self.live;
        let hooks = &mut self.hooks;
        if !self.hooks_file.lines(|line| hooks.read_line(line, |payload| live.read_hook(payload)))? {
            *self = SessionObserver {
                looked: self.looked.take(),
                ready_since: self.ready_since,
                ..SessionObserver::open(live, session)
            };
            let hooks = &mut self.hooks;
            self.hooks_file.lines(|line| hooks.read_line(line, |payload| live.read_hook(payload)))?;
        }
        let known = self.transcript_file.as_ref().map(|t| t.path().to_owned());
        let path = self.transcript_path(session, known.as_deref());
        if path != known {
            self.transcript_file = path.as_deref().map(LineReader::of_name);
            self.transcript = Transcript::default();
        }
        if let Some(file) = &mut self.transcript_file {
            let transcript = &mut self.transcript;
            if !file.lines(|line| live.read_transcript(line, transcript))? {
                self.transcript = Transcript::default();
                let transcript = &mut self.transcript;
                file.lines(|line| live.read_transcript(line, transcript))?;
            }
        }
        Ok(())
    }

    fn transcript_path(&self, session: &Session, known: Option<&Path>) -> Option<PathBuf> {
        let told = self.hooks.transcript.as_deref().map(PathBuf::from);
        told.or_else(|| known.map(Path::to_owned)).or_else(|| self.live.transcript(&self.env, &session.agent_session))
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
            match &end.event {
                HookEvent::Failed(kind, text) if written || settled => return Some(failed(kind, text, told)),
                HookEvent::Stopped(text) if written || settled => {
                    let answer = told.and_then(Exchange::answer);
                    if answer.is_none() && age < FLUSH_MS && !gone {
                        return None;
                    }
                    let text = text.as_deref().filter(|t| !t.is_empty()).or(answer).unwrap_or_default();
                    return Some(self.answered(session, text));
                }
                HookEvent::Submitted(_)
                | HookEvent::Uses(_)
                | HookEvent::Used
                | HookEvent::Stopped(_)
                | HookEvent::Failed(..) => {}
            }
        }
        told.filter(|t| t.interrupted).map(|t| Harvest::Interrupted { partial: t.partial() })
    }

    /// What has become of a turn that has not ended by its files, seen how the terminal stands.
    pub(crate) fn open_turn(&self, session: &Session, turn: &Turn, look: &AgentStatus, now_mono: i64) -> Harvest {
        let marker = &turn.marker();
        let idle = if turn.interrupt_wanted { IDLE_MS } else { IDLE_UNASKED_MS };
        let told = self.transcript.exchange(marker);
        if !self.has(marker) {
            return Harvest::NotSeen;
        }
        let by_transcript = || match told {
            Some(t) if t.error.is_some() => t.error.as_ref().map(|(kind, text)| failed(kind, text, told)),
            Some(t) => t.answer().map(|text| self.answered(session, text)),
            None => None,
        };
        let partial = told.and_then(Exchange::partial);
        match look {
            AgentStatus::Gone(why) => by_transcript().unwrap_or_else(|| {
                let text = why.clone().unwrap_or_else(|| "her program is gone".to_owned());
                let failure = Failure { code: FailureCode::Killed, text, retry_at: None };
                words::failed(&failure, partial, false)
            }),
            AgentStatus::Ready if self.ready_since.is_some_and(|since| now_mono - since >= idle) => {
                by_transcript().unwrap_or(Harvest::Interrupted { partial })
            }
            AgentStatus::Dialog(words) => Harvest::Asks(words.clone()),
            AgentStatus::Ready | AgentStatus::ComingUp | AgentStatus::Busy => {
                Harvest::Working { activity: self.hooks.activity(marker) }
            }
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
#[path = "session_observer_tests.rs"]
mod tests;
