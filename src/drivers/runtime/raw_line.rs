//! Lines of a raw log that no runtime reads: too long, not readable, or broken off. Each still gives one event.

use crate::domain::run::event::{EventKind, NewEvent, RESULT_CUT, note};
use crate::domain::run::progress::Progress;
use crate::domain::text::{cut_bytes, cut_chars};
use crate::drivers::runtime::tool_words::{clean, one_line};

/// Lines longer than this are not parsed: they give one `oversize` event and stay in the raw log.
pub const LINE_CAP: usize = 1024 * 1024;

/// A line past [`LINE_CAP`], of which only the first bytes were kept.
pub fn oversize(line_no: i64, first_bytes: &[u8], len: u64, progress: &mut Progress) -> NewEvent {
    progress.oversize = progress.oversize.saturating_add(1);
    let head = String::from_utf8_lossy(first_bytes);
    let (mut event, _) = quoted(line_no, note::OVERSIZE, &head);
    event.context = Some(format!("a line of {len} bytes; it is only in the raw log"));
    event.truncated = true;
    event
}

/// A line that its runtime cannot read, and why.
pub fn unreadable(text: &str, line_no: i64, why: &str, progress: &mut Progress) -> NewEvent {
    progress.unreadable = progress.unreadable.saturating_add(1);
    let (mut event, cut) = quoted(line_no, note::UNREADABLE, text);
    event.context = Some(one_line(why, 200));
    event.truncated = cut;
    event
}

/// What stood after the last line feed when the run was over, whole or half a line, as it was read.
#[must_use]
pub fn unfinished(mut events: Vec<NewEvent>) -> Vec<NewEvent> {
    for event in &mut events {
        if event.tool.as_deref() == Some(note::UNREADABLE) {
            event.tool = Some(note::UNFINISHED.to_owned());
            event.context = Some("the output broke off in the middle of this line".to_owned());
        }
    }
    events
}

fn quoted(line_no: i64, kind: &str, text: &str) -> (NewEvent, bool) {
    let (head, long) = cut_bytes(text, RESULT_CUT * 8);
    let clean = clean(head);
    let (short, more) = cut_chars(&clean, RESULT_CUT);
    let mut event = NewEvent::plain(line_no, EventKind::System, kind, short);
    event.is_error = true;
    (event, long || more)
}
