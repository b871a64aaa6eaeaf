//! What a test reads of the server from outside: rows, run folders, processes.

use super::Rig;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::drivers::supervise::stop;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Params};
use std::path::Path;

/// A run's row, as far as the tests look at it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRow {
    pub id: i64,
    pub reason: String,
    pub state: String,
    pub verdict: Option<String>,
    pub failure: Option<String>,
    pub session: Option<String>,
    pub resumed: bool,
    pub note: String,
    pub worktree: String,
    pub nonce: String,
}

/// An event's row.
#[derive(Debug, Clone)]
pub struct EventRow {
    pub kind: String,
    pub tool: String,
    pub content: String,
    pub context: String,
    pub sub_agent: Option<String>,
    pub is_error: bool,
}

impl Rig {
    /// All turns: number, client id, message, state, response or error.
    pub fn turns(&self) -> Vec<(i64, Option<String>, String, String, String)> {
        let db = self.db();
        let sql =
            "select id, client_id, message, state, coalesce(response, error, '') from turns where origin = 'human' order by id";
        let mut stmt = db.prepare(sql).expect("readable");
        let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
        rows.expect("readable").map(|r| r.expect("a turn")).collect()
    }

    /// Waits until the ticket stands there.
    pub fn until_status(&self, ticket: i64, status: &str) {
        self.until(&format!("MC-{ticket} to be {status}"), || (self.status(ticket) == status).then_some(()));
    }

    pub fn status(&self, ticket: i64) -> String {
        self.one("select status from tickets where id = ?1", [ticket]).expect("the ticket is there")
    }

    /// The session the ticket goes on in.
    pub fn session(&self, ticket: i64) -> Option<String> {
        self.one::<Option<String>>("select session_id from tickets where id = ?1", [ticket]).flatten()
    }

    /// Reason and end of the profile's pause.
    pub fn pause(&self) -> Option<(String, Option<i64>)> {
        let db = self.db();
        let sql = "select reason, until from profile_pauses where profile = 'real'";
        db.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).optional().expect("readable")
    }

    /// One value from the database.
    pub fn one<T: rusqlite::types::FromSql>(&self, sql: &str, params: impl Params) -> Option<T> {
        self.db().query_row(sql, params, |r| r.get(0)).optional().expect("readable")
    }

    /// The ticket's runs, oldest first.
    pub fn runs(&self, ticket: i64) -> Vec<RunRow> {
        let db = self.db();
        let mut stmt = db
            .prepare(
                "select id, reason, state, verdict, failure_code, session_id, resumed, coalesce(note, ''), coalesce(worktree, ''),
                   nonce from runs where ticket_id = ?1 order by attempt",
            )
            .expect("readable");
        let rows = stmt.query_map([ticket], |r| {
            Ok(RunRow {
                id: r.get(0)?,
                reason: r.get(1)?,
                state: r.get(2)?,
                verdict: r.get(3)?,
                failure: r.get(4)?,
                session: r.get(5)?,
                resumed: r.get(6)?,
                note: r.get(7)?,
                worktree: r.get(8)?,
                nonce: r.get(9)?,
            })
        });
        rows.expect("readable").map(|r| r.expect("a run")).collect()
    }

    /// The ticket's newest run.
    pub fn last_run(&self, ticket: i64) -> RunRow {
        self.runs(ticket).pop().expect("it has a run")
    }

    /// The ticket's events, oldest first.
    pub fn events(&self, ticket: i64) -> Vec<EventRow> {
        let db = self.db();
        let sql = "select kind, coalesce(tool, ''), content, coalesce(context, ''), sub_agent, is_error
                   from ticket_events where ticket_id = ?1 order by seq";
        let mut stmt = db.prepare(sql).expect("readable");
        let rows = stmt.query_map([ticket], |r| {
            Ok(EventRow {
                kind: r.get(0)?,
                tool: r.get(1)?,
                content: r.get(2)?,
                context: r.get(3)?,
                sub_agent: r.get(4)?,
                is_error: r.get(5)?,
            })
        });
        rows.expect("readable").map(|r| r.expect("an event")).collect()
    }

    /// What stands on the ticket of this kind, oldest first.
    pub fn comments(&self, ticket: i64, kind: &str) -> Vec<String> {
        let db = self.db();
        let mut stmt = db.prepare("select body from comments where ticket_id = ?1 and kind = ?2 order by id").expect("readable");
        let rows = stmt.query_map(rusqlite::params![ticket, kind], |r| r.get(0)).expect("readable");
        rows.map(|r| r.expect("a comment")).collect()
    }

    /// Waits until the run's agent has called a tool that is now at work, and returns the agent's process.
    pub fn until_in_tool(&self, run: i64, sign: &Path) -> i32 {
        self.until("the tool to be at work", || sign.exists().then_some(()));
        let dir = self.folder(run);
        self.until("the agent's process", || dir.pids()?.agent_pid)
    }

    /// What lives of a run.
    pub fn leftovers(&self, run: i64) -> Vec<i32> {
        stop::leftovers(&self.folder(run))
    }

    pub(super) fn folder(&self, run: i64) -> RunDir {
        RunDir::open(Path::new(&self.one::<String>("select run_dir from runs where id = ?1", [run]).expect("it was launched")))
    }

    pub(super) fn db(&self) -> Connection {
        Connection::open_with_flags(self.data.join("mc.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the database is there")
    }

    /// A turn's state and its response or error.
    pub fn turn(&self, id: i64) -> (String, String) {
        let db = self.db();
        let sql = "select state, coalesce(response, error, '') from turns where id = ?1";
        db.query_row(sql, [id], |r| Ok((r.get(0)?, r.get(1)?))).expect("the turn is there")
    }
}
