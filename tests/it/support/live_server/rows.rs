//! What a test reads of the server from outside: its database, its run folders, what its agents recorded.

use super::Live;
use crate::support::wait::until;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use rusqlite::{Connection, OpenFlags, types::FromSql};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A run's row, as far as tests look at it.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub id: i64,
    pub attempt: i64,
    pub reason: String,
    pub state: String,
    pub session: String,
    pub failure: String,
    pub why: String,
    pub note: String,
    pub dir: String,
    pub log: String,
    pub verdict: String,
    pub resumed: bool,
    pub worktree: String,
}

impl Live {
    pub fn database(&self) -> PathBuf {
        self.data().join("mc.db")
    }

    /// The database, read from this process.
    pub fn rows(&self) -> Connection {
        let conn = Connection::open_with_flags(self.database(), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database opens");
        conn.busy_timeout(Duration::from_secs(10)).expect("a time-out is set");
        conn
    }

    /// One value.
    pub fn one<T: FromSql>(&self, sql: &str) -> T {
        self.rows().query_row(sql, [], |r| r.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// One column.
    pub fn all<T: FromSql>(&self, sql: &str) -> Vec<T> {
        let conn = self.rows();
        let mut stmt = conn.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
        let rows = stmt.query_map([], |r| r.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"));
        rows.collect::<rusqlite::Result<_>>().unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    pub fn status(&self, id: i64) -> String {
        self.one(&format!("select status from tickets where id = {id}"))
    }

    /// Waits until the ticket stands there.
    pub fn stands(&self, id: i64, status: &str) {
        let mut seen = String::new();
        let conn = self.rows();
        until(&format!("MC-{id} in {status}; server: {}", self.root.display()), || {
            seen = conn.query_row("select status from tickets where id = ?1", [id], |r| r.get(0)).expect("the ticket is there");
            (seen == status).then_some(())
        });
    }

    /// The newest run of a ticket.
    pub fn run_of(&self, id: i64) -> RunRow {
        let conn = self.rows();
        conn.query_row(
            "select id, attempt, reason, state, coalesce(session_id, ''), coalesce(failure_code, ''), coalesce(failure_text, ''),
               coalesce(note, ''), coalesce(run_dir, ''), coalesce(raw_log, ''), coalesce(verdict, ''), resumed, coalesce(worktree, '')
             from runs where ticket_id = ?1 order by attempt desc limit 1",
            [id],
            |r| {
                Ok(RunRow {
                    id: r.get(0)?,
                    attempt: r.get(1)?,
                    reason: r.get(2)?,
                    state: r.get(3)?,
                    session: r.get(4)?,
                    failure: r.get(5)?,
                    why: r.get(6)?,
                    note: r.get(7)?,
                    dir: r.get(8)?,
                    log: r.get(9)?,
                    verdict: r.get(10)?,
                    resumed: r.get(11)?,
                    worktree: r.get(12)?,
                })
            },
        )
        .expect("the ticket has a run")
    }

    /// A ticket's comments of a kind, oldest first.
    pub fn comments(&self, id: i64, kind: &str) -> Vec<String> {
        self.all(&format!("select body from comments where ticket_id = {id} and kind = '{kind}' order by id"))
    }

    /// Waits until the run's agent says so in its raw log.
    pub fn says(&self, id: i64, text: &str) -> RunRow {
        until(&format!("MC-{id} saying {text:?}"), || {
            let found: i64 = self.one(&format!("select count(*) from runs where ticket_id = {id}"));
            let run = (found > 0).then(|| self.run_of(id))?;
            let log = fs::read(&run.log).ok()?;
            String::from_utf8_lossy(&log).contains(text).then_some(run)
        })
    }

    /// Everything agents recorded of their starts.
    pub fn starts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.root.join("record")).unwrap_or_default();
        // A line that is still being written is none yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|l| serde_json::from_str(l).expect("a record")).collect()
    }

    /// The recorded starts of one ticket's agents.
    pub fn starts_of(&self, id: i64) -> Vec<Value> {
        let name = format!("MC-{id}");
        self.starts().into_iter().filter(|s| s["env"]["MC_TICKET"] == name.as_str()).collect()
    }

    /// The pid of the run's agent, once it runs.
    pub fn agent_pid(&self, run: &RunRow) -> u32 {
        let dir = RunDir::open(Path::new(&run.dir));
        until("the agent's pid", || u32::try_from(dir.pids()?.agent_pid?).ok())
    }

    /// Every process of a run of this server.
    pub fn workers(&self) -> Vec<i32> {
        self.run_dirs().iter().flat_map(stop::leftovers).collect()
    }

    pub fn run_dirs(&self) -> Vec<RunDir> {
        let Ok(entries) = fs::read_dir(self.data().join("runs")) else { return Vec::new() };
        entries.flatten().map(|e| RunDir::open(&e.path())).collect()
    }
}
