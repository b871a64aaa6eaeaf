//! The demo agent in the orchestrator's place, in a terminal.

use super::demo_agent::Place;

/// Runs until it is told to leave.
pub(super) fn run(_args: &[String], _place: Place) -> u8 {
    eprintln!("Error: there is no terminal: use -p for one unattended run");
    1
}
