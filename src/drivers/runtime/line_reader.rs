//! Reads what is added to a file of lines, each whole line once.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Of a file that is longer at the first look only the end is read.
const FIRST_LOOK: u64 = 64 << 20;

/// A place in a growing file.
#[derive(Debug, Clone)]
pub struct Tail {
    path: PathBuf,
    offset: u64,
    file: u64,
    begun: bool,
}

impl Tail {
    /// From the beginning of this file, whether it is there yet or not.
    #[must_use]
    pub fn of(path: &Path) -> Tail {
        Tail { path: path.to_owned(), offset: 0, file: 0, begun: false }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands over each line that was added since the last look. False: it is another file now, or shorter than it was;
    /// what was read before is of no use, and the next look begins anew.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn lines(&mut self, mut each: impl FnMut(&[u8])) -> std::io::Result<bool> {
        let Ok(meta) = std::fs::metadata(&self.path) else { return Ok(true) };
        if self.begun && (meta.ino() != self.file || meta.len() < self.offset) {
            *self = Tail::of(&self.path);
            return Ok(false);
        }
        if self.begun && meta.len() == self.offset {
            return Ok(true);
        }
        let mut file = File::open(&self.path)?;
        let mut skip_half = false;
        if !self.begun {
            (self.begun, self.file) = (true, meta.ino());
            if meta.len() > FIRST_LOOK {
                self.offset = meta.len() - FIRST_LOOK;
                skip_half = true;
            }
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut reader = BufReader::with_capacity(1 << 16, file.take(meta.len() - self.offset));
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line)?;
            if line.pop() != Some(b'\n') {
                return Ok(true);
            }
            self.offset += u64::try_from(read).unwrap_or(0);
            if !std::mem::take(&mut skip_half) {
                each(&line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn read(tail: &mut Tail) -> Vec<String> {
        let mut all = Vec::new();
        tail.lines(|l| all.push(String::from_utf8_lossy(l).into_owned())).unwrap();
        all
    }

    #[test]
    fn each_whole_line_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let mut tail = Tail::of(&path);
        assert!(read(&mut tail).is_empty());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(read(&mut tail), ["one"]);
        assert!(read(&mut tail).is_empty());
        file.write_all(b"o\n\nthree\n").unwrap();
        assert_eq!(read(&mut tail), ["two", "", "three"]);
        std::fs::write(&path, "new\n").unwrap();
        assert!(!tail.lines(|_| ()).unwrap(), "shorter than it was");
        assert_eq!(read(&mut tail), ["new"]);
    }
}
