//! The one reader of files that grow by lines: whole lines from an offset, each once, and none of them larger than is good.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes taken in one go, about.
const STRETCH: u64 = 256 * 1024;
/// A longer line is not handed over; its beginning and its length are.
const LINE_MAX: u64 = 1024 * 1024;
/// The same where a file is followed by its name: a conversation's lines carry whole files and pictures.
const NAMED_LINE_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of the beginning of such a line.
const HEAD: u64 = 4096;
/// Of a file that is followed by its name and longer at the first look only the end is read.
const FIRST_LOOK: u64 = 64 << 20;

/// A line as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Without its line break.
    Whole(&'a [u8]),
    /// The beginning of one that is too long, and its length.
    Long(&'a [u8], u64),
    /// Half a line at the end of a file to which nothing more is added.
    Half(&'a [u8]),
}

/// What a look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Lines were handed over; there may be more.
    Lines,
    /// Nothing that is whole, for now.
    Nothing,
    /// The file is shorter than what was read of it, gone, or (followed by its name) another one.
    Lost,
}

/// A place in a growing file.
#[derive(Debug)]
pub struct LineReader {
    path: PathBuf,
    file: Option<File>,
    offset: u64,
    /// How far an unfinished long line was searched for its end.
    searched: u64,
    /// The file's length at the last look.
    seen: u64,
    by_name: bool,
}

impl LineReader {
    /// From an offset of this file, whether it is there yet or not. Once open it stays the same file.
    #[must_use]
    pub fn at(path: &Path, offset: u64) -> LineReader {
        LineReader { path: path.to_owned(), file: None, offset, searched: offset, seen: 0, by_name: false }
    }

    /// From the beginning of whatever file has this name: another one is noticed, and one that is not there is waited for.
    #[must_use]
    pub fn of_name(path: &Path) -> LineReader {
        LineReader { by_name: true, ..LineReader::at(path, 0) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file's length at the last look.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Hands over each line that was added since the last look. False: it is another file now, or shorter than it was;
    /// what was read before is of no use, and the next look begins anew. Lines that are too long are left out.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn lines(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        loop {
            let found = self.read(false, |line, _| match line {
                Line::Whole(line) => each(line),
                Line::Long(..) | Line::Half(_) => {}
            })?;
            match found {
                Found::Lines => {}
                Found::Nothing => return Ok(true),
                Found::Lost => {
                    *self = LineReader { by_name: self.by_name, ..LineReader::at(&self.path, 0) };
                    return Ok(false);
                }
            }
        }
    }

    /// Hands over the next lines, each with the offset of its end. `at_end`: nothing more will be written, so half a line at
    /// the end counts as one. What was handed over is not read again.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn read(&mut self, at_end: bool, mut each: impl FnMut(Line<'_>, u64)) -> io::Result<Found> {
        let Some(size) = self.size()? else {
            // Read before, and gone now. Never there: nothing to read yet.
            return Ok(if self.offset > 0 && !self.by_name { Found::Lost } else { Found::Nothing });
        };
        if size < self.offset {
            return Ok(Found::Lost);
        }
        if size == self.offset {
            return Ok(Found::Nothing);
        }
        let bytes = self.bytes(self.offset, STRETCH.min(size - self.offset))?;
        let Some(last) = bytes.iter().rposition(|b| *b == b'\n') else { return self.long_line(size, at_end, each) };
        for line in bytes[..last].split(|b| *b == b'\n') {
            self.offset += length(line) + 1;
            each(Line::Whole(line), self.offset);
        }
        self.searched = self.offset;
        Ok(Found::Lines)
    }

    /// A line that does not end within one stretch: either half of it is still to come, or it is very long.
    fn long_line(&mut self, size: u64, at_end: bool, mut each: impl FnMut(Line<'_>, u64)) -> io::Result<Found> {
        let (end, whole) = match self.line_end(size)? {
            Some(end) => (end, true),
            None if at_end => (size, false),
            None => return Ok(Found::Nothing),
        };
        let long = end - self.offset;
        let too_long = long > if self.by_name { NAMED_LINE_MAX } else { LINE_MAX };
        let bytes = self.bytes(self.offset, if too_long { HEAD } else { long })?;
        self.offset = end + u64::from(whole);
        self.searched = self.offset;
        let line = match (too_long, whole) {
            (true, _) => Line::Long(&bytes, long),
            (false, true) => Line::Whole(&bytes),
            (false, false) => Line::Half(&bytes),
        };
        each(line, self.offset);
        Ok(Found::Lines)
    }

    /// Where the line at the offset ends, if that is written already. Remembers how far it looked, so that a line that
    /// grows slowly is not searched again and again.
    fn line_end(&mut self, size: u64) -> io::Result<Option<u64>> {
        self.searched = self.searched.max(self.offset);
        while self.searched < size {
            let bytes = self.bytes(self.searched, STRETCH)?;
            if bytes.is_empty() {
                break;
            }
            if let Some(found) = bytes.iter().position(|b| *b == b'\n') {
                return Ok(Some(self.searched + length(&bytes[..found])));
            }
            self.searched += length(&bytes);
        }
        Ok(None)
    }

    /// The file's length; none where there is no file yet.
    fn size(&mut self) -> io::Result<Option<u64>> {
        let named = if self.by_name { std::fs::metadata(&self.path).ok() } else { None };
        if self.by_name && named.is_none() {
            return Ok(None);
        }
        let mut opened = self.file.as_ref().map(File::metadata).transpose()?;
        let mut another = false;
        if let (Some(named), Some(meta)) = (&named, &opened) {
            another = named.ino() != meta.ino();
            if another && self.offset == 0 {
                // Nothing was read of the one before.
                (opened, another) = (None, false);
            }
        }
        if opened.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                Err(e) => return Err(e),
            }
            if self.by_name && self.offset == 0 {
                self.skip_to_the_end()?;
            }
            opened = self.file.as_ref().map(File::metadata).transpose()?;
        }
        self.seen = opened.map_or(0, |meta| meta.len());
        // For whoever has read of the one before, another file is as good as an empty one.
        Ok(Some(if another { 0 } else { self.seen }))
    }

    /// Of a very long file only what comes after some line near its end is read.
    fn skip_to_the_end(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let from = file.metadata()?.len().saturating_sub(FIRST_LOOK);
        if from > 0 {
            file.seek(SeekFrom::Start(from))?;
            let skipped = BufReader::new(file).skip_until(b'\n')?;
            self.offset = from + u64::try_from(skipped).unwrap_or(0);
        }
        Ok(())
    }

    fn bytes(&mut self, at: u64, most: u64) -> io::Result<Vec<u8>> {
        let Some(file) = &mut self.file else { return Ok(Vec::new()) };
        file.seek(SeekFrom::Start(at))?;
        let mut bytes = Vec::with_capacity(usize::try_from(most.min(STRETCH)).unwrap_or(0));
        Read::by_ref(file).take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "line_reader_tests.rs"]
mod tests;
