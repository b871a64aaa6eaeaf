//! Runs of tasks: which are kept, and what ends them.

use super::*;
use crate::base::clock::SystemClock;
use crate::store::Store;
use std::sync::Arc;

#[test]
fn the_outputs_of_a_tasks_newest_runs_are_kept_and_its_rows_stay() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
    let left = store.write(|tx| {
        for n in 0..OUTPUTS_KEPT + 7 {
            for task in ["busy", if n < 3 { "rare" } else { "silent" }] {
                let new = NewRun {
                    task: task.to_owned(),
                    due_at: Some(Time(n)),
                    author: String::new(),
                    state: TaskRunState::Skipped,
                    kind: TaskKind::Subprocess,
                    rank: 1,
                    not_before: None,
                    note: None,
                };
                insert(tx, &new)?;
            }
        }
        tx.conn.execute("update task_runs set output = 'said' where task <> 'silent'", [])?;
        prune(tx)?;
        let count = |sql: &str| -> Result<i64> { Ok(tx.conn.query_row(sql, [], |r| r.get(0))?) };
        Ok([
            count("select count(*) from task_runs where task = 'busy' and output <> ''")?,
            count("select min(due_at) from task_runs where task = 'busy' and output <> ''")?,
            count("select count(*) from task_runs where task = 'rare' and output <> ''")?,
            count("select count(*) from task_runs where task = 'busy'")?,
        ])
    });
    assert_eq!(left.expect("pruned"), [OUTPUTS_KEPT, 7, 3, OUTPUTS_KEPT + 7]);
    let plan = store.read(|c| {
        let mut stmt = c.prepare(&format!("explain query plan {FORGET_OUTPUTS}"))?;
        let rows = stmt.query_map(params!["a", 1], |r| r.get::<_, String>(3))?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.join("; "))
    });
    let plan = plan.expect("explainable");
    assert!(plan.matches("task_runs_said").count() == 2 && !plan.contains("TEMP B-TREE"), "{plan}");
}

#[test]
fn no_query_walks_through_the_whole_ledger() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let store = Store::open(&dir.path().join("mc.db"), Arc::new(SystemClock::new())).expect("a store");
    let plan = |rest: &str| -> String {
        let sql = format!("explain query plan {SELECT} {rest}");
        store
            .read(|c| {
                let mut stmt = c.prepare(&sql)?;
                let rows = stmt.query_map([], |r| r.get::<_, String>(3))?;
                Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?.join("; "))
            })
            .expect("explainable")
    };
    for (rest, index) in [
        ("where state in ('waiting', 'running') order by rank, id", "task_runs_live"),
        ("where task = 'a' and id < 9 order by id desc limit 9", "task_runs_of_task"),
        ("where task = 'a' and due_at = 1", "task_runs_once"),
        ("where task = 'a' and due_at > 1 and state in ('missed', 'skipped', 'overlapped') and launches = 0", "task_runs_once"),
        ("where ended_at < 1", "task_runs_ended"),
        ("where state in ('waiting', 'running') and state = 'waiting' and not_before > 1", "task_runs_live"),
    ] {
        let plan = plan(rest);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{rest}: {plan}");
    }
    let plan = plan("where state in ('waiting', 'running') and task = 'a' order by id");
    assert!(plan.contains("USING INDEX"), "{plan}");
}
