//! What Home shows, read once after each commit for the page and all its open streams.

use crate::base::error::Result;
use crate::domain::ids::ChangeId;
use crate::domain::time::Time;
use crate::store::ticket::changes;
use crate::web::home::load::load_home;
use crate::web::home::view::Home;
use crate::web::http::state::App;
use rusqlite::Connection;
use std::sync::Arc;

/// While a worker's output of the last minute and a half is drawn, Home is read anew after so long, in milliseconds.
const MOVING_MS: i64 = 2_000;
/// And in any case after so long: a ticket's time may have come.
const STILL_MS: i64 = 10_000;

/// Home as it was read.
pub struct KnownHome {
    /// What it shows.
    pub home: Home,
    /// The newest change of a ticket in it: where its stream goes on.
    pub cursor: ChangeId,
    from: Time,
    until: Time,
}

impl KnownHome {
    /// Whether nothing of it changes with time alone, beside its relative times.
    #[must_use]
    pub fn is_still(&self) -> bool {
        self.home.running.iter().all(|run| run.output_counts.iter().all(|n| *n == 0))
    }
}

/// Home for somebody who looked last at `since`: as known, or read on this connection, from which nothing may have been
/// read before, or what is kept might be older than the version it is kept under.
///
/// # Errors
/// The store failed.
pub fn known_home(app: &App, c: &Connection, since: Option<Time>, now: Time) -> Result<Arc<KnownHome>> {
    let name = format!("home {} {}", app.config.default_profile(), since.map_or(0, |t| t.0));
    let version = app.store.version();
    if let Some(known) = app.reads.made::<KnownHome>(version, &name).filter(|k| now >= k.from && now < k.until) {
        return Ok(known);
    }
    let (home, cursor) = (load_home(c, &app.config, since, now)?, changes::newest(c)?);
    let mut known = KnownHome { home, cursor, from: now, until: now };
    known.until = now.plus_ms(if known.is_still() { STILL_MS } else { MOVING_MS });
    let known = Arc::new(known);
    app.reads.keep(version, name, known.clone());
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::{Clock, SystemClock};
    use crate::config::{Config, Flags};
    use crate::store::Store;
    use crate::web::sse::top_bar::TopBar;
    use rusqlite::trace::{TraceEvent, TraceEventCodes};
    use std::sync::atomic::{AtomicUsize, Ordering};

    static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

    fn count(event: TraceEvent<'_>) {
        if matches!(event, TraceEvent::Stmt(..)) {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A page that is still is read at most once in ten seconds, and asks for the version each two
    /// (`an_open_home_reads_once_in_ten_seconds_while_nothing_changes`): five statements a second at most.
    #[test]
    fn a_look_at_home_takes_few_statements() {
        let dir = tempfile::tempdir().expect("a folder");
        let flags = Flags { data: Some(dir.path().into()), ..Flags::default() };
        let config = Config::load(&flags, &|_| None, &|_| None).expect("good");
        let clock = SystemClock::new();
        let path = dir.path().join("mc.db");
        drop(Store::open(&path, Arc::new(SystemClock::new())).expect("a store"));
        let conn = Connection::open(&path).expect("opened");
        conn.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(count));
        load_home(&conn, &config, Some(Time(1)), clock.now()).expect("read");
        changes::newest(&conn).expect("read");
        TopBar::default().look(&conn, clock.now()).expect("read");
        let all = STATEMENTS.load(Ordering::SeqCst);
        assert!((10..=40).contains(&all), "{all} statements");
    }
}
