//! Sessions: an agent's conversation by its session id, kept alive over turns, restarts and machines' nights.

use crate::domain::ids::SessionId;
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// The name of the orchestrator's session.
pub const LUCI: &str = "luci-persistent";

/// The longest until an agent that fell is tried again, in milliseconds. However often it fell it is tried for as long as
/// it takes: nobody may be there to look.
pub const RETRY_MOST_MS: i64 = 5 * 60_000;

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionState {
    /// Its agent is being brought up. The orchestrator sees it ready, or gone.
    Starting,
    /// Ready for a turn.
    Idle,
    /// Works on a turn.
    Working,
    /// A dialog is open in it that only a person can answer, in the console. Never typed into.
    Waiting,
    /// Its agent is gone. The orchestrator brings it back at `retry_at`.
    Down,
    /// It went down too often in a row, or cannot come up as it is configured: waits for a person's Start. Where another
    /// try may help the orchestrator makes one at `retry_at`, much later.
    Broken,
    /// Over: stopped, rotated, switched. Terminal.
    Ended,
}
text_enum!(SessionState {
    Starting = "starting", Idle = "idle", Working = "working", Waiting = "waiting",
    Down = "down", Broken = "broken", Ended = "ended",
});

/// How a session's agent is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DriverKind {
    /// In a terminal of its own that stays open.
    Tmux,
    /// One short run for each turn; nothing stays open.
    Headless,
}
text_enum!(DriverKind { Tmux = "tmux", Headless = "headless" });

/// A session as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// `luci-persistent`.
    pub name: String,
    /// Where it stands.
    pub state: SessionState,
    /// How its agent is spoken with.
    pub driver: DriverKind,
    /// The profile it runs on.
    pub profile: String,
    /// The agent's own id of the conversation (a UUID).
    pub agent_session: String,
    /// Why it began, for the divider in the conversation; empty for the first.
    pub begun: String,
    /// Its folder: settings, hooks, the launch.
    pub dir: String,
    /// What the agent is told beyond the turns: role contract, hand-over note, open tickets.
    pub brief: String,
    /// The note the session before left.
    pub hand_over: Option<String>,
    /// Times its agent was started.
    pub launches: i64,
    /// Starts in a row that failed.
    pub failures: i64,
    /// When the next start is due.
    pub retry_at: Option<Time>,
    /// The agent's process.
    pub pid: Option<i64>,
    /// When that process started, in clock ticks since boot.
    pub pid_start: Option<i64>,
    /// Tokens in the agent's context at its last message.
    pub context_tokens: i64,
    /// Turns answered.
    pub answered: i64,
    /// What the operator should know (why it is down, which dialog is open).
    pub note: Option<String>,
    /// When it was opened.
    pub created_at: Time,
    /// When its agent was last started.
    pub launched_at: Option<Time>,
    /// When its agent last gave a sign of life.
    pub last_activity_at: Option<Time>,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Why it ended.
    pub end_reason: Option<String>,
}

/// What a person wants of the orchestrator; the engine brings about what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Off: stopped by a person, turns wait. On: kept up. None: started by the first turn.
    pub on: Option<bool>,
    /// The profile a person switched to; none = as configured.
    pub profile: Option<String>,
    /// A person has the keyboard in the console: turns wait.
    pub keyboard: bool,
}
