//! What must be so after each step: the product's own invariants, and what follows from what was acknowledged.

use crate::world::{Verdict, World, Wrong};
use mission_control::domain::task::schedule::Schedule;
use mission_control::domain::time::Time;
use mission_control::store::db::check;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What was acknowledged, and what was seen of it so far.
pub struct Model {
    pub conn: Connection,
    /// The last state of the database that was looked at.
    version: i64,
    pub tickets: Vec<i64>,
    pub comments: Vec<i64>,
    pub turns: Vec<i64>,
    /// Turns that were seen over, and how.
    pub turns_over: BTreeMap<i64, String>,
    /// Items and the status they were last seen in.
    pub items: BTreeMap<i64, String>,
    counts: [i64; 4],
    /// How often everything was looked at.
    pub looks: u64,
}

impl Model {
    pub fn new(database: &Path) -> Model {
        let conn = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("opened");
        conn.set_prepared_statement_cache_capacity(128);
        conn.pragma_update(None, "query_only", true).expect("set");
        // Others write between any two looks: what was cached is good for nothing, a copy each time dear.
        conn.pragma_update(None, "mmap_size", 64 << 20).expect("set");
        Model {
            conn,
            version: -1,
            tickets: Vec::new(),
            comments: Vec::new(),
            turns: Vec::new(),
            turns_over: BTreeMap::new(),
            items: BTreeMap::new(),
            counts: [0; 4],
            looks: 0,
        }
    }

    /// The first column of a query.
    pub fn all<T: rusqlite::types::FromSql>(&self, sql: &str) -> Vec<T> {
        let mut stmt = self.conn.prepare_cached(sql).expect("a query");
        let rows = stmt.query_map([], |r| r.get(0)).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("rows")
    }

    fn pairs(&self, sql: &str) -> Vec<(i64, String)> {
        let mut stmt = self.conn.prepare_cached(sql).expect("a query");
        let rows = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).expect("rows");
        rows.collect::<rusqlite::Result<_>>().expect("rows")
    }

    pub fn one(&self, sql: &str) -> i64 {
        self.all(sql).into_iter().next().unwrap_or(0)
    }

    /// Whether the database was changed since this was last asked.
    pub fn changed(&mut self) -> bool {
        let version = self.one("pragma data_version");
        std::mem::replace(&mut self.version, version) != version
    }

    /// Nothing that was there is gone; nothing that was over has changed.
    fn rows(&mut self) -> Verdict {
        let counts = ["tickets", "comments", "turns", "ticket_events"].map(|t| self.one(&format!("select count(*) from {t}")));
        if counts.iter().zip(&self.counts).any(|(now, before)| now < before) {
            return Err(Wrong::new("lost", format!("rows before {:?}, now {counts:?}", self.counts)));
        }
        self.counts = counts;
        for (id, state) in self.pairs("select id, state from turns") {
            let over = matches!(state.as_str(), "answered" | "failed" | "cancelled");
            if let Some(before) = self.turns_over.get(&id)
                && *before != state
            {
                return Err(Wrong::new("terminal", format!("turn {id} was {before} and is {state}")));
            }
            if over {
                self.turns_over.insert(id, state);
            }
        }
        let now: BTreeMap<i64, String> = self.pairs("select id, status from orchestrator_inbox").into_iter().collect();
        for (id, before) in &self.items {
            let over = matches!(before.as_str(), "processed" | "ignored");
            match now.get(id) {
                Some(status) if over && status != before => {
                    return Err(Wrong::new("terminal", format!("item {id} was {before} and is {status}")));
                }
                None if !over => return Err(Wrong::new("lost", format!("item {id} was {before} and is gone"))),
                Some(_) | None => {}
            }
        }
        self.items = now;
        Ok(())
    }

    /// Everything acknowledged is there.
    fn acknowledged(&self) -> Verdict {
        let acked = [("tickets", &self.tickets), ("comments", &self.comments), ("turns", &self.turns)];
        for (table, ids) in acked {
            let there: BTreeSet<i64> = self.all(&format!("select id from {table}")).into_iter().collect();
            if let Some(id) = ids.iter().find(|id| !there.contains(id)) {
                return Err(Wrong::new("lost", format!("{table} {id}")));
            }
        }
        Ok(())
    }

    /// Every due time of the task that never changes has its row, from the first that is kept to now.
    fn ledger(&self, now: i64) -> Verdict {
        let times: Vec<i64> =
            self.all(&format!("select due_at from task_runs where task = 'steady' and due_at <= {now} order by due_at"));
        let schedule = Schedule::parse(Some("7 * * * *"), None, "UTC").expect("a schedule");
        for pair in times.windows(2) {
            if schedule.next_after(Time(pair[0])) != Some(Time(pair[1])) {
                return Err(Wrong::new("ledger", format!("after the due time {} comes {}", pair[0], pair[1])));
            }
        }
        Ok(())
    }
}

impl World {
    /// Looks at everything, if anything has changed.
    pub fn look(&mut self) -> Verdict {
        let (rows, agents) = (self.model.changed(), self.stage.set().shims.changed());
        if rows || agents {
            self.agents()?;
        }
        if !rows {
            return Ok(());
        }
        self.model.looks += 1;
        let found = check::sense(&self.model.conn).map_err(|e| Wrong::new("error", e.to_string()))?;
        if let Some((which, what)) = found.into_iter().next() {
            return Err(Wrong::new(which, what));
        }
        self.model.rows()
    }

    /// The dear part, at the end of a seed: the file itself, and row by row what was acknowledged.
    pub fn look_closely(&self) -> Verdict {
        let found = mission_control::engine::system::check::check(&self.store, self.config.max_workers);
        let found = found.map_err(|e| Wrong::new("error", e.to_string()))?;
        if let Some((which, what)) = found.into_iter().next() {
            return Err(Wrong::new(which, what));
        }
        self.model.acknowledged()?;
        self.model.ledger(self.hands.wall())
    }

    /// Never two agents for one ticket or task, never more than there are slots, and none that no row knows of.
    fn agents(&self) -> Verdict {
        let out = self.stage.set();
        if out.shims.live.is_empty() {
            return Ok(());
        }
        let mut known: Vec<String> =
            self.model.all("select run_dir from runs where state in ('starting', 'running') and run_dir is not null");
        known.extend(self.model.all::<String>("select run_dir from task_runs where state = 'running' and run_dir is not null"));
        let mut seen = BTreeSet::new();
        for shim in &out.shims.live {
            if !seen.insert(&shim.spec.ticket) {
                return Err(Wrong::new("I5", format!("two agents for {}", shim.spec.ticket)));
            }
            if !known.iter().any(|dir| shim.dir.path() == Path::new(dir)) {
                return Err(Wrong::new("I4", format!("an agent for {} that no live run knows of", shim.spec.ticket)));
            }
        }
        let workers = out.shims.live.iter().filter(|s| !s.is_task()).count();
        if workers > self.config.max_workers {
            return Err(Wrong::new("I5", format!("{workers} workers")));
        }
        Ok(())
    }
}
