//! Reads one line of Claude Code's stream-json into events and into what is known of the run. Pure; never fails.
//!
//! Every line gives at least one event, whatever it holds, so that events and raw log can be compared line by line.

use crate::domain::run::event::{CONTENT_CUT, EventKind, NewEvent};
use crate::domain::run::failure_patterns;
use crate::domain::run::progress::{Progress, TEXT_CUT};
use crate::domain::text::cut_bytes;
use crate::domain::time::Time;
use crate::drivers::runtime::json_line::{Object, json_of, parse, string};
use crate::drivers::runtime::raw_line;
use crate::drivers::runtime::tool_words::{clean, one_line};
use serde_json::Value;

/// A reset this long ago says nothing of the refusal that is read now.
const STALE_RESET_MS: i64 = 10 * 60_000;

/// Reads a whole line (without its line feed).
pub fn read_line(line: &[u8], line_no: i64, now: Time, progress: &mut Progress) -> Vec<NewEvent> {
    let text = String::from_utf8_lossy(line);
    let text = json_of(&text);
    if text.is_empty() {
        return vec![NewEvent::plain(line_no, EventKind::System, "empty", "")];
    }
    let object = match parse(text) {
        Ok(Value::Object(object)) => object,
        Ok(_) => return vec![raw_line::unreadable(text, line_no, "it is JSON but not an object", progress)],
        Err(e) => return vec![raw_line::unreadable(text, line_no, &e.to_string(), progress)],
    };
    let mut reader = Reader { line: line_no, now, sub_agent: None, progress, events: Vec::new() };
    reader.sub_agent = string(&object, "parent_tool_use_id").filter(|s| !s.is_empty()).map(|s| one_line(s, 200));
    reader.read(&object);
    if reader.events.is_empty() {
        let kind = string(&object, "subtype").or_else(|| string(&object, "type")).unwrap_or("unknown");
        reader.noise(kind);
    }
    reader.events
}

/// One line on its way into events.
pub(super) struct Reader<'a> {
    pub(super) line: i64,
    pub(super) now: Time,
    pub(super) sub_agent: Option<String>,
    pub(super) progress: &'a mut Progress,
    pub(super) events: Vec<NewEvent>,
}

impl Reader<'_> {
    fn read(&mut self, object: &Object) {
        match string(object, "type").unwrap_or_default() {
            "system" => self.system(object),
            "assistant" => self.assistant(object),
            "user" => self.user(object),
            "result" => self.result(object),
            "rate_limit_event" => self.rate_limit(object),
            "" => self.noise("unknown"),
            other => self.noise(other),
        }
    }

    pub(super) fn event(&mut self, kind: EventKind, tool: &str, text: &str) -> &mut NewEvent {
        let (head, long) = cut_bytes(text, CONTENT_CUT * 2);
        let clean = clean(head);
        let (content, more) = cut_bytes(&clean, CONTENT_CUT);
        let mut event = NewEvent::plain(self.line, kind, &one_line(tool, 100), content);
        event.truncated = long || more;
        event.sub_agent.clone_from(&self.sub_agent);
        self.events.push(event);
        let last = self.events.len() - 1;
        &mut self.events[last]
    }

    pub(super) fn noise(&mut self, kind: &str) {
        self.event(EventKind::System, kind, "");
    }

    /// A reset in words: they name the minute at best, so one that is known exactly stays.
    pub(super) fn note_reset(&mut self, text: &str) {
        if self.progress.limit_reset_at.is_none_or(|at| self.now.since(at) > STALE_RESET_MS) {
            self.progress.limit_reset_at = failure_patterns::reset_time(text, self.now).or(self.progress.limit_reset_at);
        }
    }
}

pub(super) fn is_auth(kind: &str, status: Option<i64>) -> bool {
    kind == "authentication_failed" || matches!(status, Some(401 | 403))
}

pub(super) fn kept(text: &str) -> String {
    let (head, cut) = cut_bytes(text, TEXT_CUT);
    if !cut {
        return head.to_owned();
    }
    // The sentinel stands at the very end: a long text keeps its last lines.
    let (head, _) = cut_bytes(text, TEXT_CUT - 8 * 1024);
    let tail = &text[text.ceil_char_boundary(text.len() - 7 * 1024)..];
    format!("{head}\n\n[… cut …]\n\n{tail}")
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
