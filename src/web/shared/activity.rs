//! What a live run does at the moment, and how much output came lately.

use crate::base::error::Result;
use crate::domain::ids::TicketId;
use crate::domain::run::Run;
use crate::domain::run::event::{Event, EventKind};
use crate::domain::text::cut_chars;
use crate::domain::ticket::Ticket;
use crate::domain::time::Time;
use crate::store::run::activity;
use crate::web::ui::run_activity::{Doing, RunRow};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// A sparkline shows so many spans of [`SPARKLINE_MS`].
const SPARKLINE_SPANS: usize = 45;

/// One span of it, in milliseconds.
const SPARKLINE_MS: i64 = 2_000;

/// Of more events than about so many, some are looked at.
const SPARKLINE_SAMPLES: i64 = 135;

/// Live runs as rows, each with its ticket.
///
/// # Errors
/// The store failed.
pub fn run_rows(c: &Connection, list: &[(&Ticket, &Run)], now: Time) -> Result<Vec<RunRow>> {
    let ids: Vec<TicketId> = list.iter().map(|(t, _)| t.id).collect();
    let (mut last, mut counts) = (activity::last_doing(c, &ids)?, output_counts_of(c, &ids, now)?);
    let row = |(t, run): &(&Ticket, &Run)| RunRow {
        run: run.id,
        ticket: t.id,
        title: t.title.as_str().to_owned(),
        project: t.project.clone(),
        role: t.role.clone(),
        state: run.state,
        doing: last.remove(&t.id).filter(|e| e.run == run.id).map(|e| doing(&e)),
        last_output: run.last_output_at,
        since: run.started_at.unwrap_or(run.created_at),
        output_counts: counts.remove(&t.id).unwrap_or_else(|| vec![0; SPARKLINE_SPANS]),
    };
    Ok(list.iter().map(row).collect())
}

fn doing(e: &Event) -> Doing {
    if e.what.kind == EventKind::Text {
        return Doing {
            tool: String::new(),
            context: cut_chars(e.what.content.lines().next().unwrap_or_default(), 120).0.to_owned(),
        };
    }
    Doing { tool: e.what.tool.clone().unwrap_or_default(), context: e.what.context.clone().unwrap_or_default() }
}

/// How many events came in each span of the last 90 seconds, oldest first; for each of these tickets that had any.
///
/// # Errors
/// The store failed.
pub fn output_counts_of(c: &Connection, tickets: &[TicketId], now: Time) -> Result<BTreeMap<TicketId, Vec<u32>>> {
    let from = now.plus_ms(-SPARKLINE_MS * i64::try_from(SPARKLINE_SPANS).unwrap_or(45));
    let counted = |times: Vec<(Time, i64)>| {
        let mut counts = vec![0_u32; SPARKLINE_SPANS];
        for (at, each) in times {
            let i = usize::try_from(at.since(from) / SPARKLINE_MS).unwrap_or(0).min(SPARKLINE_SPANS - 1);
            counts[i] = counts[i].saturating_add(u32::try_from(each).unwrap_or(u32::MAX));
        }
        counts
    };
    let times = activity::times_since(c, tickets, from, SPARKLINE_SAMPLES)?;
    Ok(times.into_iter().map(|(ticket, times)| (ticket, counted(times))).collect())
}

/// As [`output_counts_of`], of one ticket.
///
/// # Errors
/// The store failed.
pub fn output_counts(c: &Connection, ticket: TicketId, now: Time) -> Result<Vec<u32>> {
    Ok(output_counts_of(c, &[ticket], now)?.remove(&ticket).unwrap_or_else(|| vec![0; SPARKLINE_SPANS]))
}
