//! Upgrades of every former schema that are killed half way.

use crate::ops::faults::{Fault, Story, each, faults};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs;
use std::path::PathBuf;

/// The migrations, in order.
fn migrations() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
    let mut files: Vec<PathBuf> = fs::read_dir(dir).expect("migrations").flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| fs::read_to_string(f).expect("readable")).collect()
}

/// Names of a schema's tables, but for those behind the search.
fn tables(conn: &Connection) -> Vec<String> {
    let sql =
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite_stat%' and name not like 'tickets_text%'";
    names(conn, sql)
}

fn names(conn: &Connection, sql: &str) -> Vec<String> {
    let mut stmt = conn.prepare(sql).expect("a query");
    let rows = stmt.query_map([], |r| r.get(0)).expect("rows");
    rows.collect::<rusqlite::Result<_>>().expect("rows")
}

/// Takes a database back to a former schema: made anew by the first migrations, with all rows that it knew already.
fn take_back(live: &Live, version: usize, steps: &[String]) {
    let former = live.root().join("former.db");
    let conn = Connection::open(&former).expect("opens");
    for step in &steps[..version] {
        conn.execute_batch(step).expect("a migration");
    }
    // Counters and the search were kept when the rows were written; they come over as they stand.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false).expect("triggers are off");
    conn.pragma_update(None, "foreign_keys", false).expect("off");
    conn.execute("attach ?1 as now", [live.database().display().to_string()]).expect("attached");
    for table in tables(&conn) {
        let columns = |schema: &str| names(&conn, &format!("select name from pragma_table_info('{table}', '{schema}')"));
        let now = columns("now");
        let both: Vec<String> = columns("main").into_iter().filter(|c| now.contains(c)).collect();
        let both = both.join(", ");
        conn.execute_batch(&format!(
            "delete from main.{table}; insert into main.{table} ({both}) select {both} from now.{table};"
        ))
        .expect("copied");
    }
    conn.execute_batch("insert into tickets_text (tickets_text) values ('rebuild'); detach now;").expect("the search");
    conn.pragma_update(None, "user_version", i64::try_from(version).expect("few")).expect("written");
    conn.close().expect("written");
    for end in ["-wal", "-shm"] {
        let _none = fs::remove_file(format!("{}{end}", live.database().display()));
    }
    fs::rename(former, live.database()).expect("in its place");
}

#[test]
fn every_former_version_with_a_live_run_is_upgraded_wherever_that_is_killed() {
    let steps = migrations();
    each(&upgrades(steps.len()), |fault| {
        let version = steps.len() - usize::try_from(fault.nth).expect("few");
        let talker = agent("talker").env("TALK_LINES", 120).env("TALK_PAUSE_MS", 20);
        let mut live = Live::start(2, &[talker]);
        let id = live.now("talker", "Say all the lines");
        live.says(id, "line 5\"");
        live.kill9();
        take_back(&live, version, &steps);
        live.variable("MC_FAULT", &fault.said());
        live.spawn();
        live.dies();
        assert!(live.log().contains("the fault at migrating strikes"));
        live.without("MC_FAULT");
        live.boot();
        live.stands(id, "done");
        let lines = format!("select count(*) from ticket_events where ticket_id = {id} and content like 'line %'");
        assert_eq!(live.one::<i64>(&lines), 120, "its worker never noticed");
        assert_eq!(live.starts_of(id).len(), 1);
        let found = "select rowid from tickets_text where tickets_text match 'sa* lines*'";
        assert_eq!(live.one::<i64>(found).to_string(), id.to_string(), "and it can be looked for");
        live.check();
    });
}

/// One for each former version that somebody may have; its number is how many migrations that version lacks.
fn upgrades(steps: usize) -> Vec<Fault> {
    let one = faults(Story::Upgrade, "kill9");
    (1..steps as u64).flat_map(|left| one.iter().map(move |f| Fault { nth: left, ..*f })).collect()
}
