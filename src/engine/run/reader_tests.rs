//! A session that forks: each row gets what belongs to it.

use super::*;
use crate::base::clock::SystemClock;
use crate::domain::run::StartReason;
use crate::drivers::runtime;
use crate::engine::samples;
use crate::store::run::runs::{LaunchMark, Place};
use std::io::Write;
use std::sync::Arc;

fn init(session: &str) -> String {
    format!(r#"{{"type":"system","subtype":"init","session_id":"{session}","cwd":"/w","model":"opus"}}"#)
}

fn result(session: &str, output: i64, total: f64) -> String {
    format!(
        r#"{{"type":"result","subtype":"success","is_error":false,"num_turns":1,"session_id":"{session}","result":"well","total_cost_usd":{total},"usage":{{"input_tokens":10,"output_tokens":{output}}}}}"#
    )
}

/// What the rows of a run hold that is to go on in session `first` and whose log grows by these stretches: reason, output
/// tokens, cost in cents and events, oldest first.
fn rows_after(stretches: &[&[String]]) -> Vec<(StartReason, i64, i64, usize)> {
    let tmp = tempfile::tempdir().expect("a folder");
    let engine = samples::engine(tmp.path(), "", Arc::new(SystemClock::new()));
    let id = samples::promised(&engine);
    let log = tmp.path().join("raw.log");
    let mark = LaunchMark { run_dir: "/nowhere/1-1".to_owned(), raw_log: log.display().to_string() };
    engine
        .store
        .write(move |tx| {
            let run = runs::take_launch(tx, id, |_| mark.clone())?.expect("it waits");
            let place = Place { cwd: "/w".to_owned(), worktree: None, branch: None, base_commit: None, note: None };
            runs::place(tx, &run, &place, "first", true)
        })
        .expect("placed");
    let mut file = std::fs::File::create(&log).expect("a log");
    let mut reader = Reader::open(&engine.store, id, runtime::of_profile(None)).expect("there");
    for stretch in stretches {
        file.write_all((stretch.join("\n") + "\n").as_bytes()).expect("written");
        while reader.step(&engine.store, false).expect("read") != Step::Dry {}
    }
    let ticket = reader.run.ticket;
    let (mut rows, all) = engine
        .store
        .read(|c| Ok((runs::of_ticket(c, ticket, 9)?, events::after(c, ticket, crate::domain::ids::EventId(0), None, 99)?)))
        .expect("read");
    rows.sort_by_key(|run| run.id);
    rows.iter()
        .map(|run| {
            let cents = (run.cost_usd * 100.0).round() as i64;
            (run.reason, run.tokens.output, cents, all.iter().filter(|e| e.run == run.id).count())
        })
        .collect()
}

#[test]
fn after_a_fork_tokens_and_cost_stand_in_one_row_alone() {
    let rows = rows_after(&[&[init("other"), result("other", 5, 0.5)], &[init("other"), result("other", 7, 0.75)]]);
    let used: Vec<(i64, i64)> = rows.iter().map(|(_, tokens, cents, _)| (*tokens, *cents)).collect();
    assert_eq!(used, [(0, 0), (12, 75)], "the agent never went on in the session of the first row");
    assert_eq!((rows[1].0, rows[0].3), (StartReason::Fork, 0));
}

#[test]
fn what_a_session_used_before_it_forks_stays_with_its_row() {
    let lines = [init("first"), result("first", 5, 0.5), init("other"), result("other", 7, 0.75)];
    let together = rows_after(&[&lines]);
    let used: Vec<(i64, i64)> = together.iter().map(|(_, tokens, cents, _)| (*tokens, *cents)).collect();
    assert_eq!(used, [(5, 50), (7, 25)]);
    assert!(together.iter().all(|(.., events)| *events > 0), "and so do the events");
    let one_by_one: Vec<&[String]> = lines.iter().map(std::slice::from_ref).collect();
    assert_eq!(rows_after(&one_by_one), together, "however the log grows");
}
