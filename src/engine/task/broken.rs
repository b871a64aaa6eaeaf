//! A task whose file was broken by a change does not run any more: reported once, when it would have been due.

use crate::base::error::Result;
use crate::domain::inbox::{InboxPriority, MESSAGE_MAX, SOURCE_ID_MAX, Source};
use crate::domain::text::{cut_bytes, cut_chars};
use crate::engine::Engine;
use crate::engine::task::memory::Memory;
use crate::store::inbox::items;
use crate::store::inbox::items::NewItem;
use crate::store::task::tasks;
use crate::store::task::tasks::TaskRow;

/// Reports the tasks that are due and cannot run as their files are now.
///
/// # Errors
/// The store failed.
pub(crate) fn report(engine: &Engine, memory: &Memory) -> Result<()> {
    let now = engine.store.clock().now();
    if !memory.files.any_broken || engine.store.read(|c| tasks::broken_when_due(c, now))?.is_empty() {
        return Ok(());
    }
    engine.store.write(|tx| {
        for row in tasks::broken_when_due(tx.conn, tx.now)? {
            items::post_beside(tx, &words(&row));
            tasks::reported_broken(tx, &row)?;
        }
        Ok(())
    })
}

fn words(row: &TaskRow) -> NewItem {
    let (line, reason) = row.broken.as_ref().map_or((None, ""), |b| (b.line, b.reason.as_str()));
    let place = line.map(|n| format!(", line {n}")).unwrap_or_default();
    let message =
        format!("failed: it was due and cannot run: tasks/{}{place}: {reason}. It waits for its file to be mended.", row.file);
    let name: String = row.name.chars().filter(|c| !c.is_control()).collect();
    NewItem {
        source: Source::Scheduler,
        source_id: Some(cut_chars(&name, SOURCE_ID_MAX).0.to_owned()),
        message: cut_bytes(&message.replace('\0', " "), MESSAGE_MAX).0.to_owned(),
        priority: InboxPriority::Normal,
    }
}
