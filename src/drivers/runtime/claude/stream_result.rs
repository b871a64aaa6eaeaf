//! The line that ends a turn of Claude Code: its outcome, its cost, and the reply.

use crate::domain::run::event::{EventKind, note};
use crate::domain::run::progress::{Progress, ResultLine};
use crate::domain::run::verdict::prefix;
use crate::domain::text::strip_control;
use crate::drivers::runtime::claude::costs;
use crate::drivers::runtime::claude::stream::{Reader, kept};
use crate::drivers::runtime::interface::Reply;
use crate::drivers::runtime::json_line::{Object, count, json_of, number, parse, small, string};
use crate::drivers::runtime::tool_words::one_line;
use serde_json::Value;

impl Reader<'_> {
    pub(super) fn result(&mut self, object: &Object) {
        let is_error = object.get("is_error").and_then(Value::as_bool).unwrap_or(false);
        let text = string(object, "result").map(strip_control);
        let errors: Vec<String> = object
            .get("errors")
            .and_then(Value::as_array)
            .map(|list| list.iter().take(10).map(|e| one_line(e.as_str().unwrap_or("unknown"), 600)).collect())
            .unwrap_or_default();
        let status = number(object.get("api_error_status"));
        let subtype = one_line(string(object, "subtype").unwrap_or_default(), 100);
        let p = &mut *self.progress;
        p.results = p.results.saturating_add(1);
        p.queued = small(object.get("queued_turn_count"));
        let denials = object.get("permission_denials").and_then(Value::as_array).map_or(0, Vec::len);
        p.permission_denials = p.permission_denials.max(u32::try_from(denials).unwrap_or(u32::MAX));
        if !is_error && status.is_none() {
            p.note_service_well();
            if let Some((verdict, _)) = text.as_deref().and_then(prefix) {
                p.note_asked(verdict);
            }
        } else {
            p.auth_suspect |= matches!(status, Some(401 | 403));
        }
        if let Some(text) = text.as_deref().filter(|_| is_error) {
            self.note_reset(text);
        }
        let p = &mut *self.progress;
        let repeated =
            text.as_deref().is_none_or(|t| p.has_spoken(t) || p.api_error.as_ref().is_some_and(|e| e.text == one_line(t, 600)));
        costs::settle(object, self.progress);
        let shown = match (&text, repeated) {
            (Some(text), false) => text.clone(),
            (Some(_) | None, _) => errors.join("\n"),
        };
        let p = &mut *self.progress;
        p.last = Some(ResultLine {
            text: text.as_deref().map(kept),
            is_error,
            subtype: subtype.clone(),
            api_error_status: status,
            errors,
            terminal_reason: string(object, "terminal_reason").map(|s| one_line(s, 100)),
        });
        if text.is_some() {
            // The result carries it now; twice 64 KB would be stored with every step.
            p.final_text = String::new();
        }
        let turns = count(object.get("num_turns"));
        let outcome = if is_error { format!("failed ({subtype})") } else { "finished".to_owned() };
        let event = self.event(EventKind::Status, note::TURN_END, &shown);
        event.context = Some(format!(
            "{outcome} · {turns} turn{} · {} s",
            if turns == 1 { "" } else { "s" },
            count(object.get("duration_ms")) / 1000
        ));
        event.is_error = is_error;
    }
}

/// The progress keeps a cut and cleaned copy, to be shown in lists; a reply is kept as it is.
pub fn reply(line: &[u8], progress: &Progress) -> Option<Reply> {
    let object = parse(json_of(&String::from_utf8_lossy(line))).ok()?;
    let object = object.as_object()?;
    let usage = object.get("usage").and_then(Value::as_object).map_or(0, |usage| {
        ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"]
            .iter()
            .map(|key| count(usage.get(*key)))
            .sum()
    });
    let context = if progress.context_tokens > 0 { progress.context_tokens } else { usage };
    Some(Reply {
        text: string(object, "result").unwrap_or_default().to_owned(),
        context_tokens: (context > 0).then_some(context),
    })
}

/// Only results are worth parsing at any length: the reply stands in them.
#[must_use]
pub fn ends_turn(line: &[u8]) -> bool {
    let Ok(value) = parse(json_of(&String::from_utf8_lossy(line))) else { return false };
    value.get("type").and_then(Value::as_str) == Some("result") && number(value.get("num_turns")).is_some()
}
