//! Processes that do not end with their run, and are ended all the same.

use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::until;
use mission_control::base::clock::{Clock, SystemClock};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use std::path::Path;

#[test]
fn an_agent_deaf_to_sigterm_is_ended_all_the_same() {
    let live = Live::start(2, &[agent("stubborn")]);
    let id = live.now("stubborn", "Do it");
    let run = live.says(id, "nothing more");
    let clock = SystemClock::new();
    live.stop(id);
    live.stands(id, "blocked");
    assert!(clock.mono_ms() < 15_000, "{} ms", clock.mono_ms());
    assert_eq!(stop::leftovers(&RunDir::open(Path::new(&run.dir))), [0; 0]);
}

#[test]
fn what_an_agent_leaves_behind_is_ended_with_it() {
    let live = Live::start(2, &[agent("stray")]);
    let id = live.now("stray", "Do it");
    live.stands(id, "done");
    let dir = RunDir::open(Path::new(&live.run_of(id).dir));
    assert_eq!(stop::leftovers(&dir), [0; 0]);
    assert_eq!(dir.exit().expect("a record").strays, 1);
}

#[test]
fn a_stop_ends_tools_in_sessions_of_their_own_as_well() {
    let script = "cat > /dev/null; setsid sh -c 'trap \"\" TERM; (sleep 600 & sleep 600)' & echo '{\"type\":\"system\",\"subtype\":\"init\"}'; echo up; sleep 600";
    let live = Live::start(2, &[agent("family").command(&["sh", "-c", &asked("exit 0", script)])]);
    let id = live.now("family", "Do it");
    let run = live.says(id, "up");
    let dir = RunDir::open(Path::new(&run.dir));
    until("the whole family", || (stop::leftovers(&dir).len() >= 4).then_some(()));
    live.stop(id);
    live.stands(id, "blocked");
    assert_eq!(stop::leftovers(&dir), [0; 0]);
}

/// A script that does something else where it is only asked what it can do.
pub fn asked(answer: &str, script: &str) -> String {
    // `sh -c SCRIPT --version`: the flag is $0.
    format!("case \"$0 $*\" in *--version*|*--help*) {answer};; esac; {script}")
}

#[test]
fn an_agent_that_stays_after_its_result_is_sent_home_and_has_finished() {
    let live = Live::start(2, &[agent("linger").with("exit_grace = \"500ms\"")]);
    let id = live.now("linger", "Do it");
    live.stands(id, "done");
    let run = live.run_of(id);
    assert_eq!((run.state.as_str(), run.verdict.as_str()), ("finished", "DONE"));
    assert_eq!(live.comments(id, "terminal_state"), [""; 0]);
}
