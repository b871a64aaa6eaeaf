//! A run: one execution of an agent for a ticket, from the claim of a slot to its verdict or failure.

pub mod brief;
pub mod closing;
pub mod conclude;
pub mod event;
pub mod failure_patterns;
pub mod progress;
pub mod question;
pub mod terminal_comment;
pub mod verdict;

use crate::domain::ids::{RunId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;
use serde::{Deserialize, Serialize};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunState {
    /// Has its slot promised, its agent not yet seen. Dispatch launches it; the reaper launches it anew where
    /// the launch left no trace.
    Starting,
    /// Its shim holds the run folder's lock. The reaper concludes it once that lock is free.
    Running,
    /// Ended by itself with a result that could be judged. Terminal.
    Finished,
    /// Ended without a result, or with an error in it. Terminal; a retry is a new run.
    Failed,
    /// Ended because somebody pressed Stop or moved the ticket. Terminal.
    Stopped,
    /// Its process vanished without an exit record. Terminal; a retry is a new run.
    Lost,
}
text_enum!(RunState {
    Starting = "starting", Running = "running", Finished = "finished",
    Failed = "failed", Stopped = "stopped", Lost = "lost",
});

impl RunState {
    /// Still to be concluded.
    #[must_use]
    pub fn is_live(self) -> bool {
        matches!(self, RunState::Starting | RunState::Running)
    }
}

/// Why an attempt began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartReason {
    /// The ticket's first session, or a deliberate fresh one.
    New,
    /// A person's reply goes on in the same session.
    Resume,
    /// The run before crashed.
    Retry,
    /// The agent reported another session id on resume: that one is the truth now.
    Fork,
    /// The session was unknown to the agent: started anew with the ticket's history in the brief.
    ColdStart,
}
text_enum!(StartReason {
    New = "new", Resume = "resume", Retry = "retry", Fork = "fork", ColdStart = "cold_start",
});

/// What the agent says of its work. Ordered: the more cautious is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It needs an answer.
    Question,
    /// A person must look.
    Review,
    /// Finished.
    Done,
}
text_enum!(Verdict { Question = "QUESTION", Review = "REVIEW", Done = "DONE" });

/// Why a run failed, in words a machine can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureCode {
    /// The agent's login or key is refused. Pauses the profile.
    AuthFailure,
    /// A rate or usage limit. Pauses the profile until the reset.
    RateLimit,
    /// The model's service is overloaded or broken.
    ServerError,
    /// No credit left.
    Billing,
    /// The model does not exist for this account.
    ModelNotFound,
    /// The service refused the request (too large, malformed).
    InvalidRequest,
    /// The program is not there or cannot be started.
    SpawnFailed,
    /// We refuse to start it (root without sandbox, no such profile, cwd gone); the text says why.
    Refused,
    /// No output for longer than the silence limit.
    Silence,
    /// Ran longer than the wall-clock limit.
    WallClock,
    /// Its raw log grew past the cap.
    LogCap,
    /// Killed by a signal from outside (out of memory, `kill -9`).
    Killed,
    /// Ended with an exit code and no result.
    ExitCode,
    /// Ended with code 0 and no result.
    NoResult,
    /// A limit of turns or budget was reached.
    TurnLimit,
    /// The agent worked elsewhere than in its worktree.
    WrongPlace,
    /// The agent does not know the session to resume.
    UnknownSession,
    /// The raw log is shorter than what was read of it (power loss).
    LogLost,
    /// Its process vanished without a record.
    Vanished,
    /// The agent was interrupted in the middle of its turn.
    Interrupted,
    /// Anything else the agent reported as an error.
    AgentError,
}
text_enum!(FailureCode {
    AuthFailure = "auth_failure", RateLimit = "rate_limit", ServerError = "server_error", Billing = "billing",
    ModelNotFound = "model_not_found", InvalidRequest = "invalid_request", SpawnFailed = "spawn_failed",
    Refused = "refused", Silence = "silence", WallClock = "wall_clock", LogCap = "log_cap", Killed = "killed",
    ExitCode = "exit_code", NoResult = "no_result", TurnLimit = "turn_limit", WrongPlace = "wrong_place",
    UnknownSession = "unknown_session", LogLost = "log_lost", Vanished = "vanished",
    Interrupted = "interrupted", AgentError = "agent_error",
});

/// What may be done about a failure without asking a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Try again with back-off, up to the retry limit. The attempt counts.
    Retry,
    /// Give back uncounted and wait for the limit's reset.
    WaitForReset,
    /// Start without the session, with the history in the brief. Uncounted.
    ColdStart,
    /// Only a person can mend it.
    Person,
}

/// Until when a failure lets its profile rest: whatever comes next would fail in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// It does not.
    No,
    /// Until the limit's reset.
    Reset,
    /// Until a person has mended the account.
    Person,
}

impl FailureCode {
    /// Whether the profile it happened to rests.
    #[must_use]
    pub fn rest(self) -> Rest {
        match self {
            FailureCode::RateLimit => Rest::Reset,
            FailureCode::AuthFailure | FailureCode::Billing => Rest::Person,
            FailureCode::ServerError
            | FailureCode::ModelNotFound
            | FailureCode::InvalidRequest
            | FailureCode::SpawnFailed
            | FailureCode::Refused
            | FailureCode::Silence
            | FailureCode::WallClock
            | FailureCode::LogCap
            | FailureCode::Killed
            | FailureCode::ExitCode
            | FailureCode::NoResult
            | FailureCode::TurnLimit
            | FailureCode::WrongPlace
            | FailureCode::UnknownSession
            | FailureCode::LogLost
            | FailureCode::Vanished
            | FailureCode::Interrupted
            | FailureCode::AgentError => Rest::No,
        }
    }

    /// What happens next by itself.
    #[must_use]
    pub fn remedy(self) -> Remedy {
        match self {
            FailureCode::RateLimit => Remedy::WaitForReset,
            FailureCode::UnknownSession => Remedy::ColdStart,
            FailureCode::ServerError
            | FailureCode::Silence
            | FailureCode::Killed
            | FailureCode::ExitCode
            | FailureCode::NoResult
            | FailureCode::LogLost
            | FailureCode::Vanished
            | FailureCode::Interrupted
            | FailureCode::AgentError => Remedy::Retry,
            FailureCode::AuthFailure
            | FailureCode::Billing
            | FailureCode::ModelNotFound
            | FailureCode::InvalidRequest
            | FailureCode::SpawnFailed
            | FailureCode::Refused
            | FailureCode::WallClock
            | FailureCode::LogCap
            | FailureCode::TurnLimit
            | FailureCode::WrongPlace => Remedy::Person,
        }
    }

    /// What a person can do about it, one sentence.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            FailureCode::AuthFailure => {
                "Log the agent in again (or mend its key in the profile), then reply or move the ticket to To do."
            }
            FailureCode::RateLimit => "Nothing: it goes on by itself when the limit resets.",
            FailureCode::ServerError => "Wait a little and reply, or choose another profile.",
            FailureCode::Billing => "Add credit to the account, then reply.",
            FailureCode::ModelNotFound => "Choose a model this account may use in the profile, then reply.",
            FailureCode::InvalidRequest => "Shorten what the agent must read, or start it afresh with a smaller ticket.",
            FailureCode::SpawnFailed => {
                "Install the agent's program or correct `command` in the profile; `mission-control doctor` shows what is missing."
            }
            FailureCode::Refused => "Do what the reason says, then reply.",
            FailureCode::Silence => "Look at the last events, then reply to let it go on.",
            FailureCode::WallClock => "Split the ticket or raise `wall_clock_limit` in the profile, then reply.",
            FailureCode::LogCap => "Find what floods the output, or raise `log_cap` in the profile, then reply.",
            FailureCode::Killed => "Check the machine's memory, then reply to let it go on.",
            FailureCode::ExitCode => "Read the end of the raw log, then reply to let it go on.",
            FailureCode::NoResult => "Read the end of the raw log, then reply to let it go on.",
            FailureCode::TurnLimit => "Raise the limit or split the ticket, then reply.",
            FailureCode::WrongPlace => "Check the main checkout for stray changes, then reply: the worktree is made again.",
            FailureCode::UnknownSession => "Nothing: it starts afresh with the ticket's history.",
            FailureCode::LogLost => "Check the disk, then reply to let it go on.",
            FailureCode::Vanished => "Check the machine (restart, out of memory), then reply to let it go on.",
            FailureCode::Interrupted => "Reply to let it go on.",
            FailureCode::AgentError => "Read the end of the raw log, then reply to let it go on.",
        }
    }
}

/// How a run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Which kind.
    pub code: FailureCode,
    /// What was seen, in words.
    pub text: String,
    /// When it is worth trying again, where the agent or its service said so.
    pub retry_at: Option<Time>,
}

/// Token use, summed over the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tokens {
    /// Fresh input tokens.
    pub input: i64,
    /// Output tokens.
    pub output: i64,
    /// Input tokens read from the cache.
    pub cache_read: i64,
    /// Input tokens written to the cache.
    pub cache_creation: i64,
}

/// What ended an agent's process, as its shim saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCause {
    /// It ended by itself (or was killed by somebody else: then `signal` is set).
    Exited,
    /// It could not be started.
    SpawnFailed,
    /// The shim ended it: no output for the silence limit.
    Silence,
    /// The shim ended it: the wall-clock limit.
    WallClock,
    /// The shim ended it: the raw log's cap.
    LogCap,
    /// The shim ended it because it was told to.
    Stopped,
}

/// The shim's last word on a run: `exit.json` in the run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// What ended it.
    pub cause: ExitCause,
    /// The exit code, where it ended with one.
    pub exit_code: Option<i32>,
    /// The signal, where one ended it.
    pub signal: Option<i32>,
    /// More, in words (the spawn error).
    pub text: Option<String>,
    /// When the agent started.
    pub started_at: Time,
    /// When the whole tree was gone.
    pub ended_at: Time,
    /// Size of the raw log then, in bytes.
    pub log_bytes: u64,
    /// Left-over processes that had to be ended.
    pub strays: u32,
}

/// A run as stored.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// The ticket it works on.
    pub ticket: TicketId,
    /// 1 for the ticket's first run.
    pub attempt: i64,
    /// Why it began.
    pub reason: StartReason,
    /// Where it stands.
    pub state: RunState,
    /// Name of the profile.
    pub profile: String,
    /// The machine: `local`, or a configured host.
    pub host: String,
    /// Counts launches of this row; a launch that left no trace is voided and the next one is another generation.
    pub generation: i64,
    /// The one-time value that proves a sentinel belongs to this run.
    pub nonce: String,
    /// The agent's session: chosen by us, corrected by its first line.
    pub session_id: Option<String>,
    /// True where the agent was started with `--resume`.
    pub resumed: bool,
    /// The agent's process.
    pub pid: Option<i64>,
    /// Where it works.
    pub cwd: Option<String>,
    /// Its worktree, if it has one of its own.
    pub worktree: Option<String>,
    /// The worktree's branch.
    pub branch: Option<String>,
    /// The commit the worktree was made from.
    pub base_commit: Option<String>,
    /// The run folder of the current generation.
    pub run_dir: Option<String>,
    /// The raw log.
    pub raw_log: Option<String>,
    /// Bytes of the raw log that have become events.
    pub log_offset: i64,
    /// Lines of the raw log that have become events.
    pub log_lines: i64,
    /// Somebody wants it stopped, and the ticket then to stand here (none: blocked).
    pub stop_wanted: bool,
    /// Where the ticket goes once it is stopped.
    pub stop_to: Option<crate::domain::ticket::Status>,
    /// When the slot was promised.
    pub created_at: Time,
    /// When the shim was spawned.
    pub launched_at: Option<Time>,
    /// When the agent was seen running.
    pub started_at: Option<Time>,
    /// When output last came.
    pub last_output_at: Option<Time>,
    /// When it was concluded.
    pub ended_at: Option<Time>,
    /// Exit code of the agent.
    pub exit_code: Option<i64>,
    /// Signal that ended the agent.
    pub signal: Option<i64>,
    /// The verdict it was judged by.
    pub verdict: Option<Verdict>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Tokens used.
    pub tokens: Tokens,
    /// Cost the agent reported, in US dollars.
    pub cost_usd: f64,
    /// What the adapter had to do without, for the operator.
    pub note: Option<String>,
}
