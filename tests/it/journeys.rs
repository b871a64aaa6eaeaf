//! What people do with a ticket while its worker lives, dies and comes back.

use crate::live_server::{Live, agent, until};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_ticket_is_done_by_its_agent() {
    let live = Live::start(2, &[agent("instant")]);
    let id = live.now("instant", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    assert_eq!((run.state.as_str(), run.verdict.as_str(), run.attempt), ("finished", "DONE", 1));
    assert_eq!(live.comments(id, "result"), ["DONE: instantly"]);
    assert_eq!(live.starts_of(id).len(), 1);
}
