//! What a run has said so far: the small memory a stream reader keeps between two lines, stored beside the offset.

use crate::domain::run::{Tokens, Verdict};
use crate::domain::text::cut_bytes;
use crate::domain::time::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of the last text and of a result that are kept.
pub const TEXT_CUT: usize = 64 * 1024;

/// Tool calls whose names are remembered until their results come.
const PENDING_TOOLS: usize = 64;

/// Messages whose token use may still be corrected by a later line.
const RECENT_MESSAGES: usize = 16;

/// Texts that are recognised when a result repeats them.
const SPOKEN: usize = 16;

/// Background tasks that are remembered.
const OPEN_TASKS: usize = 256;

/// The last word of one turn of the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResultLine {
    /// The answer; none where the turn ended without one.
    pub text: Option<String>,
    /// The turn failed. Only this and the codes below count: the subtype says `success` on API failures as well.
    pub is_error: bool,
    /// As sent: `success`, `error_max_turns`, …
    pub subtype: String,
    /// HTTP status of the API failure that ended it.
    pub api_error_status: Option<i64>,
    /// Errors in words.
    pub errors: Vec<String>,
    /// As sent: `completed`, `aborted_tools`, …
    pub terminal_reason: Option<String>,
}

/// A failure of the model's service, as the agent reported it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ApiError {
    /// Its code word: `authentication_failed`, `rate_limit`, …
    pub kind: String,
    /// HTTP status, where there was one.
    pub status: Option<i64>,
    /// In words.
    pub text: String,
}

/// Token use of one message; its lines repeat and correct it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct MessageUse {
    id: String,
    tokens: Tokens,
}

/// Counts the tokens of a run: each message once, and each turn as its result says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meter {
    settled: Tokens,
    turn: Tokens,
    recent: Vec<MessageUse>,
    counted: BTreeSet<String>,
}

impl Meter {
    /// Tokens used so far.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.recent.iter().fold(add(self.settled, self.turn), |sum, m| add(sum, m.tokens))
    }

    /// A message said how much it used. Several lines carry the same message: the last one counts.
    pub fn note(&mut self, message: &str, tokens: Tokens) {
        let id = cut_bytes(message, 100).0;
        if let Some(known) = self.recent.iter_mut().find(|m| m.id == id) {
            known.tokens = tokens;
            return;
        }
        if self.counted.contains(id) {
            return;
        }
        if self.recent.len() >= RECENT_MESSAGES {
            let oldest = self.recent.remove(0);
            self.turn = add(self.turn, oldest.tokens);
        }
        self.recent.push(MessageUse { id: id.to_owned(), tokens });
    }

    /// Counts from nothing again. Messages that were counted are remembered: a late line of one counts nothing.
    fn begin_anew(&mut self) {
        self.counted.extend(std::mem::take(&mut self.recent).into_iter().map(|m| m.id));
        (self.settled, self.turn) = (Tokens::default(), Tokens::default());
    }

    /// A turn ended; `tokens` is what it used in all, where its result says so.
    pub fn settle(&mut self, tokens: Tokens) {
        let messages = std::mem::take(&mut self.recent);
        let said = messages.iter().fold(std::mem::take(&mut self.turn), |sum, m| add(sum, m.tokens));
        // An aborted turn reports nothing, though its messages were paid for.
        self.settled = add(self.settled, if tokens == Tokens::default() { said } else { tokens });
        self.counted = messages.into_iter().map(|m| m.id).collect();
    }
}

/// All that is known of a run from the lines read so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The session, from its first line.
    pub session_id: Option<String>,
    /// Where the agent says it works.
    pub cwd: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// Version of the agent's program.
    pub cli_version: Option<String>,
    /// Turns begun.
    pub inits: u32,
    /// Turns ended.
    pub results: u32,
    /// Tool calls, those of sub-agents included.
    pub tool_uses: u32,
    /// The last turn's end.
    pub last: Option<ResultLine>,
    /// The last text of the main agent.
    pub final_text: String,
    /// Marks of the texts the main agent said lately. Results may come late and out of turn.
    pub spoken: Vec<u64>,
    /// The first REVIEW or QUESTION the main agent said in this run.
    pub asked: Option<Verdict>,
    /// Background tasks and sub-agents started and not yet finished, each with the tool call that ends it (empty:
    /// none, it runs in the background).
    pub open_tasks: BTreeMap<String, String>,
    /// Messages still queued inside the agent.
    pub queued: u32,
    /// The failure of the service that is not yet overcome.
    pub api_error: Option<ApiError>,
    /// The last retry of the service that is not yet overcome.
    pub last_retry: Option<ApiError>,
    /// The service refuses the login: no use waiting for ten retries.
    pub auth_suspect: bool,
    /// When the limit resets, where that was said.
    pub limit_reset_at: Option<Time>,
    /// Tool calls that were not permitted.
    pub permission_denials: u32,
    /// Cost of this run in US dollars, as reported.
    pub cost_usd: f64,
    /// Tokens in the main agent's context at its last message.
    pub context_tokens: i64,
    /// Lines too long to be read.
    pub oversize: u32,
    /// Lines that could not be understood.
    pub unreadable: u32,
    /// The session's cost at the last result: it goes on counting over the turns of one process.
    pub session_cost_usd: f64,
    /// Counts the tokens.
    pub meter: Meter,
    /// Tool calls that wait for their result, by the agent's id, with the tool's name.
    pub pending_tools: BTreeMap<String, String>,
}

impl Progress {
    /// Tokens used by this run so far.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.meter.tokens()
    }

    /// The agent goes on in another session, which has a row of its own: what was used so far stays with the row before.
    /// The session's own cost counts on: only what comes on top of it is new.
    pub fn begin_anew(&mut self) {
        self.cost_usd = 0.0;
        self.meter.begin_anew();
    }

    /// The text the run is judged by: that of its last result, else the last one the main agent said.
    #[must_use]
    pub fn answer(&self) -> &str {
        self.last.as_ref().and_then(|r| r.text.as_deref()).unwrap_or(&self.final_text)
    }

    /// The last turn ended well.
    #[must_use]
    pub fn ended_well(&self) -> bool {
        self.last.as_ref().is_some_and(|r| !r.is_error && r.api_error_status.is_none())
    }

    /// The last turn ended and nothing inside the agent is still to come: a process that lingers now may be stopped.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        self.last.is_some() && self.inits <= self.results && self.open_tasks.is_empty() && self.queued == 0
    }

    /// The main agent said this.
    pub fn note_spoken(&mut self, text: &str) {
        if self.spoken.len() >= SPOKEN {
            self.spoken.remove(0);
        }
        self.spoken.push(mark_of(text));
    }

    /// The main agent said just this, lately.
    #[must_use]
    pub fn has_spoken(&self, text: &str) -> bool {
        self.spoken.contains(&mark_of(text))
    }

    /// A tool was called: its name is wanted again when the result comes.
    pub fn remember_tool(&mut self, call: &str, name: &str) {
        if self.pending_tools.len() >= PENDING_TOOLS {
            self.pending_tools.pop_first();
        }
        self.pending_tools.insert(cut_bytes(call, 200).0.to_owned(), cut_bytes(name, 200).0.to_owned());
    }

    /// A tool answered: what was it called?
    pub fn take_tool(&mut self, call: &str) -> Option<String> {
        self.pending_tools.remove(cut_bytes(call, 200).0)
    }

    /// A background task began.
    pub fn open_task(&mut self, task: &str, call: &str) {
        if self.open_tasks.len() < OPEN_TASKS {
            self.open_tasks.insert(cut_bytes(task, 200).0.to_owned(), cut_bytes(call, 200).0.to_owned());
        }
    }

    /// A background task ended.
    pub fn close_task(&mut self, task: &str) {
        self.open_tasks.remove(cut_bytes(task, 200).0);
    }

    /// The main agent said something with a REVIEW or QUESTION in front: the first one counts.
    pub fn note_asked(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Question | Verdict::Review => self.asked = self.asked.or(Some(verdict)),
            Verdict::Done => {}
        }
    }

    /// The service answered: earlier failures are overcome.
    pub fn note_service_well(&mut self) {
        self.api_error = None;
        self.last_retry = None;
        self.auth_suspect = false;
    }
}

/// FNV-1a: short to write down, and the same in every version of this program.
fn mark_of(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |mark, byte| (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn add(a: Tokens, b: Tokens) -> Tokens {
    Tokens {
        input: a.input.saturating_add(b.input),
        output: a.output.saturating_add(b.output),
        cache_read: a.cache_read.saturating_add(b.cache_read),
        cache_creation: a.cache_creation.saturating_add(b.cache_creation),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(input: i64, output: i64) -> Tokens {
        Tokens { input, output, ..Tokens::default() }
    }

    #[test]
    fn a_message_on_several_lines_is_counted_once() {
        let mut p = Progress::default();
        p.meter.note("m1", used(10, 1));
        p.meter.note("s1", used(5, 1));
        p.meter.note("m1", used(10, 7));
        assert_eq!(p.tokens(), used(15, 8));
        p.meter.settle(used(15, 20));
        assert_eq!(p.tokens(), used(15, 20));
        p.meter.note("m1", used(10, 7));
        assert_eq!(p.tokens(), used(15, 20), "a late line of a settled message counts nothing");
        p.meter.note("m2", used(3, 1));
        p.meter.settle(used(3, 2));
        assert_eq!(p.tokens(), used(18, 22));
    }

    #[test]
    fn what_was_used_before_a_new_session_is_not_counted_again() {
        let mut p = Progress { cost_usd: 1.5, session_cost_usd: 1.5, ..Progress::default() };
        p.meter.note("m1", used(10, 1));
        p.meter.settle(used(10, 2));
        p.meter.note("m2", used(4, 1));
        p.begin_anew();
        assert_eq!((p.tokens(), p.cost_usd, p.session_cost_usd), (Tokens::default(), 0.0, 1.5));
        p.meter.note("m2", used(4, 3));
        p.meter.note("m3", used(7, 1));
        assert_eq!(p.tokens(), used(7, 1));
    }

    #[test]
    fn an_aborted_turn_keeps_what_its_messages_used() {
        let mut p = Progress::default();
        for n in 0..100 {
            p.meter.note(&format!("m{n}"), used(2, 1));
        }
        assert_eq!(p.tokens(), used(200, 100));
        p.meter.settle(Tokens::default());
        assert_eq!(p.tokens(), used(200, 100));
    }

    #[test]
    fn what_is_remembered_stays_bounded() {
        let mut p = Progress::default();
        for n in 0..10_000 {
            let id = format!("{n}-{}", "x".repeat(1_000));
            p.remember_tool(&id, &id);
            p.open_task(&id, &id);
            p.meter.note(&id, used(1, 1));
            p.note_spoken(&id);
        }
        assert!(p.has_spoken(&format!("9999-{}", "x".repeat(1_000))) && !p.has_spoken("9999"));
        let stored = serde_json::to_string(&p).expect("plain data");
        assert!(stored.len() < 200_000, "{}", stored.len());
        assert_eq!(serde_json::from_str::<Progress>(&stored).expect("reads back"), p);
    }

    #[test]
    fn progress_stored_by_an_older_version_is_read() {
        assert_eq!(serde_json::from_str::<Progress>("{}").expect("all fields have defaults"), Progress::default());
    }

    #[test]
    fn only_the_first_thing_asked_counts() {
        let mut p = Progress::default();
        p.note_asked(Verdict::Done);
        assert_eq!(p.asked, None);
        p.note_asked(Verdict::Review);
        p.note_asked(Verdict::Question);
        assert_eq!(p.asked, Some(Verdict::Review));
    }
}
