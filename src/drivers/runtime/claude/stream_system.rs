//! The lines in which Claude Code speaks of itself: the session, its retries, background tasks, limits.

use crate::domain::run::event::{EventKind, note};
use crate::domain::run::failure_patterns;
use crate::domain::run::progress::ApiError;
use crate::domain::text::cut_bytes;
use crate::domain::time::Time;
use crate::drivers::runtime::claude::stream::{Reader, is_auth};
use crate::drivers::runtime::json_line::{Object, count, number, string};
use crate::drivers::runtime::tool_words::one_line;
use serde_json::Value;

impl Reader<'_> {
    pub(super) fn system(&mut self, object: &Object) {
        let subtype = string(object, "subtype").unwrap_or("system");
        match subtype {
            "init" => self.init(object),
            "api_retry" => self.api_retry(object),
            "permission_denied" => {
                let tool = string(object, "tool_name").unwrap_or("a tool").to_owned();
                self.progress.permission_denials = self.progress.permission_denials.saturating_add(1);
                let event = self.event(EventKind::Status, subtype, string(object, "message").unwrap_or_default());
                event.context = Some(one_line(&format!("{tool} was not permitted"), 200));
                event.is_error = true;
            }
            "task_started" | "task_progress" | "task_updated" | "task_notification" => self.task(subtype, object),
            "background_tasks_changed" => self.background(object),
            "compact_boundary" => {
                self.event(EventKind::Status, subtype, "").context = Some("the conversation was compacted".to_owned());
            }
            "informational" | "notification" | "hook_response" => {
                let text =
                    ["message", "content", "text", "stderr"].iter().find_map(|k| string(object, k).filter(|t| !t.is_empty()));
                let name = string(object, "hook_name").map(|n| one_line(n, 200));
                self.event(EventKind::System, subtype, text.unwrap_or_default()).context = name;
            }
            other => self.noise(other),
        }
    }

    pub(super) fn init(&mut self, object: &Object) {
        let short = |key: &str, max: usize| string(object, key).map(|s| one_line(s, max)).filter(|s| !s.is_empty());
        let (session, model) = (short("session_id", 200), short("model", 200));
        // Compared with the expected place later: kept exactly.
        let cwd = string(object, "cwd").map(|c| cut_bytes(c, 4_096).0.to_owned()).filter(|c| !c.is_empty());
        let p = &mut *self.progress;
        let changed = session.is_some() && p.session_id.is_some() && p.session_id != session;
        p.inits = p.inits.saturating_add(1);
        p.session_id = session.clone().or_else(|| p.session_id.take());
        p.cwd = cwd.clone().or_else(|| p.cwd.take());
        p.model = model.clone().or_else(|| p.model.take());
        p.cli_version = short("claude_code_version", 100).or_else(|| p.cli_version.take());
        let place = cwd.map(|c| format!("in {}", one_line(&c, 300)));
        let what = [model, place].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let event = self.event(EventKind::Status, note::SESSION, &session.map(|s| format!("Session {s}")).unwrap_or_default());
        event.context = Some(if changed { format!("another session than before · {what}") } else { what });
    }

    pub(super) fn api_retry(&mut self, object: &Object) {
        let status = number(object.get("error_status"));
        let kind = one_line(string(object, "error").unwrap_or("unknown"), 100);
        let tries = format!("attempt {} of {}", count(object.get("attempt")), count(object.get("max_retries")));
        let text = match status {
            Some(status) => format!("{status} {kind}, {tries}"),
            None => format!("connection lost ({kind}), {tries}"),
        };
        self.progress.auth_suspect |= is_auth(&kind, status);
        self.progress.last_retry = Some(ApiError { kind, status, text: text.clone() });
        let event = self.event(EventKind::Status, note::RETRY, "");
        event.context = Some(text);
        event.is_error = true;
    }

    pub(super) fn task(&mut self, subtype: &str, object: &Object) {
        let (Some(task), call) = (string(object, "task_id"), string(object, "tool_use_id").unwrap_or_default()) else {
            return self.noise(subtype);
        };
        let status = string(object, "status")
            .or_else(|| object.get("patch").and_then(|p| p.get("status")).and_then(Value::as_str))
            .unwrap_or_default();
        let ended = matches!(status, "completed" | "failed" | "killed" | "stopped" | "cancelled" | "error" | "timed_out");
        let background = |o: &Value| o.get("is_backgrounded").and_then(Value::as_bool);
        let patched = object.get("patch").and_then(background);
        match subtype {
            // Only a task in the foreground ends with its tool call.
            "task_started" if object.get("is_backgrounded").and_then(Value::as_bool) == Some(false) => {
                self.progress.open_task(task, call);
            }
            "task_started" => self.progress.open_task(task, ""),
            "task_updated" if patched == Some(true) && !ended => self.progress.open_task(task, ""),
            // A notification comes once, at the end, whatever word it uses.
            "task_notification" => self.progress.close_task(task),
            _ if ended => self.progress.close_task(task),
            _ => {}
        }
        let about = ["description", "summary", "task_type"].iter().find_map(|k| string(object, k)).unwrap_or(task);
        let about = one_line(&format!("{about} {status}"), 200);
        self.event(EventKind::System, subtype, "").context = Some(about);
    }

    /// The list of all background tasks there are: what is not on it any more has ended.
    pub(super) fn background(&mut self, object: &Object) {
        if let Some(list) = ["tasks", "background_tasks"].iter().find_map(|k| object.get(*k).and_then(Value::as_array)) {
            let id = |t: &Value| t.get("task_id").or_else(|| t.get("id")).and_then(Value::as_str).map(str::to_owned);
            let there: Vec<String> = list.iter().filter_map(id).collect();
            self.progress.open_tasks.retain(|task, _| there.contains(task));
        }
        self.noise("background_tasks_changed");
    }

    pub(super) fn rate_limit(&mut self, object: &Object) {
        let info = object.get("rate_limit_info").and_then(Value::as_object);
        let status = info.and_then(|i| string(i, "status")).unwrap_or("unknown");
        let reset = info.and_then(|i| number(i.get("resetsAt").or_else(|| i.get("resets_at"))));
        let rejected = status == "rejected";
        if let (true, Some(at)) = (rejected, reset) {
            // Seconds or milliseconds: no moment of this century is ambiguous.
            let at = if at > 100_000_000_000 { Time(at) } else { Time(at.saturating_mul(1000)) };
            if failure_patterns::is_believable(at, self.now) {
                self.progress.limit_reset_at = Some(at);
            }
        }
        let context = one_line(&format!("limit: {status}"), 200);
        let event = self.event(EventKind::Status, "rate_limit", "");
        event.context = Some(context);
        event.is_error = rejected;
    }
}
