//! The exit record: room for it is taken at the start, so that a full disk cannot swallow how a run ended.

use crate::base::clock::pause;
use crate::domain::run::ExitRecord;
use crate::drivers::supervise::run_dir::RunDir;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::Duration;

/// The room taken.
const ROOM: usize = 4096;
/// File systems that never write in place may refuse all the same: seconds to go on trying.
const TRIES: u32 = 60;

/// An exit record to be written.
pub(crate) struct ExitRecordFile {
    file: File,
    tmp: PathBuf,
    path: PathBuf,
    folder: PathBuf,
}

impl ExitRecordFile {
    /// Takes the room.
    pub(crate) fn reserve(dir: &RunDir) -> io::Result<ExitRecordFile> {
        let tmp = dir.file("exit.json.tmp");
        let file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&tmp)?;
        file.write_all_at(&[b' '; ROOM], 0)?;
        Ok(ExitRecordFile { file, tmp, path: dir.file("exit.json"), folder: dir.path().to_path_buf() })
    }

    /// Gives the room back: there is nothing to be said.
    pub(crate) fn withdraw(&self) -> io::Result<()> {
        fs::remove_file(&self.tmp)
    }

    /// Writes the record into it; it appears whole or not at all.
    pub(crate) fn write(&self, record: ExitRecord) -> io::Result<()> {
        let bytes = padded(record)?;
        let mut left = TRIES;
        loop {
            match self.put(&bytes) {
                Ok(()) => return Ok(()),
                Err(e) if left == 0 => return Err(e),
                Err(_) => left -= 1,
            }
            pause(Duration::from_secs(1));
        }
    }

    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, 0)?;
        self.file.sync_all()?;
        fs::rename(&self.tmp, &self.path)?;
        File::open(&self.folder)?.sync_all()
    }
}

/// The record as JSON of exactly the room's size; its text is cut where it would not fit.
fn padded(mut record: ExitRecord) -> io::Result<Vec<u8>> {
    loop {
        let mut json = serde_json::to_vec(&record)?;
        if json.len() <= ROOM {
            json.resize(ROOM, b' ');
            return Ok(json);
        }
        record.text = record.text.map(|t| t.chars().take(t.chars().count() / 2).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::ExitCause;
    use crate::domain::time::Time;

    #[test]
    fn a_long_text_is_cut_to_the_room_taken() {
        let record = ExitRecord {
            cause: ExitCause::SpawnFailed,
            exit_code: None,
            signal: None,
            text: Some("\u{1}".repeat(5000)),
            started_at: Time(0),
            ended_at: Time(1),
            log_bytes: 0,
            strays: 0,
        };
        let bytes = padded(record).unwrap();
        assert_eq!(bytes.len(), ROOM);
        let back: ExitRecord = serde_json::from_slice(bytes.trim_ascii()).unwrap();
        assert_eq!(back.text.unwrap().len(), 5000 / 8);
    }
}
