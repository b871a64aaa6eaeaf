//! The print log: a worker's events as lines a person can read in a terminal, beside the raw log. Written at ingest, a
//! convenience: the raw log is the record.

use crate::domain::run::Run;
use crate::domain::run::event::{EventKind, NewEvent};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Where a run's print log is.
#[must_use]
pub fn path(logs: &Path, run: &Run) -> PathBuf {
    logs.join(format!("mc-worker-{}-{}.log", run.ticket.0, run.id.0))
}

/// Appends what was stored. A full disk costs these lines and nothing else.
pub fn append(logs: &Path, run: &Run, events: &[NewEvent]) {
    let text: String = events.iter().filter_map(line).collect();
    if text.is_empty() {
        return;
    }
    let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path(logs, run));
    if let Err(e) = file.and_then(|mut f| f.write_all(text.as_bytes())) {
        tracing::debug!(run = run.id.0, error = %e, "the print log could not be written");
    }
}

/// One event as text; none for noise.
#[must_use]
pub fn line(e: &NewEvent) -> Option<String> {
    let tool = e.tool.as_deref().unwrap_or_default();
    let context = e.context.as_deref().unwrap_or_default();
    let mark = if e.is_error { "!" } else { " " };
    match e.kind {
        EventKind::ToolUse => Some(format!("{mark}> {tool} {context}\n")),
        EventKind::ToolResult => Some(format!("{mark}< {}\n", first_line(&e.content))),
        EventKind::Text => Some(format!("{mark}  {}\n", e.content.trim_end())),
        EventKind::Status => Some(format!("{mark}- {tool} {}\n", first_line(&e.content))),
        EventKind::System if e.content.is_empty() => None,
        EventKind::System => Some(format!("{mark}. {tool} {}\n", first_line(&e.content))),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
