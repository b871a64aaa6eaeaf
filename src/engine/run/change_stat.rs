//! What a run's work changed in its worktree, measured by ourselves. Git may take long over a large tree, so it is asked
//! beside pickup: the conclusion of one run must not keep the others waiting.

use crate::base::doorbell::Topic;
use crate::domain::run::Run;
use crate::drivers::git;
use crate::drivers::git::DiffStat;
use crate::engine::run::memory::Measure;
use crate::engine::{Engine, lock};
use std::path::PathBuf;

/// What a run that is over has changed. The first time this begins to measure it; pickup is rung when that is done.
pub(crate) fn of(engine: &Engine, run: &Run) -> Measure {
    let (Some(worktree), Some(base)) = (&run.worktree, &run.base_commit) else { return Measure::Taken(None) };
    let key = run.run_dir.clone().unwrap_or_default();
    if let Some(known) = lock(&engine.measures).get(&key) {
        return *known;
    }
    lock(&engine.measures).insert(key.clone(), Measure::UnderWay);
    let (measures, doorbell) = (engine.measures.clone(), engine.store.doorbell.clone());
    let (worktree, base, mine) = (PathBuf::from(worktree), base.clone(), key.clone());
    let work = move || {
        let taken = Measure::Taken(git::diff_stat(&worktree, &base));
        // Whoever gave it up meanwhile does not want it back.
        if let Some(measure) = lock(&measures).get_mut(&mine) {
            *measure = taken;
        }
        doorbell.ring(Topic::Pickup);
    };
    if let Err(e) = engine.host.beside("change", Box::new(work)) {
        tracing::warn!(run = run.id.0, error = %e, "no thread to measure a change with; trying again");
        lock(&engine.measures).remove(&key);
        return Measure::UnderWay;
    }
    // Where there are no threads to be had it is done already.
    lock(&engine.measures).get(&key).copied().unwrap_or(Measure::UnderWay)
}

/// Forgets measures of runs that are not live any more.
pub(crate) fn retain(engine: &Engine, live: &[Run]) {
    lock(&engine.measures).retain(|dir, _| live.iter().any(|run| run.run_dir.as_deref() == Some(dir)));
}

/// The change as evidence: kind, label, detail.
pub(crate) fn evidence(run: &Run, change: Option<DiffStat>) -> Vec<(String, String, String)> {
    match change {
        Some(d) if d.files > 0 => {
            let files = if d.files == 1 { "1 file".to_owned() } else { format!("{} files", d.files) };
            let label = format!("{files}, +{} −{}", d.added, d.removed);
            vec![("change".to_owned(), label, format!("on `{}`", run.branch.clone().unwrap_or_default()))]
        }
        Some(_) | None => Vec::new(),
    }
}
