//! Events of a worker as rows of the live panel.

use crate::domain::run::event::note as kinds;
use crate::domain::run::event::{Event, EventKind, NewEvent};
use crate::domain::text::cut_chars;
use crate::domain::time::Time;
use crate::web::ui::{icon, when, words};
use maud::{Markup, html};

/// One event, `li#ev-<id>`: the only form in which an event is ever shown, so that it can be appended live.
#[must_use]
pub fn event_row(e: &Event, now: Time) -> Markup {
    let what = &e.what;
    let kind = match what.kind {
        EventKind::ToolUse => "use",
        EventKind::ToolResult => "res",
        EventKind::Text => "text",
        EventKind::Status | EventKind::System => "note",
    };
    html! {
        li.(kind).bad[what.is_error].sub[what.sub_agent.is_some()] id=(format!("ev-{}", e.id)) data-seq=(e.seq)
            title=[what.sub_agent.as_ref().map(|_| "by a sub-agent")] {
            (when::clock(e.created_at, now))
            @match what.kind {
                EventKind::ToolUse => (tool_use(what)),
                EventKind::ToolResult => (tool_result(what)),
                EventKind::Text => (text(what)),
                EventKind::Status | EventKind::System => (note(what)),
            }
        }
    }
}

fn tool_use(what: &NewEvent) -> Markup {
    let tool = what.tool.as_deref().unwrap_or("Tool");
    let line = html! { b { (tool) } " " (what.context.as_deref().unwrap_or("")) };
    html! {
        (icon::icon(words::tool_icon(tool)))
        @match what.input.as_deref().map(pretty).filter(|p| !p.is_empty()) {
            Some(input) => details { summary dir="auto" { (line) } pre dir="auto" tabindex="0" { (input) } },
            None => span dir="auto" { (line) },
        }
    }
}

fn tool_result(what: &NewEvent) -> Markup {
    let content = what.content.trim_end();
    let first = content.lines().find(|l| !l.trim().is_empty()).unwrap_or("");
    let (short, cut) = cut_chars(first.trim(), 140);
    let lines = content.lines().count();
    let whole = lines <= 1 && !cut && !what.truncated;
    html! {
        (icon::icon(if what.is_error { "circle-x" } else { "corner-down-right" }))
        @if whole {
            span.out dir="auto" { @if short.is_empty() { "no output" } @else { (short) } }
        } @else {
            details {
                summary dir="auto" {
                    span.out { (short) @if cut { "…" } }
                    span.size { @if what.truncated { "more than " } (words::counted(i64::try_from(lines).unwrap_or(0), "line", "lines")) }
                }
                pre dir="auto" tabindex="0" { (content) @if what.truncated { "\n… the rest is in the raw log" } }
            }
        }
    }
}

fn text(what: &NewEvent) -> Markup {
    let content = what.content.trim();
    let (short, cut) = cut_chars(content, 900);
    html! {
        (icon::icon("message-square"))
        @if cut {
            details.long { summary { p dir="auto" { (short) "…" } span.size { "all of it" } } p dir="auto" { (&content[short.len()..]) } }
        } @else { p dir="auto" { (content) } }
    }
}

fn note(what: &NewEvent) -> Markup {
    let kind = match what.tool.as_deref().unwrap_or("note") {
        kinds::SESSION => "Session".to_owned(),
        kinds::TURN_END => "End of turn".to_owned(),
        kinds::RETRY => "Tries again".to_owned(),
        kinds::UNREADABLE => "Unreadable line".to_owned(),
        other => other.replace('_', " "),
    };
    let (short, cut) = cut_chars(what.content.trim(), 160);
    // "Session", then "Session 39f8…", would say it twice.
    let kind = if short.to_lowercase().contains(&kind.to_lowercase()) { String::new() } else { kind };
    html! {
        (icon::icon(if what.is_error { "triangle-alert" } else { "info" }))
        @if cut || short.contains('\n') {
            details { summary dir="auto" { @if !kind.is_empty() { b { (kind) } " " } (short.lines().next().unwrap_or("")) } pre dir="auto" tabindex="0" { (what.content) } }
        } @else {
            span dir="auto" { @if !kind.is_empty() { b { (kind) } " " } @if short.is_empty() { (what.context.as_deref().unwrap_or("")) } @else { (short) } }
        }
    }
}

/// The arguments of a call, one per line; texts without their quotes.
fn pretty(input: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(input) {
        Ok(serde_json::Value::Object(map)) => map
            .iter()
            .map(|(k, v)| match v {
                serde_json::Value::String(s) => format!("{k}: {s}"),
                other => format!("{k}: {other}"),
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Ok(other) => other.to_string(),
        Err(_) => input.to_owned(),
    }
}

/// Rows of a window, oldest first; three or more like calls in a row are folded into one.
#[must_use]
pub fn event_rows(events: &[Event], now: Time) -> Markup {
    html! {
        @for part in parts(events) {
            @match part {
                Part::One(e) => (event_row(e, now)),
                Part::Like(group) => (folded(group, now)),
            }
        }
    }
}

/// A stretch of a window.
#[derive(Debug)]
enum Part<'a> {
    One(&'a Event),
    /// Three or more calls of one tool, with what they answered.
    Like(&'a [Event]),
}

fn parts(events: &[Event]) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = events;
    while let Some(first) = rest.first() {
        let n = like(rest);
        if rest[..n].iter().filter(|e| e.what.kind == EventKind::ToolUse).count() >= 3 {
            out.push(Part::Like(&rest[..n]));
            rest = &rest[n..];
        } else {
            out.push(Part::One(first));
            rest = &rest[1..];
        }
    }
    out
}

/// How many events from the first on are calls of its tool and what they answered, without an error.
fn like(events: &[Event]) -> usize {
    let Some(first) = events.first().filter(|e| e.what.kind == EventKind::ToolUse) else { return 1 };
    let fits = |e: &Event| match e.what.kind {
        EventKind::ToolUse => e.what.tool == first.what.tool,
        EventKind::ToolResult => !e.what.is_error,
        EventKind::Text | EventKind::Status | EventKind::System => false,
    };
    events.iter().position(|e| !fits(e)).unwrap_or(events.len())
}

fn folded(group: &[Event], now: Time) -> Markup {
    let tool = group[0].what.tool.as_deref().unwrap_or("Tool");
    let calls: Vec<&str> =
        group.iter().filter(|e| e.what.kind == EventKind::ToolUse).map(|e| e.what.context.as_deref().unwrap_or("")).collect();
    let common = common_folder(&calls);
    html! {
        li.group {
            (when::clock(group[0].created_at, now))
            (icon::icon(words::tool_icon(tool)))
            details {
                summary dir="auto" { b { (tool) } " ×" (calls.len()) @if !common.is_empty() { " in " (common) } }
                ol { @for e in group { (event_row(e, now)) } }
            }
        }
    }
}

/// The folder that all of them begin with.
fn common_folder<'a>(paths: &[&'a str]) -> &'a str {
    let Some(first) = paths.first() else { return "" };
    let same = |p: &str| first.bytes().zip(p.bytes()).take_while(|(a, b)| a == b).count();
    let n = paths.iter().map(|p| same(p)).min().unwrap_or(0);
    let n = first.floor_char_boundary(n);
    first[..n].rfind('/').map_or("", |i| &first[..i])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{EventId, RunId, TicketId};

    fn event(id: i64, kind: EventKind, tool: &str, context: &str) -> Event {
        let mut what = NewEvent::plain(id, kind, tool, "");
        what.context = Some(context.to_owned());
        Event { id: EventId(id), ticket: TicketId(1), seq: id, run: RunId(1), attempt: 1, created_at: Time(0), what }
    }

    #[test]
    fn three_like_calls_fold_and_every_row_is_still_there() {
        let mut events = Vec::new();
        for i in 0..4 {
            events.push(event(2 * i + 1, EventKind::ToolUse, "Read", &format!("src/upload/{i}.rs")));
            events.push(event(2 * i + 2, EventKind::ToolResult, "Read", ""));
        }
        events.push(event(9, EventKind::ToolUse, "Edit", "src/app.rs"));
        events.push(event(10, EventKind::ToolUse, "Edit", "src/app.rs"));
        let shown = event_rows(&events, Time(0)).into_string();
        assert!(shown.contains("<b>Read</b> ×4 in src/upload"), "{shown}");
        assert_eq!(shown.matches("class=\"group\"").count(), 1);
        for id in 1..=10 {
            assert_eq!(shown.matches(&format!("id=\"ev-{id}\"")).count(), 1, "row {id}");
        }
    }

    #[test]
    fn an_error_is_never_folded_away() {
        let mut events: Vec<Event> = (1..=4).map(|i| event(i, EventKind::ToolUse, "Bash", "make")).collect();
        events[1].what.kind = EventKind::ToolResult;
        events[1].what.is_error = true;
        assert_eq!(parts(&events).len(), 4);
    }
}
