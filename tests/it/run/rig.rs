//! What tests of runs read of a ticket: the fields of its terminal-state comment, its events.

use crate::support::live_server::Live;

/// Every field of the terminal-state comment.
pub const FIELDS: [&str; 8] =
    ["status", "summary", "root_cause", "safe_retry", "stop_condition", "human_input_required", "next_actions", "artifacts"];

pub fn fields(comment: &str) -> Vec<&str> {
    comment.lines().map(|l| l.strip_prefix("- **").and_then(|l| l.split_once(":** ")).expect("a field per line").0).collect()
}

/// The one terminal-state comment of a ticket, with all its fields.
pub fn terminal(live: &Live, id: i64) -> String {
    let found = live.comments(id, "terminal_state");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(fields(&found[0]), FIELDS);
    found[0].clone()
}

pub fn events(live: &Live, id: i64, what: &str) -> i64 {
    live.one(&format!("select count(*) from ticket_events where ticket_id = {id} and {what}"))
}
