//! Large databases, written before the server starts.

use super::Plan;
use mission_control::base::clock::{Clock, SystemClock};
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

/// A database that several figures begin with: made once, copied for each.
fn copied(plan: &Plan, data: &Path, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let kept = plan.root.join("seeds").join(name);
    if !kept.join("mc.db").exists() {
        std::fs::create_dir_all(&kept)?;
        make(&kept)?;
    }
    std::fs::copy(kept.join("mc.db"), data.join("mc.db"))?;
    Ok(())
}

/// `n` tickets, those with the highest numbers being the same whatever `n` is.
pub fn board(plan: &Plan, data: &Path, n: i64) -> Result<()> {
    copied(plan, data, &format!("board-{n}"), |at| tickets(at, n))
}

/// 100,000 tickets, a million events (those of MC-100001 alone 20,000), 10,000 items in the inbox.
pub fn large(plan: &Plan, data: &Path) -> Result<()> {
    let events = plan.pick(1_000_000, 200_000);
    copied(plan, data, "large", |at| {
        board(plan, at, LAST)?;
        let (mut conn, now) = open(at)?;
        let tx = conn.transaction()?;
        let id = LAST + 1;
        tx.execute(
            "insert into tickets (id, title, status, status_since, priority, rank, role, work_class, created_by, created_at,
               updated_at, last_seq)
             values (?1, 'A long piece of work', 'in_review', ?2, 'normal', 2, 'luci', 'code', 'Figures', ?2, ?2, ?3)",
            params![id, now - 1, REPLAYED],
        )?;
        {
            let mut event = tx.prepare(EVENT)?;
            // One ticket's events lie among those of fifty others, as they do where many work at once.
            let mut seq = [0_i64; 51];
            for n in 0..events {
                let of = if n % 50 == 0 && seq[50] < REPLAYED { 50 } else { usize::try_from(n % 50)? };
                seq[of] += 1;
                let ticket = if of == 50 { id } else { 1 + i64::try_from(of)? };
                event.execute(params![ticket, seq[of], "test the_door_opens ... ok\ntest the_door_closes ... ok", now])?;
            }
            for (of, last) in seq.iter().enumerate().take(50) {
                tx.execute("update tickets set last_seq = ?2 where id = ?1", params![1 + i64::try_from(of)?, last])?;
            }
            tx.execute("update tickets set last_seq = ?2 where id = ?1", params![id, seq[50]])?;
            let mut item = tx.prepare(
                "insert into orchestrator_inbox (source_type, source_id, message, priority, created_at)
                 values ('scheduler', ?1, 'failed: exit 1, the mirror does not answer', 'normal', '2026-11-21 12:00:00')",
            )?;
            for n in 0..10_000 {
                item.execute([format!("task {}/{n}", n % 50)])?;
            }
        }
        tx.commit()?;
        Ok(())
    })
}

/// The ticket of [`large`] whose events are replayed, and how many it has.
pub const TALKER: i64 = LAST + 1;
const REPLAYED: i64 = 20_000;
/// An event of a run that is of no interest.
const EVENT: &str = "insert into ticket_events (ticket_id, seq, run_id, attempt, line, kind, tool, context, content, truncated,
       is_error, created_at)
     values (?1, ?2, 1, 1, ?2, 'tool_result', 'Bash', 'cargo test', ?3, 0, 0, ?4)";

/// A board of `n` tickets, each with `bytes` to say.
pub fn bodies(data: &Path, n: i64, bytes: usize) -> Result<()> {
    tickets(data, n)?;
    let (conn, _) = open(data)?;
    let body = "The last field is missing. ".repeat(bytes / 27 + 1);
    conn.execute("update tickets set description = ?1", [&body[..bytes]])?;
    Ok(())
}

fn tickets(data: &Path, n: i64) -> Result<()> {
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
