//! Reads one run's raw log from its stored offset: whole lines become events, and events and offset are one transaction.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::RunId;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::domain::run::{Run, Tokens};
use crate::drivers::runtime::interface::Runtime;
use crate::drivers::runtime::line_reader::{Found, Line, LineReader};
use crate::drivers::runtime::raw_line;
use crate::store::run::events::Batch;
use crate::store::run::{events, pauses, running, runs};
use crate::store::ticket::messages;
use crate::store::{Lane, Store};
use std::path::Path;

/// A run's log, and how far it was read.
pub struct Reader {
    /// The run as last seen; replaced when its session forks.
    pub run: Run,
    /// What the stream said so far.
    pub progress: Progress,
    runtime: &'static dyn Runtime,
    log: Option<LineReader>,
    offset: u64,
    lines: i64,
}

/// What a stretch of the log came to.
struct Stretch {
    progress: Progress,
    events: Vec<NewEvent>,
    lines: i64,
    to: u64,
    fork: Option<Fork>,
}

/// The line with which the agent went on in another session, and what belongs to the row before.
struct Fork {
    session: String,
    /// Events before it.
    events: usize,
    /// Lines before it.
    lines: i64,
    /// Where it begins.
    from: u64,
    /// What was used before it.
    tokens: Tokens,
    cost_usd: f64,
}

/// What one step found.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Events were stored; there may be more.
    Read(Vec<NewEvent>),
    /// Nothing more for now.
    Dry,
    /// The log is shorter than what was read of it.
    Lost,
}

impl Reader {
    /// A reader at the stored offset.
    ///
    /// # Errors
    /// The run does not exist.
    pub fn open(store: &Store, id: RunId, runtime: &'static dyn Runtime) -> Result<Reader> {
        let (run, (progress, offset, lines)) = store.read(|c| Ok((runs::get(c, id)?, runs::progress(c, id)?)))?;
        let progress = serde_json::from_str(&progress).map_err(|e| Error::Internal(format!("stored progress: {e}")))?;
        let offset = u64::try_from(offset).unwrap_or(0);
        let log = run.raw_log.as_deref().map(|path| LineReader::at(Path::new(path), offset));
        Ok(Reader { run, progress, runtime, log, offset, lines })
    }

    /// Reads the next stretch. `at_end`: nothing more will be written, so half a line at the end counts as one.
    ///
    /// # Errors
    /// Somebody else read meanwhile or the run was closed (`Conflict`), or the disk or store failed: nothing was changed. A
    /// new reader goes on, this one does not.
    pub fn step(&mut self, store: &Store, at_end: bool) -> Result<Step> {
        let now = store.clock().now();
        let (runtime, run) = (self.runtime, &self.run);
        let mut stretch =
            Stretch { progress: self.progress.clone(), events: Vec::new(), lines: self.lines, to: self.offset, fork: None };
        let Some(log) = &mut self.log else { return Ok(Step::Dry) };
        let found = log.read(at_end, |line, end| {
            let before = (run.resumed && stretch.fork.is_none()).then(|| stretch.before_line());
            stretch.lines += 1;
            let (line_no, progress) = (stretch.lines, &mut stretch.progress);
            stretch.events.extend(match line {
                Line::Whole(line) => runtime.read_line(line, line_no, now, progress),
                Line::Half(line) => raw_line::unfinished(runtime.read_line(line, line_no, now, progress)),
                Line::Long(head, length) => vec![raw_line::oversize(line_no, head, length, progress)],
            });
            stretch.to = end;
            if let Some(before) = before {
                stretch.note_fork(run, before);
            }
        });
        match found? {
            Found::Lines => self.commit(store, stretch),
            Found::Nothing => Ok(Step::Dry),
            Found::Lost => Ok(Step::Lost),
        }
    }

    fn commit(&mut self, store: &Store, stretch: Stretch) -> Result<Step> {
        let Stretch { progress, mut events, lines, to, fork } = stretch;
        let stored = |progress: &Progress| serde_json::to_string(progress).map_err(|e| Error::Internal(format!("progress: {e}")));
        let began = progress.inits > 0 && self.progress.inits == 0;
        let suspect = progress.auth_suspect && !self.progress.auth_suspect;
        let mut from = self.offset;
        // What came before the fork stays with the row before; its stream goes on under the new one.
        let before = match fork {
            None => None,
            Some(fork) => {
                let after = events.split_off(fork.events);
                let batch = Batch {
                    from: as_i64(from),
                    to: as_i64(fork.from),
                    lines: fork.lines,
                    events: std::mem::replace(&mut events, after),
                    progress: stored(&self.progress)?,
                    session_id: None,
                    tokens: fork.tokens,
                    cost_usd: fork.cost_usd,
                };
                from = fork.from;
                Some((batch, fork.session))
            }
        };
        let forked = before.is_some();
        let batch = Batch {
            from: as_i64(from),
            to: as_i64(to),
            lines,
            events,
            progress: stored(&progress)?,
            session_id: if forked || progress.inits == 0 { None } else { progress.session_id.clone() },
            tokens: progress.tokens(),
            cost_usd: progress.cost_usd,
        };
        let run = self.run.clone();
        let (run, found) = store.write_in(Lane::Ingest, move |tx| {
            let (run, mut found) = match before {
                None => (run, Vec::new()),
                Some((batch, session)) => {
                    events::append(tx, &run, &batch)?;
                    (running::fork(tx, &run, &session)?, batch.events)
                }
            };
            events::append(tx, &run, &batch)?;
            faults::hit(Point::LinesRead)?;
            if began {
                messages::delivered(tx, run.id)?;
            }
            if suspect {
                pauses::pause(tx, &run.profile, "The agent's login is refused", None)?;
            }
            found.extend(batch.events);
            Ok((run, found))
        })?;
        faults::hit(Point::LinesStored)?;
        self.run = run;
        if !forked && progress.session_id.is_some() && progress.inits > 0 {
            self.run.session_id = progress.session_id.clone();
        }
        self.progress = progress;
        self.offset = to;
        self.lines = lines;
        Ok(Step::Read(found))
    }
}

impl Stretch {
    /// What is known before the next line, should that be one with which another session begins.
    fn before_line(&self) -> Fork {
        Fork {
            session: String::new(),
            events: self.events.len(),
            lines: self.lines,
            from: self.to,
            tokens: self.progress.tokens(),
            cost_usd: self.progress.cost_usd,
        }
    }

    /// Notices that the agent has begun, and in another session than it was to go on with. From here on is counted anew.
    fn note_fork(&mut self, run: &Run, before: Fork) {
        if self.progress.inits == 0 || self.progress.session_id == run.session_id {
            return;
        }
        if let Some(session) = self.progress.session_id.clone() {
            self.progress.begin_anew();
            self.fork = Some(Fork { session, ..before });
        }
    }
}

fn as_i64(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
