//! What an agent reports by command counts, whatever else it says and whenever it is read.

use crate::run::leftover_processes::asked;
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::{until, until_ms};
use std::fs;

#[test]
fn a_done_without_any_work_goes_to_review() {
    let live = Live::start(2, &[agent("empty"), agent("none"), agent("subagent"), agent("review")]);
    let ids = ["empty", "none", "subagent", "review"].map(|m| live.now(m, "Do it"));
    for id in ids {
        live.stands(id, "in_review");
    }
    assert!(live.run_of(ids[0]).note.contains("called no tool"), "{}", live.run_of(ids[0]).note);
    assert!(live.run_of(ids[1]).note.contains("begins with none of"), "{}", live.run_of(ids[1]).note);
    assert_eq!(live.comments(ids[2], "result"), ["REVIEW: says the agent"]);
}

#[test]
fn a_report_by_command_counts_where_the_last_words_say_something_else() {
    let script = r#"cat > /dev/null
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$PWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        mission-control evidence "12 tests passed" >&2 && mission-control comment "half way" >&2 && mission-control review "look at the colours" >&2 || exit 9
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let live = Live::start(2, &[agent("reporter").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("reporter", "Do it");
    until("an end", || ["in_review", "done", "blocked"].contains(&live.status(id).as_str()).then_some(()));
    let run = live.run_of(id);
    assert_eq!(live.status(id), "in_review", "{run:?}");
    assert!(run.note.contains("disagree"), "{}", run.note);
    assert!(live.comments(id, "result")[0].contains("look at the colours"));
    assert_eq!(live.comments(id, "comment"), ["half way"]);
    assert_eq!(
        live.one::<i64>(&format!(
            "select count(*) from evidence where ticket_id = {id} and label like '%12 tests%' or detail like '%12 tests%'"
        )),
        1
    );
}

#[test]
fn a_report_while_the_server_is_down_is_heard_by_the_next() {
    let script = r#"cat > /dev/null
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$PWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        while [ ! -e go ]; do sleep 0.02; done
        mission-control question "red or blue?" >&2 || exit 9
        touch said
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let mut live = Live::start(2, &[agent("reporter").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("reporter", "Do it");
    live.says(id, "tool_use");
    live.kill9();
    let plain = live.root().join("plain");
    fs::write(plain.join("go"), "").expect("a file");
    until_ms(90_000, "the report", || (plain.join("said").exists() || live.workers().is_empty()).then_some(()));
    live.boot();
    live.stands(id, "needs_input");
    assert!(live.comments(id, "result")[0].contains("red or blue?"));
}

#[test]
fn nonsense_left_as_a_report_does_not_keep_a_run_from_its_end() {
    let script = r#"cat > /dev/null; cd "$MC_RUN_DIR/spool"
        mkdir a.json; echo '{' > b.json; echo '{"kind":"wish","body":"a pony"}' > c.json; echo '{"kind":"done"}' > d.json
        ln -s /dev/zero e.json; head -c 2000000 /dev/zero > f.json; echo '{"kind":7,"body":[],"client_id":{}}' > g.json
        echo '{"type":"system","subtype":"init","session_id":"0b1e7c1c-1111-4222-8333-444455556666","cwd":"'"$OLDPWD"'"}'
        echo '{"type":"assistant","message":{"content":[{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"x"}}]}}'
        echo '{"type":"result","subtype":"success","is_error":false,"result":"DONE: all of it"}'"#;
    let live = Live::start(2, &[agent("messy").command(&["sh", "-c", &asked("exit 0", script)]).with("retry_limit = 0")]);
    let id = live.now("messy", "Do it");
    live.stands(id, "done");
    assert_eq!(live.one::<i64>("select count(*) from run_reports"), 1, "the one that is a report");
}
