//! The one word, glyph and colour of each status, and the words for runs, as shown on every page.

use crate::domain::run::{RunState, StartReason, Verdict};
use crate::domain::ticket::comment::Source;
use crate::domain::ticket::message::MessageState;
use crate::domain::ticket::{Priority, Status, WorkClass};

/// The key of a status in the style sheet: `data-st` and the glyph `st-…`.
#[must_use]
pub fn st(status: Status) -> &'static str {
    match status {
        Status::Inbox => "inbox",
        Status::Todo => "todo",
        Status::InProgress => "progress",
        Status::NeedsInput => "input",
        Status::InReview => "review",
        Status::Blocked => "blocked",
        Status::Done => "done",
        Status::Cancelled => "cancelled",
    }
}

/// The word a person reads on a page.
#[must_use]
pub fn status(status: Status) -> &'static str {
    match status {
        Status::NeedsInput => "Waits for you",
        Status::Inbox
        | Status::Todo
        | Status::InProgress
        | Status::InReview
        | Status::Blocked
        | Status::Done
        | Status::Cancelled => status.label(),
    }
}

/// What a move from one status to another is called in a menu headed "Move to".
#[must_use]
pub fn move_to(from: Status, to: Status) -> &'static str {
    match (from, to) {
        (Status::InReview, Status::Done) => "Approve",
        (Status::Done, Status::Todo) => "Open again",
        (Status::InProgress, Status::Todo) => "Stop, then To do",
        (Status::InProgress, Status::InReview) => "Stop, then In review",
        (Status::InProgress, Status::Blocked) => "Stop, then Blocked",
        (Status::InProgress, Status::Done) => "Stop, then Done",
        (Status::InProgress, Status::Cancelled) => "Stop and cancel",
        (_, Status::InProgress) => "Start now",
        (_, Status::Inbox) => "Inbox",
        (_, Status::Todo) => "To do",
        (_, Status::NeedsInput) => "Waits for you",
        (_, Status::InReview) => "In review",
        (_, Status::Blocked) => "Blocked",
        (_, Status::Done) => "Done",
        (_, Status::Cancelled) => "Cancel it",
    }
}

/// A priority with a capital.
#[must_use]
pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "Critical",
        Priority::High => "High",
        Priority::Normal => "Normal",
        Priority::Low => "Low",
    }
}

/// A work class and what its Done must show.
#[must_use]
pub fn work_class(class: WorkClass) -> &'static str {
    match class {
        WorkClass::Code => "Code, needs tests",
        WorkClass::Ui => "UI, needs a look in the browser",
        WorkClass::Mobile => "Mobile, needs a look on a phone",
        WorkClass::Architecture => "Architecture, a decision or a plan",
        WorkClass::Task => "Task, operational work",
    }
}

/// Where a comment came from, where that says more than the name.
#[must_use]
pub fn source(source: Source) -> Option<&'static str> {
    match source {
        Source::Human | Source::System => None,
        Source::Agent => Some("agent"),
        Source::Api => Some("by API"),
        Source::Telegram => Some("by Telegram"),
    }
}

/// Where a run stands.
#[must_use]
pub fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Starting => "Starting",
        RunState::Running => "Working",
        RunState::Finished => "Finished",
        RunState::Failed => "Failed",
        RunState::Stopped => "Stopped",
        RunState::Lost => "Lost",
    }
}

/// Why an attempt began.
#[must_use]
pub fn reason(reason: StartReason) -> &'static str {
    match reason {
        StartReason::New => "First start",
        StartReason::Resume => "Resumed by a reply",
        StartReason::Retry => "Tried again",
        StartReason::Fork => "Forked session",
        StartReason::ColdStart => "Started afresh with the history",
    }
}

/// What an agent said of its work.
#[must_use]
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Question => "Asked a question",
        Verdict::Review => "Asked for a review",
        Verdict::Done => "Done",
    }
}

/// Where a queued message stands.
#[must_use]
pub fn message(state: MessageState) -> &'static str {
    match state {
        MessageState::Pending => "Queued: the agent reads it when this run ends",
        MessageState::Claimed => "On its way: the next run starts with it",
        MessageState::Delivered => "Delivered",
        MessageState::Failed => "Not delivered",
    }
}

/// The icon of a tool call.
#[must_use]
pub fn tool_icon(tool: &str) -> &'static str {
    match tool {
        "Bash" | "BashOutput" | "KillShell" | "KillBash" => "terminal",
        "Edit" | "MultiEdit" | "Write" | "NotebookEdit" => "file-pen",
        "Read" | "NotebookRead" => "file-text",
        "Grep" | "Glob" | "LS" | "ToolSearch" => "text-search",
        "WebFetch" | "WebSearch" => "globe",
        "Task" | "Agent" => "users",
        "TodoWrite" | "TaskCreate" | "TaskUpdate" => "list-tree",
        _ => "zap",
    }
}

/// `842`, `142k`, `1.2M`: large counts, short.
#[must_use]
pub fn short_count(n: i64) -> String {
    match n {
        ..=999 => n.to_string(),
        1_000..=9_999 => format!("{}.{}k", n / 1_000, n % 1_000 / 100),
        10_000..=999_999 => format!("{}k", n / 1_000),
        _ => format!("{}.{}M", n / 1_000_000, n % 1_000_000 / 100_000),
    }
}

/// `3 changes`, `1 change`.
#[must_use]
pub fn counted(n: i64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_stay_short() {
        assert_eq!([999, 1_204, 142_000, 1_250_000].map(short_count), ["999", "1.2k", "142k", "1.2M"]);
    }

    #[test]
    fn every_allowed_move_has_a_name_of_its_own() {
        for from in Status::ALL {
            let mut names: Vec<_> = from.moves().iter().map(|to| move_to(*from, *to)).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), from.moves().len(), "{from}");
        }
    }
}
