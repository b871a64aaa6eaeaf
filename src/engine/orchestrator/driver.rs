//! What the orchestrator asks of a way to keep an agent's conversation. Everything above is the same for all of them.
//!
//! A driver keeps no state of its own: what it needs after a restart is in the session's folder, in the agent's own
//! files, or on the screen. Only the orchestrator's thread calls the methods that change something.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::domain::orchestrator::turn::Turn;
use crate::domain::run::FailureCode;
use crate::domain::time::Time;
use crate::engine::Engine;

/// How a session stands, as its driver sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentStatus {
    /// Its agent is not there; in words why, where that can be told.
    Gone(Option<String>),
    /// Its agent comes up.
    ComingUp,
    /// It takes a turn.
    Ready,
    /// It works, on a turn of ours or on somebody else's.
    Busy,
    /// A dialog is open that only a person can answer: its words.
    Dialog(String),
}

/// How a start begins the agent's conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConversationStart {
    /// A fresh one, under the session's own id.
    Fresh,
    /// The one of that id goes on.
    Resume,
}

/// Why a turn did not go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSent {
    /// Not now (it works, a dialog opened, it is gone): the turn waits. Nothing of it is in the agent's hands.
    NotNow(String),
    /// It cannot be sent as it is: the turn fails with this.
    Never(String),
}

/// Whether a turn that was sent and is nowhere stands typed before the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetypeOutcome {
    /// It did, and the agent was asked once more to take it.
    Asked,
    /// Nothing of it does: it was swallowed, or has just been taken.
    Nothing,
    /// It cannot be told, or somebody else has typed beside it.
    Unclear,
}

/// What has become of a turn that was sent (or was about to be).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harvest {
    /// Its nonce is nowhere: the agent has not got it. It may still be on its way.
    NotSeen,
    /// Its nonce is nowhere and never will be anywhere: it can go out again.
    NeverCame,
    /// The agent has it, and does this.
    Working {
        /// In a few words (`reading src/app.rs`).
        activity: Option<String>,
    },
    /// The agent has it, and a dialog of its own is open that only a person can answer: its words.
    Asks(String),
    /// The reply.
    Answered {
        /// Markdown, byte for byte as the agent gave it.
        text: String,
        /// Tokens in its context.
        context_tokens: Option<i64>,
        /// The id its conversation goes by now, where that is another.
        agent_session: Option<String>,
    },
    /// The agent had it, and there will be no reply.
    Failed {
        /// Why, in words for a person, and what to do.
        why: String,
        /// What kind of failure it is: a limit or a refused login lets the profile rest.
        code: FailureCode,
        /// When a limit resets, where that was told.
        retry_at: Option<Time>,
        /// What there was of a reply.
        partial: Option<String>,
        /// The agent's conversation is not known to it any more: only a fresh one helps. Then the turn was not read.
        session_lost: bool,
    },
    /// A person interrupted it.
    Interrupted {
        /// What there was of a reply.
        partial: Option<String>,
    },
}

/// One way to keep an agent's conversation.
pub trait Driver: Send + Sync {
    /// Brings the agent up. Doing it twice brings it up once. Returns its process, where one stays.
    ///
    /// # Errors
    /// It cannot be brought up: why, and what to change.
    fn start(&self, engine: &Engine, session: &Session, how: ConversationStart) -> Result<Option<(i64, i64)>>;

    /// How the session stands. Cheap: it is asked often.
    ///
    /// # Errors
    /// That could not be found out.
    fn status(&self, engine: &Engine, session: &Session) -> Result<AgentStatus>;

    /// Puts a claimed turn to the agent. Calls `sending` right before the point of no return, once; where that fails,
    /// it goes no further.
    ///
    /// # Errors
    /// It did not go out.
    fn send(
        &self,
        engine: &Engine,
        session: &Session,
        turn: &Turn,
        sending: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), NotSent>;

    /// What has become of a turn. Changes nothing; gives the same answer after a restart.
    ///
    /// # Errors
    /// That could not be found out.
    fn harvest(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<Harvest>;

    /// For a turn that was sent and is nowhere, of an agent that is ready: asks it to take what stands typed before it still,
    /// once more; or takes that back, where a person wants the turn interrupted.
    ///
    /// # Errors
    /// That could not be found out.
    fn ask_again(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<RetypeOutcome>;

    /// Asks the agent to leave off. Its end is seen by `harvest`.
    ///
    /// # Errors
    /// It could not be asked.
    fn interrupt(&self, engine: &Engine, session: &Session, turn: &Turn) -> Result<()>;

    /// Ends the agent and all it started, and verifies that.
    ///
    /// # Errors
    /// Something of it is still there.
    fn stop(&self, engine: &Engine, session: &Session) -> Result<()>;
}
