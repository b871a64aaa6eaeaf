//! Events: what a worker did, one row each, in the order of its raw log.

use crate::domain::ids::{EventId, RunId, TicketId};
use crate::domain::ticket::text_enum;
use crate::domain::time::Time;

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// The agent calls a tool.
    ToolUse,
    /// What the tool answered, cut at [`RESULT_CUT`] characters; the whole is in the raw log.
    ToolResult,
    /// The agent says something.
    Text,
    /// A turn of the run itself: started, session, result, retry, limit.
    Status,
    /// Everything else: notices, noise kept for completeness, lines that could not be read.
    System,
}
text_enum!(EventKind { ToolUse = "tool_use", ToolResult = "tool_result", Text = "text", Status = "status", System = "system" });

/// Characters of a tool result that are kept in its event.
pub const RESULT_CUT: usize = 500;

/// Bytes of a text, input or system content that are kept in an event.
pub const CONTENT_CUT: usize = 64 * 1024;

/// Short types of status and system events that every runtime uses. What else an agent tells goes by its own word.
pub mod note {
    /// A session began.
    pub const SESSION: &str = "init";
    /// A turn ended.
    pub const TURN_END: &str = "result";
    /// The model's service failed, and is asked again.
    pub const RETRY: &str = "api_retry";
    /// A line that could not be read.
    pub const UNREADABLE: &str = "unreadable";
    /// A line that broke off.
    pub const UNFINISHED: &str = "unfinished";
    /// A line that is too long to be read.
    pub const OVERSIZE: &str = "oversize";
}

/// An event on its way into the store. Every line of a raw log gives at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// 1-based number of the source line in the run's raw log; 0 for events that no line gave.
    pub line: i64,
    /// What happened.
    pub kind: EventKind,
    /// Tool name, for `tool_use` and (where known) `tool_result`; for `status` and `system` the short type, e.g. `init`, `result`, `api_retry`, `unreadable`.
    pub tool: Option<String>,
    /// One line that says what it was about (`Edit src/app.rs` → `src/app.rs`).
    pub context: Option<String>,
    /// The key arguments of a tool call, as a JSON object.
    pub input: Option<String>,
    /// The text, or the (cut) result.
    pub content: String,
    /// True where `content` was cut.
    pub truncated: bool,
    /// True for failed tools and errors.
    pub is_error: bool,
    /// The tool-use id of the sub-agent that did it; none for the main agent.
    pub sub_agent: Option<String>,
    /// The agent's id for the tool call, which pairs `tool_use` and `tool_result`.
    pub call_id: Option<String>,
}

impl NewEvent {
    /// An event with nothing but its kind, short type and content.
    #[must_use]
    pub fn plain(line: i64, kind: EventKind, tool: &str, content: impl Into<String>) -> NewEvent {
        NewEvent {
            line,
            kind,
            tool: Some(tool.to_owned()),
            context: None,
            input: None,
            content: content.into(),
            truncated: false,
            is_error: false,
            sub_agent: None,
            call_id: None,
        }
    }
}

/// An event as stored.
#[derive(Debug, Clone)]
pub struct Event {
    /// The cursor; grows over all tickets.
    pub id: EventId,
    /// The ticket.
    pub ticket: TicketId,
    /// 1..n within the ticket, without gaps.
    pub seq: i64,
    /// The run.
    pub run: RunId,
    /// The run's attempt number.
    pub attempt: i64,
    /// When it was stored.
    pub created_at: Time,
    /// What happened.
    pub what: NewEvent,
}
