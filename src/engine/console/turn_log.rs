//! What a session without a terminal shows in the console: the readable log of its newest turn.

use crate::base::error::Result;
use crate::domain::orchestrator::session::Session;
use crate::domain::run::progress::Progress;
use crate::drivers::runtime;
use crate::drivers::supervise::run_dir;
use crate::engine::Engine;
use crate::engine::run::readable_log;
use std::fs;
use std::path::{Path, PathBuf};

/// Bytes of a turn's log that are shown: its end.
const LOG_SHOWN: u64 = 512 * 1024;

/// The readable log of a headless session's newest turn.
pub(crate) fn newest(engine: &Engine, session: &Session) -> Result<Option<String>> {
    let Some((turn, log)) = newest_turn(&Path::new(&session.dir).join("turns"))? else { return Ok(None) };
    let runtime = runtime::of_profile(engine.config.profile(&session.profile));
    let (bytes, cut) = last_lines(&log)?;
    let (now, mut progress) = (engine.store.clock().now(), Progress::default());
    let mut out = format!("- turn {turn}\n");
    if cut {
        out.push_str("- the beginning is left out\n");
    }
    for (n, line) in (1_i64..).zip(bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty())) {
        out.extend(runtime.read_line(line, n, now, &mut progress).iter().filter_map(readable_log::line));
    }
    Ok(Some(out))
}

/// The newest turn's number and log: folders are named by turn and attempt, a later attempt is the later folder.
fn newest_turn(turns: &Path) -> Result<Option<(i64, PathBuf)>> {
    let entries = match fs::read_dir(turns) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let newest = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let turn: i64 = entry.file_name().to_str()?.split('-').next()?.parse().ok()?;
            let log = entry.path().join("stream.log");
            Some((turn, log.metadata().ok()?.modified().ok()?, log))
        })
        .max_by_key(|(turn, at, _)| (*turn, *at));
    Ok(newest.map(|(turn, _, log)| (turn, log)))
}

/// Whole lines at the end of a file, and whether some before them were left out.
fn last_lines(path: &Path) -> Result<(Vec<u8>, bool)> {
    let (mut bytes, cut) = run_dir::end_of(path, LOG_SHOWN)?;
    if cut {
        let whole = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes.drain(..whole);
    }
    Ok((bytes, cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_turn_is_shown_and_of_it_whole_lines() {
        let dir = tempfile::tempdir().expect("a folder");
        assert_eq!(newest_turn(&dir.path().join("none")).expect("readable"), None);
        for (name, text) in [("9-aa", "old\n"), ("10-bb", "new\n"), ("notes", "")] {
            fs::create_dir(dir.path().join(name)).expect("made");
            fs::write(dir.path().join(name).join("stream.log"), text).expect("written");
        }
        let (turn, log) = newest_turn(dir.path()).expect("readable").expect("one");
        assert_eq!((turn, last_lines(&log).expect("readable")), (10, (b"new\n".to_vec(), false)));
        let line = format!("{}\n", "x".repeat(99_999));
        fs::write(&log, line.repeat(7)).expect("written");
        let (bytes, cut) = last_lines(&log).expect("readable");
        assert!(cut && bytes.len() == 500_000, "{}", bytes.len());
    }
}
