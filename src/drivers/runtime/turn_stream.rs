//! What the stream of one turn says: what the agent does now, and its reply, byte for byte. Pure.

use crate::domain::run::event::EventKind;
use crate::domain::run::progress::Progress;
use crate::domain::time::Time;
use crate::drivers::runtime::interface::{Reply, Runtime};
use crate::drivers::runtime::raw_line;
use crate::drivers::runtime::tool_words;

/// Longer lines are not parsed.
pub const LINE_MAX: usize = 16 * 1024 * 1024;

/// What was read of a turn's stream so far.
#[derive(Debug, Clone)]
pub struct TurnStream {
    /// What is known of the run.
    pub progress: Progress,
    /// What the agent does, in a few words.
    pub activity: Option<String>,
    /// The last reply that came in good order.
    pub reply: Option<Reply>,
    runtime: &'static dyn Runtime,
    lines: i64,
}

impl TurnStream {
    /// Nothing read yet.
    #[must_use]
    pub fn new(runtime: &'static dyn Runtime) -> TurnStream {
        TurnStream { progress: Progress::default(), activity: None, reply: None, runtime, lines: 0 }
    }

    /// Reads a whole line (without its line feed).
    pub fn line(&mut self, line: &[u8], now: Time) {
        self.lines += 1;
        let results = self.progress.results;
        if line.len() > raw_line::LINE_CAP && !self.runtime.ends_turn(line) {
            let head = &line[..line.len().min(4096)];
            raw_line::oversize(self.lines, head, line.len() as u64, &mut self.progress);
            return;
        }
        for event in self.runtime.read_line(line, self.lines, now, &mut self.progress) {
            if event.kind == EventKind::ToolUse {
                self.activity = Some(tool_words::doing(&event));
            }
        }
        if self.progress.results > results && self.progress.ended_well() {
            self.reply = self.runtime.reply(line, &self.progress).or(self.reply.take());
        }
    }

    /// A line too long to be kept.
    pub fn skipped(&mut self, first_bytes: &[u8], len: u64) {
        self.lines += 1;
        raw_line::oversize(self.lines, first_bytes, len, &mut self.progress);
    }
}
