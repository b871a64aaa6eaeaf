//! What an agent told by its hooks, as it stands in its session's `hooks.jsonl`. Pure.

use crate::domain::time::Time;
use serde::Deserialize;
use serde_json::Value;
use std::collections::VecDeque;

/// Moments that are remembered.
const KEPT: usize = 2_000;

/// Something the agent told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookEvent {
    /// It has a prompt with these markers.
    Submitted(Vec<String>),
    /// It uses a tool, in a few words.
    Uses(String),
    /// It is through with a tool.
    Used,
    /// It has answered; none where the answer was too long to be kept.
    Stopped(Option<String>),
    /// It could not answer: the kind of trouble and its words.
    Failed(String, String),
}

/// A moment of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookMoment {
    /// The agent's own id of the prompt it was about.
    pub prompt_id: Option<String>,
    /// When, by the wall clock.
    pub at: Time,
    /// What.
    pub event: HookEvent,
}

/// What one payload tells, as its runtime reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookNews {
    /// Where the agent writes its transcript.
    pub transcript: Option<String>,
    /// The id its conversation goes by.
    pub session: Option<String>,
    /// The agent's own id of the prompt it is about.
    pub prompt_id: Option<String>,
    /// What happened; none: nothing that concerns us.
    pub event: Option<HookEvent>,
}

/// All of it, as far as it is remembered.
#[derive(Debug, Clone, Default)]
pub struct HookLog {
    token: String,
    moments: VecDeque<HookMoment>,
    /// Where the agent writes its transcript.
    pub transcript: Option<String>,
    /// The id its conversation goes by.
    pub session: Option<String>,
    /// Lines that did not carry the session's token.
    pub foreign: u64,
}

#[derive(Deserialize)]
struct HookLine {
    token: String,
    at: i64,
    payload: Value,
}

impl HookLog {
    /// Believes lines with this token alone.
    #[must_use]
    pub fn new(token: &str) -> HookLog {
        HookLog { token: token.to_owned(), ..HookLog::default() }
    }

    /// Reads one line; `read` is the runtime's reading of a payload.
    pub fn read_line(&mut self, line: &[u8], read: impl FnOnce(&Value) -> HookNews) {
        let Ok(kept) = serde_json::from_slice::<HookLine>(line) else { return };
        if self.token.is_empty() || kept.token != self.token {
            self.foreign += 1;
            return;
        }
        let news = read(&kept.payload);
        self.transcript = news.transcript.or(self.transcript.take());
        self.session = news.session.or(self.session.take());
        let event = match news.event {
            // We cut it in the middle ourselves.
            Some(HookEvent::Stopped(_)) if kept.payload.get("mc_cut").is_some() => HookEvent::Stopped(None),
            Some(event) => event,
            None => return,
        };
        self.moments.push_back(HookMoment { prompt_id: news.prompt_id, at: Time(kept.at), event });
        while self.moments.len() > KEPT {
            self.moments.pop_front();
        }
    }

    /// The moment the agent had a prompt with this marker.
    #[must_use]
    pub fn submitted(&self, marker: &str) -> Option<&HookMoment> {
        self.place(marker).and_then(|at| self.moments.get(at))
    }

    /// How a prompt ended: told of that prompt by its id; where there are no ids, told next after `marker` came in.
    #[must_use]
    pub fn end_of(&self, prompt_id: Option<&str>, marker: &str) -> Option<&HookMoment> {
        let from = self.place(marker);
        self.moments.iter().enumerate().filter(|(at, _)| from.is_none_or(|from| *at > from)).map(|(_, m)| m).find(|m| {
            let is_end = matches!(m.event, HookEvent::Stopped(_) | HookEvent::Failed(..));
            let is_ours = match (prompt_id, m.prompt_id.as_deref()) {
                (Some(wanted), Some(id)) => wanted == id,
                (None, _) | (_, None) => from.is_some(),
            };
            is_end && is_ours
        })
    }

    /// What it does for the prompt with this marker, in a few words.
    #[must_use]
    pub fn activity(&self, marker: &str) -> Option<String> {
        let from = self.place(marker)?;
        match &self.moments.iter().skip(from + 1).next_back()?.event {
            HookEvent::Uses(words) => Some(words.clone()),
            HookEvent::Submitted(_) | HookEvent::Used | HookEvent::Stopped(_) | HookEvent::Failed(..) => None,
        }
    }

    /// When the agent last began something and has not said since that it is through with it.
    #[must_use]
    pub fn busy_since(&self) -> Option<Time> {
        let last = self.moments.back()?;
        match last.event {
            HookEvent::Submitted(_) | HookEvent::Uses(_) | HookEvent::Used => Some(last.at),
            HookEvent::Stopped(_) | HookEvent::Failed(..) => None,
        }
    }

    fn place(&self, marker: &str) -> Option<usize> {
        self.moments.iter().position(|m| matches!(&m.event, HookEvent::Submitted(found) if found.iter().any(|f| f == marker)))
    }
}
