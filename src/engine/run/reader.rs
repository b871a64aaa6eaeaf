//! Reads one run's raw log from its stored offset: whole lines become events, and events and offset are one transaction.

use crate::base::error::{Error, Result};
use crate::base::faults;
use crate::base::faults::Point;
use crate::domain::ids::RunId;
use crate::domain::profile::RuntimeKind;
use crate::domain::run::Run;
use crate::domain::run::event::NewEvent;
use crate::domain::run::progress::Progress;
use crate::drivers::runtime;
use crate::drivers::runtime::claude::stream;
use crate::store::run::events;
use crate::store::run::events::Batch;
use crate::store::run::{pauses, runs};
use crate::store::ticket::{lifecycle, messages};
use crate::store::{Lane, Store};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// Bytes taken in one transaction, about.
const STRETCH: usize = 256 * 1024;
/// A longer line is not parsed; it stays in the raw log and one event says so.
const LINE_CAP: usize = 1024 * 1024;

/// A run's log, and how far it was read.
pub struct Reader {
    /// The run as last seen; replaced when its session forks.
    pub run: Run,
    /// What the stream said so far.
    pub progress: Progress,
    kind: RuntimeKind,
    offset: i64,
    lines: i64,
    /// How far an unfinished long line was searched for its end.
    searched: i64,
    file: Option<File>,
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
    pub fn open(store: &Store, id: RunId, kind: RuntimeKind) -> Result<Reader> {
        let (run, (progress, offset, lines)) = store.read(|c| Ok((runs::get(c, id)?, runs::progress(c, id)?)))?;
        let progress = serde_json::from_str(&progress).map_err(|e| Error::Internal(format!("stored progress: {e}")))?;
        Ok(Reader { run, progress, kind, offset, lines, searched: offset, file: None })
    }

    /// Reads the next stretch. `at_end`: nothing more will be written, so half a line at the end counts as one.
    ///
    /// # Errors
    /// `Conflict` where somebody else read meanwhile or the run was closed: open a new reader. Else the disk or store
    /// failed and nothing was changed.
    pub fn step(&mut self, store: &Store, at_end: bool) -> Result<Step> {
        let Some(size) = self.size()? else { return Ok(Step::Dry) };
        if size < self.offset {
            return Ok(Step::Lost);
        }
        if size == self.offset {
            return Ok(Step::Dry);
        }
        let there = usize::try_from(size - self.offset).unwrap_or(STRETCH);
        let bytes = self.read_at(self.offset, STRETCH.min(there))?;
        let now = store.clock().now();
        match bytes.iter().rposition(|b| *b == b'\n') {
            Some(last) => {
                let mut progress = self.progress.clone();
                let mut found = Vec::new();
                let mut lines = self.lines;
                for line in bytes[..last].split(|b| *b == b'\n') {
                    lines += 1;
                    found.extend(runtime::read_line(self.kind, line, lines, now, &mut progress));
                }
                self.commit(store, progress, found, lines, self.offset + as_i64(last + 1))
            }
            None => self.long_line(store, size, at_end),
        }
    }

    /// A line that does not end within one stretch: either half of it is still to come, or it is very long.
    fn long_line(&mut self, store: &Store, size: i64, at_end: bool) -> Result<Step> {
        let now = store.clock().now();
        let (end, complete) = match self.find_line_end(size)? {
            Some(end) => (end, true),
            None if at_end => (size, false),
            None => return Ok(Step::Dry),
        };
        let mut progress = self.progress.clone();
        let line_no = self.lines + 1;
        let length = end - self.offset;
        let found = if length > as_i64(LINE_CAP) {
            let first = self.read_at(self.offset, 4096)?;
            vec![stream::read_oversize(line_no, &first, u64::try_from(length).unwrap_or(0), &mut progress)]
        } else {
            let line = self.read_at(self.offset, usize::try_from(length).unwrap_or(LINE_CAP))?;
            if complete {
                runtime::read_line(self.kind, &line, line_no, now, &mut progress)
            } else {
                stream::read_unfinished(&line, line_no, now, &mut progress)
            }
        };
        self.commit(store, progress, found, line_no, end + i64::from(complete))
    }

    /// Where the line at the offset ends, if that is written already. Remembers how far it looked, so that a line that
    /// grows slowly is not searched again and again.
    fn find_line_end(&mut self, size: i64) -> Result<Option<i64>> {
        let mut at = self.searched.max(self.offset);
        while at < size {
            let bytes = self.read_at(at, STRETCH)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(found) = bytes.iter().position(|b| *b == b'\n') {
                self.searched = at;
                return Ok(Some(at + as_i64(found)));
            }
            at += as_i64(bytes.len());
        }
        self.searched = at;
        Ok(None)
    }

    fn commit(&mut self, store: &Store, progress: Progress, found: Vec<NewEvent>, lines: i64, to: i64) -> Result<Step> {
        let stored = serde_json::to_string(&progress).map_err(|e| Error::Internal(format!("progress: {e}")))?;
        let began = progress.inits > 0 && self.progress.inits == 0;
        let forked = self.run.resumed && progress.inits > 0 && progress.session_id != self.run.session_id;
        let fork_to = if forked { progress.session_id.clone() } else { None };
        let suspect = progress.auth_suspect && !self.progress.auth_suspect;
        let batch = Batch {
            from: self.offset,
            to,
            lines,
            events: found,
            progress: stored,
            session_id: if forked || progress.inits == 0 { None } else { progress.session_id.clone() },
            tokens: progress.tokens(),
            cost_usd: progress.cost_usd,
        };
        let run = self.run.clone();
        let (forked, found) = store.write_in(Lane::Ingest, move |tx| {
            events::append(tx, &run, &batch)?;
            faults::hit(Point::LinesRead)?;
            if began {
                messages::delivered(tx, run.id)?;
            }
            if suspect {
                pauses::pause(tx, &run.profile, "The agent's login is refused", None)?;
            }
            let forked = match &fork_to {
                Some(session) => Some(lifecycle::fork(tx, &run, session)?),
                None => None,
            };
            Ok((forked, batch.events))
        })?;
        faults::hit(Point::LinesStored)?;
        if let Some(new) = forked {
            self.run = new;
        } else if progress.session_id.is_some() && progress.inits > 0 {
            self.run.session_id = progress.session_id.clone();
        }
        self.progress = progress;
        self.offset = to;
        self.searched = to;
        self.lines = lines;
        Ok(Step::Read(found))
    }

    /// Size of the log; none where there is no log yet.
    fn size(&mut self) -> Result<Option<i64>> {
        if self.file.is_none() {
            let Some(path) = &self.run.raw_log else { return Ok(None) };
            match File::open(path) {
                Ok(file) => self.file = Some(file),
                // Read before, and gone now: lost. Never there: nothing to read yet.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok((self.offset > 0).then_some(0)),
                Err(e) => return Err(e.into()),
            }
        }
        match &self.file {
            Some(file) => Ok(Some(i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX))),
            None => Ok(None),
        }
    }

    fn read_at(&mut self, at: i64, most: usize) -> Result<Vec<u8>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        file.seek(SeekFrom::Start(u64::try_from(at).unwrap_or(0)))?;
        let mut bytes = Vec::with_capacity(most.min(STRETCH));
        Read::by_ref(file).take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn as_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
