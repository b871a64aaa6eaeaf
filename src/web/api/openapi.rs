//! The contract's own description, in OpenAPI 3.1. A test holds it to the route table.

use crate::web::http::auth::Principal;
use actix_web::HttpResponse;
use serde_json::{Map, Value, json};

/// `GET /openapi.json`
pub async fn document(_principal: Principal) -> HttpResponse {
    HttpResponse::Ok().json(description())
}

/// An operation: method, path, what it does, query parameters, the body's schema, and status with schema of the answer.
type Operation = (&'static str, &'static str, &'static str, &'static [&'static str], &'static str, (&'static str, &'static str));

const OPERATIONS: &[Operation] = &[
    ("get", "/health", "Whether the server answers; no login", &[], "", ("200", "Health")),
    ("get", "/openapi.json", "This document", &[], "", ("200", "Any")),
    (
        "post",
        "/session_start",
        "A ticket from a message, started at once with implement_now; a turn of the orchestrator's (202) with plan",
        &[],
        "SessionStart",
        ("201", "Started"),
    ),
    (
        "get",
        "/tickets",
        "Tickets, last changed first",
        &["status", "project", "role", "priority", "q", "limit", "cursor"],
        "",
        ("200", "TicketPage"),
    ),
    ("post", "/tickets", "Makes a ticket", &[], "NewTicket", ("201", "Ticket")),
    ("get", "/tickets/{identifier}", "A ticket", &[], "", ("200", "Ticket")),
    ("patch", "/tickets/{identifier}", "Changes fields; status is a transition", &[], "TicketPatch", ("200", "Ticket")),
    (
        "get",
        "/tickets/{identifier}/comments",
        "Comments, oldest first",
        &["after", "cursor", "limit"],
        "",
        ("200", "CommentPage"),
    ),
    (
        "post",
        "/tickets/{identifier}/comments",
        "A comment; a person's is the reply that moves a waiting ticket on",
        &[],
        "NewComment",
        ("201", "Comment"),
    ),
    ("get", "/tickets/{identifier}/evidence", "Evidence, newest first", &["limit", "cursor"], "", ("200", "EvidencePage")),
    ("post", "/tickets/{identifier}/report", "What a run's own agent reports", &[], "Report", ("201", "Any")),
    (
        "get",
        "/tickets/{identifier}/events",
        "Events, oldest first",
        &["after", "cursor", "limit", "kind"],
        "",
        ("200", "EventPage"),
    ),
    (
        "get",
        "/tickets/{identifier}/stream",
        "Server-sent events: ticket_event (id = event id), ticket, ping",
        &["after", "cursor"],
        "",
        ("200", "Stream"),
    ),
    ("get", "/tickets/{identifier}/runs", "Runs, newest first", &["limit", "cursor"], "", ("200", "RunPage")),
    ("post", "/tickets/{identifier}/stop", "Ends the live run and all its processes", &[], "Stop", ("202", "Run")),
    ("get", "/runs/{id}", "A run", &[], "", ("200", "Run")),
    ("get", "/runs/{id}/log", "The raw log; Range is honoured", &[], "", ("200", "Log")),
    (
        "get",
        "/stream",
        "Server-sent events of the board: ticket (id = change id), ping",
        &["after", "cursor"],
        "",
        ("200", "Stream"),
    ),
    ("post", "/persistent_luci/send", "Says something to the orchestrator", &[], "Say", ("202", "Sent")),
    (
        "get",
        "/persistent_luci/harvest",
        "A turn, the newest unless said, as soon as it is over or `wait` seconds (60 at most) are",
        &["turn", "wait"],
        "",
        ("200", "Sent"),
    ),
    ("get", "/persistent_luci/status", "How the orchestrator is", &[], "", ("200", "LuciStatus")),
    (
        "post",
        "/persistent_luci/start",
        "Brings her up; a broken session gets another chance",
        &[],
        "Nothing",
        ("202", "LuciStatus"),
    ),
    ("post", "/persistent_luci/stop", "Ends her session; turns wait", &[], "Nothing", ("202", "LuciStatus")),
    ("post", "/persistent_luci/switch", "Goes on with another profile", &[], "Switch", ("202", "LuciStatus")),
    (
        "post",
        "/chat",
        "Says something and waits for the answer; 202 with the turn where it takes longer than timeout_s (60 at most)",
        &[],
        "Chat",
        ("200", "Sent"),
    ),
    ("get", "/turns", "Turns, newest first", &["limit", "cursor"], "", ("200", "TurnPage")),
    ("get", "/turns/{id}", "A turn", &[], "", ("200", "Turn")),
    ("post", "/turns/{id}/cancel", "Withdraws a waiting turn, interrupts one in work", &[], "Nothing", ("200", "Sent")),
    ("post", "/turns/{id}/retry", "Puts a failed or cancelled turn into the queue again", &[], "Nothing", ("200", "Sent")),
    ("get", "/proposals", "What the orchestrator suggested, newest first", &["limit", "cursor"], "", ("200", "ProposalPage")),
    (
        "post",
        "/proposals/{id}/apply",
        "Does it, once: as it stands, or as `action` says now; with `answer` for an ask_owner",
        &[],
        "Apply",
        ("200", "Proposal"),
    ),
    ("post", "/proposals/{id}/dismiss", "It is not wanted", &[], "Nothing", ("200", "Proposal")),
    ("post", "/proposals/{id}/undo", "Takes back what was done", &[], "Nothing", ("200", "Proposal")),
    ("get", "/tasks", "Scheduled tasks, by name; all unless limit is said", &["limit", "cursor"], "", ("200", "TaskPage")),
    ("get", "/tasks/{name}/runs", "A task's runs, newest first", &["limit", "cursor"], "", ("200", "TaskRunPage")),
    ("post", "/tasks/{name}/run", "Runs it now", &[], "Nothing", ("202", "Any")),
    ("post", "/tasks/{name}/stop", "Ends what waits or runs of it", &[], "Nothing", ("202", "Any")),
    ("post", "/tasks/{name}/pause", "It no longer runs by itself", &[], "Nothing", ("200", "Task")),
    ("post", "/tasks/{name}/resume", "It runs by itself again", &[], "Nothing", ("200", "Task")),
    (
        "get",
        "/orchestrator_inbox",
        "Items of Luci's inbox, newest first",
        &["status", "limit", "cursor"],
        "",
        ("200", "InboxPage"),
    ),
    (
        "post",
        "/orchestrator_inbox",
        "Reports something to Luci: she reads it in her next digest",
        &[],
        "NewItem",
        ("201", "InboxItem"),
    ),
    ("get", "/liveness", "Every open ticket with its next move", &["limit", "cursor"], "", ("200", "Any")),
    ("get", "/check", "Breaches of the invariants", &[], "", ("200", "Any")),
    (
        "post",
        "/tick/{name}",
        "Makes an engine look at once: pickup, drain, scheduler, reaper or housekeeping",
        &[],
        "Nothing",
        ("200", "Any"),
    ),
    ("post", "/profiles/{name}/resume", "Ends the rest of a profile", &[], "Nothing", ("200", "Any")),
];

/// Operations that may also answer 202: what was said waits for the orchestrator.
const QUEUED: &[&str] = &["/session_start", "/chat"];

/// The whole document.
#[must_use]
pub fn description() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let at = paths.entry(operation.1).or_insert_with(|| json!({}));
        at[operation.0] = described(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Mission Control", "version": env!("CARGO_PKG_VERSION") },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer" },
                "session": { "type": "apiKey", "in": "cookie", "name": "mc_session" },
            },
            "schemas": schemas(),
        },
    })
}

fn described((method, path, summary, query, body, (status, answer)): &Operation) -> Value {
    let mut parameters: Vec<Value> = path
        .split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    parameters.extend(query.iter().map(|name| json!({ "name": name, "in": "query", "schema": { "type": "string" } })));
    if *method == "post" {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "maxLength": 200 },
            "description": "The same key and body give the same answer and change nothing a second time; client_id in the body is the same thing.",
        }));
    }
    let kind = match *answer {
        "Stream" => "text/event-stream",
        "Log" => "text/plain",
        _ => "application/json",
    };
    let mut operation = json!({
        "summary": summary,
        "parameters": parameters,
        "responses": {
            *status: { "description": "Done", "content": { kind: { "schema": reference(answer) } } },
            "default": { "description": "A problem", "content": { "application/problem+json": { "schema": reference("Problem") } } },
        },
    });
    if QUEUED.contains(path) {
        operation["responses"]["202"] =
            json!({ "description": "On its way", "content": { "application/json": { "schema": reference("Sent") } } });
    }
    if !body.is_empty() {
        let needed = !matches!(*body, "Nothing" | "Stop" | "Apply");
        operation["requestBody"] =
            json!({ "required": needed, "content": { "application/json": { "schema": reference(body) } } });
    }
    if *path == "/health" {
        operation["security"] = json!([]);
    }
    operation
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let perhaps = |kind: &str| json!({ "type": [kind, "null"] });
    let whole = || json!({ "type": "integer" });
    let time = || json!({ "type": "string", "format": "date-time" });
    let status =
        || json!({ "enum": ["inbox", "todo", "in_progress", "needs_input", "in_review", "blocked", "done", "cancelled"] });
    let priority = || json!({ "enum": ["critical", "high", "normal", "low"] });
    let class = || json!({ "enum": ["code", "ui", "mobile", "architecture", "task"] });
    let page = |of: &str| {
        object(
            &[("items", json!({ "type": "array", "items": reference(of) })), ("next_cursor", perhaps("string"))],
            &["items", "next_cursor"],
        )
    };
    let numbered = |of: &str| {
        object(
            &[("items", json!({ "type": "array", "items": reference(of) })), ("next_cursor", perhaps("integer"))],
            &["items", "next_cursor"],
        )
    };
    let ids = || json!({ "type": "array", "items": text() });
    let settable = || {
        vec![
            ("title", json!({ "type": "string", "minLength": 1, "maxLength": 500 })),
            ("description", text()),
            ("status", status()),
            ("project", text()),
            ("role", text()),
            ("priority", priority()),
            ("profile", perhaps("string")),
            ("parent", perhaps("string")),
            ("blocked_by", ids()),
            ("work_class", class()),
        ]
    };
    let client = || ("client_id", text());
    let with = |mut fields: Vec<(&'static str, Value)>, more: (&'static str, Value)| {
        fields.push(more);
        fields
    };
    json!({
        "Any": { "type": "object" },
        "Nothing": object(&[client()], &[]),
        "Stream": text(),
        "Log": text(),
        "Health": object(&[("status", text()), ("version", text()), ("schema", whole())], &["status", "version", "schema"]),
        "Problem": object(&[
            ("type", text()), ("title", text()), ("status", whole()), ("detail", text()), ("next", text()),
            ("errors", json!({ "type": "array", "items": object(&[("field", text()), ("message", text())], &["field", "message"]) })),
        ], &["type", "title", "status", "detail", "errors"]),
        "SessionStart": object(&[
            ("mode", json!({ "enum": ["quick_ticket", "implement_now", "plan"] })), ("message", text()), ("title", text()),
            ("status", json!({ "enum": ["inbox", "todo"] })), ("project", text()), ("role", text()), ("priority", priority()),
            ("profile", text()), ("work_class", class()), client(),
        ], &["mode", "message"]),
        "Started": object(&[("ticket", reference("Ticket")), ("turn", reference("Turn")), ("next", text()), ("notes", ids())], &[]),
        "NewTicket": object(&with(settable(), client()), &["title"]),
        "TicketPatch": object(&with(settable(), ("version", whole())), &[]),
        "NewComment": object(&[("body", text()), ("reply", json!({ "type": "boolean", "default": true })), client()], &["body"]),
        "Report": object(&[
            ("kind", json!({ "enum": ["done", "review", "question", "comment", "evidence"] })), ("body", text()), client(),
        ], &["kind", "body"]),
        "Stop": object(&[("status", json!({ "enum": ["todo", "in_review", "blocked", "done", "cancelled"] })), client()], &[]),
        "Ticket": object(&[
            ("id", whole()), ("identifier", text()), ("title", text()), ("description", text()), ("status", status()),
            ("status_since", time()), ("priority", priority()), ("role", text()), ("project", text()), ("profile", perhaps("string")),
            ("work_class", class()), ("parent", perhaps("string")), ("blocked_by", ids()),
            ("next_action", object(&[("kind", text()), ("text", text()), ("at", perhaps("string"))], &["kind", "text", "at"])),
            ("session_id", perhaps("string")), ("run", json!({ "oneOf": [reference("Run"), { "type": "null" }] })),
            ("needs_approval", json!({ "type": "boolean" })), ("created_by", text()), ("created_at", time()), ("updated_at", time()),
            ("version", whole()),
        ], &["id", "identifier", "title", "status", "next_action"]),
        "Run": object(&[
            ("id", whole()), ("ticket", text()), ("attempt", whole()), ("reason", text()), ("state", text()),
            ("stopping", json!({ "type": "boolean" })), ("profile", text()), ("host", text()), ("session_id", perhaps("string")),
            ("pid", perhaps("integer")), ("cwd", perhaps("string")), ("worktree", perhaps("string")), ("branch", perhaps("string")),
            ("base_commit", perhaps("string")), ("created_at", time()), ("started_at", perhaps("string")),
            ("last_output_at", perhaps("string")), ("ended_at", perhaps("string")), ("exit_code", perhaps("integer")),
            ("signal", perhaps("integer")), ("verdict", perhaps("string")), ("failure", perhaps("object")),
            ("tokens", json!({ "type": "object" })), ("cost_usd", json!({ "type": "number" })), ("note", perhaps("string")),
        ], &["id", "ticket", "attempt", "state"]),
        "Event": object(&[
            ("id", whole()), ("seq", whole()), ("ticket", text()), ("run", whole()), ("attempt", whole()),
            ("kind", json!({ "enum": ["tool_use", "tool_result", "text", "status", "system"] })), ("tool", perhaps("string")),
            ("context", perhaps("string")), ("input", perhaps("string")), ("content", text()),
            ("truncated", json!({ "type": "boolean" })), ("is_error", json!({ "type": "boolean" })), ("created_at", time()),
        ], &["id", "seq", "kind", "content"]),
        "Comment": object(&[
            ("id", whole()), ("ticket", text()), ("run", perhaps("integer")), ("author", text()),
            ("source", json!({ "enum": ["human", "agent", "system", "api", "telegram"] })),
            ("kind", json!({ "enum": ["comment", "result", "terminal_state", "decision"] })), ("body", text()), ("created_at", time()),
        ], &["id", "author", "body"]),
        "Evidence": object(&[
            ("id", whole()), ("ticket", text()), ("run", perhaps("integer")), ("kind", text()), ("label", text()), ("detail", text()),
            ("created_at", time()),
        ], &["id", "kind", "label"]),
        "Say": object(&[("message", text()), client()], &["message"]),
        "Chat": object(&[("message", text()), ("timeout_s", whole()), client()], &["message"]),
        "Switch": object(&[("profile", text()), client()], &["profile"]),
        "Apply": object(&[("action", json!({ "type": "object" })), ("answer", text()), client()], &[]),
        "Sent": object(&[("turn", reference("Turn")), ("next", text())], &["turn"]),
        "Turn": object(&[
            ("id", whole()), ("state", json!({ "enum": ["pending", "claimed", "sent", "answered", "failed", "cancelled"] })),
            ("origin", json!({ "enum": ["human", "digest", "ticket", "hand_over", "correction"] })), ("author", text()),
            ("position", perhaps("integer")), ("message", text()), ("response", perhaps("string")), ("text", perhaps("string")),
            ("error", perhaps("string")), ("activity", perhaps("string")), ("interrupting", json!({ "type": "boolean" })),
            ("attempts", whole()), ("session", perhaps("integer")),
            ("proposals", json!({ "type": "array", "items": reference("Proposal") })), ("created_at", time()),
            ("sent_at", perhaps("string")), ("accepted_at", perhaps("string")), ("answered_at", perhaps("string")),
        ], &["id", "state", "origin", "position", "message", "response", "error", "activity", "created_at", "sent_at", "answered_at"]),
        "Proposal": object(&[
            ("id", whole()), ("turn", whole()), ("position", whole()),
            ("kind", json!({ "enum": ["create_ticket", "comment", "move", "assign", "start", "answer_question", "notify", "ignore", "ask_owner"] })),
            ("state", json!({ "enum": ["open", "applied", "dismissed", "undone", "refused"] })), ("action", json!({ "type": "object" })),
            ("result", perhaps("object")), ("error", perhaps("string")), ("can_undo", json!({ "type": "boolean" })),
            ("decided_by", perhaps("string")), ("decided_at", perhaps("string")), ("created_at", time()),
        ], &["id", "turn", "kind", "state", "action"]),
        "LuciStatus": object(&[
            ("state", json!({ "enum": ["stopped", "starting", "idle", "working", "waiting", "down", "broken"] })),
            ("driver", perhaps("string")), ("profile", text()), ("session_id", perhaps("string")), ("context_tokens", whole()),
            ("soft_tokens", whole()), ("hard_tokens", whole()), ("queue", whole()), ("working_on", perhaps("integer")),
            ("note", perhaps("string")), ("started_at", perhaps("string")), ("last_activity_at", perhaps("string")),
            ("launches", whole()), ("wanted", json!({ "enum": ["on", "off", "by_need"] })), ("wanted_profile", perhaps("string")),
            ("keyboard", json!({ "type": "boolean" })),
        ], &["state", "profile", "queue", "wanted"]),
        "TurnPage": numbered("Turn"),
        "ProposalPage": numbered("Proposal"),
        "Task": object(&[
            ("name", text()), ("file", text()), ("kind", perhaps("string")), ("schedule", perhaps("string")), ("timezone", perhaps("string")),
            ("profile", perhaps("string")), ("priority", perhaps("string")), ("enabled", json!({ "type": "boolean" })),
            ("paused", json!({ "type": "boolean" })), ("next_due_at", perhaps("string")), ("streak", whole()),
            ("broken", perhaps("object")), ("last_run", json!({ "oneOf": [reference("TaskRun"), { "type": "null" }] })),
        ], &["name", "file", "paused"]),
        "TaskRun": object(&[
            ("id", whole()), ("task", text()), ("due_at", perhaps("string")),
            ("state", json!({ "enum": ["waiting", "running", "ok", "failed", "timed_out", "auth_failed", "skipped", "missed", "overlapped", "lost"] })),
            ("kind", json!({ "enum": ["subprocess", "agent", "api", "background"] })), ("attempt", whole()), ("author", text()),
            ("profile", perhaps("string")), ("not_before", perhaps("string")), ("created_at", time()), ("started_at", perhaps("string")),
            ("ended_at", perhaps("string")), ("exit_code", perhaps("integer")), ("signal", perhaps("integer")), ("note", perhaps("string")),
            ("output", text()), ("output_bytes", whole()),
        ], &["id", "task", "state"]),
        "TaskPage": numbered("Task"),
        "TaskRunPage": numbered("TaskRun"),
        "TicketPage": page("Ticket"),
        "RunPage": page("Run"),
        "NewItem": object(&[
            ("source_type", json!({ "enum": ["scheduler", "pickup", "api", "self_heal"] })), ("source_id", perhaps("string")),
            ("message", text()), ("priority", json!({ "enum": ["critical", "normal", "low"] })), client(),
        ], &["source_type", "message"]),
        "InboxItem": object(&[
            ("id", whole()), ("source_type", text()), ("source_id", perhaps("string")), ("message", text()),
            ("priority", json!({ "enum": ["critical", "normal", "low"] })),
            ("status", json!({ "enum": ["pending", "claimed", "processed", "ignored"] })), ("created_at", time()),
            ("processed_at", perhaps("string")), ("claim_expires_at", perhaps("string")),
        ], &["id", "source_type", "message", "priority", "status", "created_at"]),
        "InboxPage": page("InboxItem"),
        "EvidencePage": page("Evidence"),
        "CommentPage": numbered("Comment"),
        "EventPage": numbered("Event"),
    })
}

fn object(fields: &[(&str, Value)], required: &[&str]) -> Value {
    let properties: Map<String, Value> = fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

#[cfg(test)]
mod tests {
    use crate::web::api::openapi::description;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_and_the_route_table_name_the_same_routes() {
        let document = description();
        let mut told = BTreeSet::new();
        for (path, operations) in document["paths"].as_object().expect("paths") {
            for method in operations.as_object().expect("operations").keys() {
                told.insert((method.to_uppercase(), format!("/api/v1{path}")));
            }
        }
        let real: BTreeSet<_> = crate::web::api::ROUTES.iter().map(|r| (r.method.to_owned(), r.path.to_owned())).collect();
        assert_eq!(told, real);
    }

    #[test]
    fn what_may_be_queued_says_that_it_answers_202() {
        let document = description();
        for (path, usual) in [("/session_start", "201"), ("/chat", "200")] {
            let responses = &document["paths"][path]["post"]["responses"];
            assert!(responses[usual].is_object(), "{path}");
            let schema = &responses["202"]["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Sent", "{path}");
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = description();
        let text = document.to_string();
        for part in text.split("#/components/schemas/").skip(1) {
            let name = part.split('"').next().expect("a name");
            assert!(document["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
