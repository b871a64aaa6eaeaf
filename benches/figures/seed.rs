//! Large databases, written before the server starts.

use mission_control::clock::{Clock, SystemClock};
use mission_control::store::Store;
use rusqlite::{Connection, params};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Statuses and how a board of `n` tickets spreads over them: all columns full, most of it done.
const OPEN: [&str; 6] = ["inbox", "todo", "in_progress", "needs_input", "in_review", "blocked"];
/// Tickets in each open column of the smallest board.
const COLUMN: i64 = 60;
/// Both boards end with this number, so that the cards that are visible are the same.
const LAST: i64 = 100_000;

fn open(data: &Path) -> Result<(Connection, i64)> {
    let path = data.join("mc.db");
    let clock = SystemClock::new();
    drop(Store::open(&path, Arc::new(clock))?);
    let conn = Connection::open(path)?;
    conn.pragma_update(None, "synchronous", "off")?;
    Ok((conn, clock.now().0))
}

/// `n` tickets, those with the highest numbers being the same whatever `n` is.
pub fn board(data: &Path, n: i64) -> Result<()> {
    let (mut conn, now) = open(data)?;
    let tx = conn.transaction()?;
    {
        let mut ticket = tx.prepare(
            "insert into tickets (id, title, description, status, status_since, priority, rank, role, project, work_class,
               run_id, needs_approval, created_by, created_at, updated_at)
             values (?1, ?2, ?3, ?4, ?5, 'normal', 2, ?6, '', 'code', ?7, ?8, 'Figures', ?5, ?5)",
        )?;
        let mut run = tx.prepare(
            "insert into runs (id, ticket_id, attempt, reason, state, profile, nonce, created_at)
             values (?1, ?1, 1, 'new', 'starting', 'bench', 'n', ?2)",
        )?;
        let mut event = tx.prepare(
            "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, tool, context, content, truncated,
               is_error, created_at)
             values (?1, ?2, ?1, 1, ?2, 'tool_use', 'Bash', 'cargo test --workspace', '', 0, 0, ?3)",
        )?;
        for id in LAST - n + 1..=LAST {
            let newest = LAST - id < 6 * COLUMN;
            let status = if newest {
                OPEN[(id % 6) as usize]
            } else if id % 20 == 0 {
                OPEN[(id / 20 % 6) as usize]
            } else {
                "done"
            };
            let at = now - (LAST - id) * 1_000;
            let title = format!("The parser of form {id} drops the last field");
            let runs = (newest && status == "in_progress").then_some(id);
            ticket.execute(params![
                id,
                title,
                "Steps: open the form, fill in all fields, send it. The last one is missing in the answer. ".repeat(4),
                status,
                at,
                if id % 3 == 0 { "luci" } else { "tessa" },
                runs,
                status == "todo",
            ])?;
            if runs.is_some() {
                run.execute(params![id, at])?;
                for seq in 1..=20 {
                    event.execute(params![id, seq, at])?;
                }
            }
        }
    }
    tx.execute("update tickets set last_seq = 20 where run_id is not null", [])?;
    tx.commit()?;
    Ok(())
}

/// Two tickets with a finished run each: MC-1 with `few` events, MC-2 with `many`.
pub fn talkative(data: &Path, few: i64, many: i64) -> Result<()> {
    let (mut conn, now) = open(data)?;
    let tx = conn.transaction()?;
    for (id, count) in [(1, few), (2, many)] {
        tx.execute(
            "insert into tickets (id, title, status, status_since, priority, rank, role, work_class, run_id, created_by,
               created_at, updated_at, last_seq)
             values (?1, 'A long piece of work', 'in_review', ?2, 'normal', 2, 'luci', 'code', ?1, 'Figures', ?2, ?2, ?3)",
            params![id, now, count],
        )?;
        tx.execute(
            "insert into runs (id, ticket_id, attempt, reason, state, profile, nonce, created_at, launched_at, started_at, ended_at)
             values (?1, ?1, 1, 'new', 'finished', 'bench', 'n', ?2, ?2, ?2, ?2)",
            params![id, now],
        )?;
        let mut event = tx.prepare(
            "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, tool, context, content, truncated,
               is_error, created_at)
             values (?1, ?2, ?1, 1, ?2, 'tool_result', 'Bash', 'cargo test', ?3, 0, 0, ?4)",
        )?;
        for seq in 1..=count {
            event.execute(params![id, seq, "test the_door_opens ... ok\ntest the_door_closes ... ok", now])?;
        }
    }
    tx.commit()?;
    Ok(())
}
