"""The steps: what is made, in which order, and what is asked on the way. Each `record` is one file of the recording."""

import urllib.parse

TICKETS = "/api/v1/tickets"
LUCI = "/api/v1/persistent_luci"

REPORT = """\
---
schedule: "0 6 1 1 *"
timezone: UTC
command: ["echo", "all is well"]
---
Says that all is well.
"""
FAILING = """\
---
command: ["sh", "-c", "echo no room left; exit 3"]
---
Fails.
"""


def play(server, recorder):
    first_look(server, recorder)
    tickets(server, recorder)
    conversation(server, recorder)
    tasks(server, recorder)
    inbox(server, recorder)
    settings(server, recorder)
    at_rest(server)
    lists(server, recorder)
    pages(server, recorder)
    fragments(server, recorder)
    streams(server, recorder)
    forms(server, recorder)
    errors(server, recorder)
    in_work(server, recorder)
    digest(server, recorder)


def status_of(server, ticket):
    return server.get(f"{TICKETS}/{ticket}")["status"]


def becomes(server, ticket, status):
    server.wait(f"{ticket} becomes {status}", lambda: status_of(server, ticket) == status)


def turn_over(server, turn):
    over = lambda: server.get(f"/api/v1/turns/{turn}")["state"] in ("answered", "failed", "cancelled")
    server.wait(f"turn {turn} is over", over)


def first_look(server, recorder):
    recorder.record("health", "GET", "/api/v1/health", login=None)
    recorder.record("openapi", "GET", "/api/v1/openapi.json")
    recorder.record("page-login", "GET", "/login", login=None)
    recorder.record("page-login-used-link", "GET", "/login?token=used", login=None)
    recorder.record("page-home-without-login", "GET", "/", login=None)
    for asset in ("app.css", "app.js", "mark.svg"):
        recorder.record(f"asset-{asset}", "GET", f"/assets/0/{asset}", login=None)


def tickets(server, recorder):
    plain = {
        "title": "Fix the upload", "description": "It **breaks** at 2 GB.", "priority": "high", "role": "lucienne",
        "status": "todo", "work_class": "ui", "profile": "demo", "project": "general", "blocked_by": ["MC-10"],
    }
    made = recorder.record("ticket-create", "POST", TICKETS, body=plain).json()
    recorder.record("ticket-create-child", "POST", TICKETS, body={"title": "Then this", "parent": made["identifier"]})
    patch = {"title": "Mend the upload", "version": made["version"], "profile": None}
    recorder.record("ticket-patch", "PATCH", f"{TICKETS}/{made['identifier']}", body=patch)
    recorder.record("ticket-patch-stale", "PATCH", f"{TICKETS}/{made['identifier']}", body=patch)
    again = {"title": "Once", "client_id": "once"}
    recorder.record("ticket-create-under-key", "POST", TICKETS, body=again)
    recorder.record("ticket-create-again", "POST", TICKETS, body=again)
    recorder.record("ticket-create-other-body", "POST", TICKETS, body={"title": "Twice", "client_id": "once"})
    for name, words, status in (
        ("done", "Write a note about the shop", "done"),
        ("question", "Regions [demo: ask Which region? | eu-central-1 | us-east-1]", "needs_input"),
        ("review", "For review [demo: review]", "in_review"),
        ("failed", "Failing [demo: fail]", "blocked"),
    ):
        body = {"mode": "implement_now", "message": words, "role": "tessa"}
        started = server.post("/api/v1/session_start", body)
        becomes(server, started["ticket"]["identifier"], status)
        recorder.record(f"ticket-{name}", "GET", f"{TICKETS}/{started['ticket']['identifier']}")
        for part in ("comments", "evidence", "events", "runs"):
            recorder.record(f"ticket-{name}-{part}", "GET", f"{TICKETS}/{started['ticket']['identifier']}/{part}")
    recorder.record("ticket-reply", "POST", f"{TICKETS}/MC-17/comments", body={"body": "eu-central-1"})
    becomes(server, "MC-17", "done")
    recorder.record("ticket-replied", "GET", f"{TICKETS}/MC-17")
    recorder.record("ticket-replied-comments", "GET", f"{TICKETS}/MC-17/comments")
    recorder.record("ticket-note", "POST", f"{TICKETS}/MC-18/comments", body={"body": "Only a *note*", "reply": False})
    recorder.record("ticket-move", "PATCH", f"{TICKETS}/MC-14", body={"status": "cancelled"})
    run = server.get(f"{TICKETS}/MC-16")["run"]["id"]
    recorder.record("run", "GET", f"/api/v1/runs/{run}")
    recorder.record("run-log-range", "GET", f"/api/v1/runs/{run}/log", headers={"Range": "bytes=0-9"})
    # Its length differs with the ids in it.
    answer = server.request("GET", f"/api/v1/runs/{run}/log")
    assert answer.status == 200 and answer.body.startswith(b"{"), answer.body[:200]


def conversation(server, recorder):
    recorder.record("luci-start", "POST", f"{LUCI}/start", body={})
    chat = {"message": "My cat is called Minka.", "timeout_s": 30}
    recorder.record("chat", "POST", "/api/v1/chat", body=chat)
    plan = {"message": "Make tickets of this, in this order:\n- Draw it\n- Build it\n- Test it", "timeout_s": 30}
    turn = recorder.record("chat-with-proposals", "POST", "/api/v1/chat", body=plan).json()["turn"]
    one, two, three = (f"/api/v1/proposals/{p['id']}" for p in turn["proposals"])
    recorder.record("proposal-apply", "POST", f"{one}/apply", body={})
    recorder.record("proposal-undo", "POST", f"{one}/undo", body={})
    recorder.record("proposal-dismiss", "POST", f"{two}/dismiss", body={})
    recorder.record("proposal-dismissed-applied", "POST", f"{two}/apply", body={})
    edited = {"action": {"kind": "create_ticket", "title": "Test it well"}}
    recorder.record("proposal-apply-edited", "POST", f"{three}/apply", body=edited)
    asks = '[demo: propose [{"kind":"ask_owner","question":"Which?","options":["a","b"]},{"kind":"create_ticket","title":"Open"}]]'
    recorder.record("chat-asks-owner", "POST", "/api/v1/chat", body={"message": asks, "timeout_s": 30})
    failing = server.post(f"{LUCI}/send", {"message": "[demo: fail]"})["turn"]["id"]
    turn_over(server, failing)
    recorder.record("turn-failed", "GET", f"/api/v1/turns/{failing}")
    luci_is(server, "idle")
    recorder.record("luci-stop", "POST", f"{LUCI}/stop", body={})
    luci_is(server, "down")
    recorder.record("luci-send-while-stopped", "POST", f"{LUCI}/send", body={"message": "Hello?"})
    waiting = server.get("/api/v1/turns?limit=1")["items"][0]["id"]
    recorder.record("turn-cancel", "POST", f"/api/v1/turns/{waiting}/cancel", body={})
    recorder.record("turn-retry", "POST", f"/api/v1/turns/{waiting}/retry", body={})
    recorder.record("session-start-plan", "POST", "/api/v1/session_start", body={"mode": "plan", "message": "Think of it"})
    recorder.record("luci-switch", "POST", f"{LUCI}/switch", body={"profile": "demo"})


def luci_is(server, state):
    server.wait(f"Luci is {state}", lambda: server.get(f"{LUCI}/status")["state"] == state)


def tasks(server, recorder):
    folder = server.data / "workspace" / "tasks"
    for name, text in (("report", REPORT), ("failing", FAILING), ("broken", "---\nschedule: \"99 * * * *\"\n---\nx\n")):
        (folder / f"{name}.md").write_text(text)
        server.wait(f"{name} is seen", lambda: seen(server, name))
    for name, state in (("report", "ok"), ("failing", "failed")):
        recorder.record(f"task-{name}-run", "POST", f"/api/v1/tasks/{name}/run", body={})
        runs = f"/api/v1/tasks/{name}/runs"
        server.wait(f"{name} ends", lambda: [r["state"] for r in server.get(runs)["items"]] == [state])
        recorder.record(f"task-{name}-runs", "GET", runs)
    recorder.record("task-pause", "POST", "/api/v1/tasks/failing/pause", body={})
    recorder.record("task-resume", "POST", "/api/v1/tasks/failing/resume", body={})
    recorder.record("task-stop-nothing", "POST", "/api/v1/tasks/report/stop", body={})
    server.post("/api/v1/tasks/failing/pause", {})


def seen(server, name):
    server.post("/api/v1/tick/scheduler", {})
    if name == "broken":
        return "broken.md" in server.request("GET", "/tasks").body.decode()
    return any(t["name"] == name for t in server.get("/api/v1/tasks")["items"])


def inbox(server, recorder):
    item = {"source_type": "api", "source_id": "backup", "message": "failed: disk full", "priority": "critical"}
    recorder.record("inbox-post", "POST", "/api/v1/orchestrator_inbox", body=item)
    server.post("/api/v1/orchestrator_inbox", {"source_type": "api", "message": "nothing new", "priority": "low"})
    recorder.record("tick-drain", "POST", "/api/v1/tick/drain", body={})


def settings(server, recorder):
    recorder.record("form-token", "POST", "/settings/tokens", form={"name": "phone", "scope": "viewer"})
    recorder.record("form-token-bad", "POST", "/settings/tokens", form={"name": "", "scope": "king"})
    recorder.record("form-password-short", "POST", "/settings/password", form={"old": "x", "new": "short"})
    recorder.record("profile-resume", "POST", "/api/v1/profiles/demo/resume", body={})


def at_rest(server):
    """Nothing runs any more, and what came last is at its place."""
    server.post("/api/v1/tick/pickup", {})
    idle = lambda: all(t["run"] is None or t["run"]["ended_at"] for t in server.get(f"{TICKETS}?limit=200")["items"])
    server.wait("all runs are over", idle)


def lists(server, recorder):
    for name, path in (
        ("tickets", TICKETS),
        ("tickets-of-a-status", f"{TICKETS}?status=todo"),
        ("tickets-searched", f"{TICKETS}?q=uplo"),
        ("tickets-filtered", f"{TICKETS}?priority=high&role=luci&project=ledger"),
        ("tickets-page", f"{TICKETS}?limit=2"),
        ("events-of-a-kind", f"{TICKETS}/MC-7/events?kind=tool_use&limit=2"),
        ("turns", "/api/v1/turns"),
        ("proposals", "/api/v1/proposals"),
        ("tasks", "/api/v1/tasks"),
        ("inbox", "/api/v1/orchestrator_inbox"),
        ("inbox-claimed", "/api/v1/orchestrator_inbox?status=claimed"),
        ("liveness", "/api/v1/liveness"),
        ("liveness-page", "/api/v1/liveness?limit=3"),
        ("check", "/api/v1/check"),
        ("luci-status", f"{LUCI}/status"),
        ("luci-harvest", f"{LUCI}/harvest?turn=1&wait=0"),
    ):
        recorder.record(f"list-{name}", "GET", path)


def pages(server, recorder):
    for name, path in (
        ("home", "/"),
        ("board", "/board"),
        ("board-filtered", "/board?project=ledger&priority=high"),
        ("board-searched", "/board?q=export"),
        ("ticket-question", "/tickets/MC-7"),
        ("ticket-waits", "/tickets/MC-8"),
        ("ticket-review", "/tickets/MC-18"),
        ("ticket-done", "/tickets/MC-16"),
        ("ticket-blocked", "/tickets/MC-19"),
        ("ticket-inbox", "/tickets/MC-10"),
        ("ticket-edit", "/tickets/MC-10/edit"),
        ("luci", "/luci"),
        ("proposal-edit", f"/luci/proposals/{open_proposal(server)}/edit"),
        ("console", "/console"),
        ("tasks", "/tasks"),
        ("task", "/tasks/report"),
        ("task-failing", "/tasks/failing"),
        ("task-edit", "/tasks/report/edit"),
        ("task-output", f"/tasks/failing/runs/{task_run(server)}/output"),
        ("inbox", "/inbox"),
        ("settings", "/settings"),
        ("unknown", "/nowhere"),
        ("unknown-ticket", "/tickets/MC-999"),
    ):
        recorder.record(f"page-{name}", "GET", path, login="cookie")


def open_proposal(server):
    return next(p["id"] for p in server.get("/api/v1/proposals")["items"] if p["state"] == "open")


def task_run(server):
    return server.get("/api/v1/tasks/failing/runs")["items"][0]["id"]


def fragments(server, recorder):
    turn = server.get("/api/v1/turns")["items"][-1]["id"]
    for name, path in (
        ("home", "/"),
        ("board", "/board"),
        ("board-column", "/board/column/todo"),
        ("ticket-events", "/tickets/MC-16/events?before=1000000"),
        ("ticket-edit", "/tickets/MC-10/edit"),
        ("luci-turn", f"/luci/turns/{turn}"),
        ("proposal-edit", f"/luci/proposals/{open_proposal(server)}/edit"),
        ("console-screen", "/console/screen"),
        ("console-sessions", "/console/sessions"),
        ("task-output", f"/tasks/failing/runs/{task_run(server)}/output"),
        ("unknown-ticket", "/tickets/MC-999/edit"),
    ):
        recorder.record(f"fragment-{name}", "GET", path, login="cookie", htmx=True)


def streams(server, recorder):
    for name, path in (
        ("api-ticket", f"{TICKETS}/MC-7/stream"),
        ("api-board", "/api/v1/stream?after=0"),
        ("home", "/stream"),
        ("board", "/board/stream"),
        ("ticket", "/tickets/MC-16/stream"),
        ("luci", "/luci/stream"),
        ("tasks", "/tasks/stream"),
        ("task", "/tasks/report/stream"),
        ("inbox", "/inbox/stream"),
    ):
        recorder.record(f"stream-{name}", "GET", path, login="token")


def forms(server, recorder):
    def form(name, path, fields, **how):
        recorder.record(f"form-{name}", "POST", path, form=fields, **how)
        if not how:
            recorder.record(f"form-{name}-live", "POST", path, form=keyed(fields), htmx=True)

    quick = {"message": "Sent by form #ledger !low", "mode": "quick_ticket", "client_id": "q1"}
    form("composer", "/composer", quick)
    form("composer-empty", "/composer", {"message": " ", "mode": "quick_ticket", "client_id": "q2"})
    form("composer-plan", "/composer", {"message": "Plan it", "mode": "plan", "client_id": "q3"})
    form("luci-send", "/luci/send", {"message": "Said by form", "client_id": "s1"})
    form("luci-send-empty", "/luci/send", {"message": "", "client_id": "s2"})
    form("reply-empty", "/tickets/MC-7/reply", {"body": "", "client_id": "r1"})
    form("reply-note", "/tickets/MC-16/reply", {"body": "Thank you", "client_id": "r2"})
    form("move", "/tickets/MC-11/move", {"to": "todo", "status": "cancelled", "client_id": "m1"})
    form("move-unknown", "/tickets/MC-999/move", {"status": "todo", "client_id": "m2"})
    form("stop-nothing", "/tickets/MC-10/stop", {"client_id": "x1"})
    form("edit-bad", "/tickets/MC-10/edit", {"title": "", "version": "1", "client_id": "e1"})
    form("task-pause", "/tasks/report/pause", {"client_id": "p1"})
    form("task-resume", "/tasks/report/resume", {"client_id": "p2"})
    form("task-edit-bad", "/tasks/report/edit", {"text": "---\nevery: never\n---\nx", "client_id": "t1"})
    form("dismiss-all", f"/luci/turns/{turn_with_open(server)}/dismiss", {"client_id": "d1"})
    form("login-wrong", "/login", {"password": "not the password"}, login=None)
    recorder.record("form-foreign", "POST", "/composer", form=quick, headers={"Sec-Fetch-Site": "cross-site"}, login="cookie")


def keyed(fields):
    return {**fields, "client_id": fields.get("client_id", "") + "-live"}


def turn_with_open(server):
    return next(p["turn"] for p in server.get("/api/v1/proposals")["items"] if p["state"] == "open")


def errors(server, recorder):
    for name, method, path, body in (
        ("ticket-unknown", "GET", f"{TICKETS}/MC-999", None),
        ("ticket-bad-id", "GET", f"{TICKETS}/x", None),
        ("run-unknown", "GET", "/api/v1/runs/999", None),
        ("run-bad-id", "GET", "/api/v1/runs/x", None),
        ("turn-unknown", "GET", "/api/v1/turns/999", None),
        ("task-unknown", "POST", "/api/v1/tasks/none/run", {}),
        ("proposal-unknown", "POST", "/api/v1/proposals/999/apply", {}),
        ("tick-unknown", "POST", "/api/v1/tick/tock", {}),
        ("profile-unknown", "POST", "/api/v1/profiles/none/resume", {}),
        ("query-unknown", "GET", f"{TICKETS}?colour=red&limit=x", None),
        ("cursor-bad", "GET", f"{TICKETS}?cursor=x", None),
        ("ticket-fields", "POST", TICKETS, {"title": "", "role": "nobody", "priority": "soon", "colour": 1, "parent": "MC-999"}),
        ("ticket-transition", "PATCH", f"{TICKETS}/MC-16", {"status": "blocked"}),
        ("comment-empty", "POST", f"{TICKETS}/MC-16/comments", {"body": ""}),
        ("report-not-a-run", "POST", f"{TICKETS}/MC-16/report", {"kind": "done", "body": "x"}),
        ("stop-nothing", "POST", f"{TICKETS}/MC-10/stop", {}),
        ("chat-fields", "POST", "/api/v1/chat", {"message": "x", "timeout_s": -1}),
        ("inbox-fields", "POST", "/api/v1/orchestrator_inbox", {"source_type": "x"}),
        ("session-start-mode", "POST", "/api/v1/session_start", {"mode": "x", "message": "y"}),
        ("unknown-address", "GET", "/api/v1/nothing", None),
        ("method", "DELETE", f"{TICKETS}/MC-1", None),
    ):
        recorder.record(f"error-{name}", method, path, body=body)
    text = {"Content-Type": "text/plain"}
    recorder.record("error-body-kind", "POST", TICKETS, raw=b"title=x", headers=text)
    recorder.record("error-body-json", "POST", TICKETS, raw=b"{", headers={"Content-Type": "application/json"})
    recorder.record("error-body-twice", "POST", TICKETS, raw=b'{"title":"a","title":"b"}', headers={"Content-Type": "application/json"})
    recorder.record("error-no-login", "GET", TICKETS, login=None)
    recorder.record("error-wrong-token", "GET", TICKETS, login="mct_wrong")
    recorder.record("error-stream-no-login", "GET", "/api/v1/stream", login=None)
    viewer = {"name": "looks", "scope": "viewer"}
    page = urllib.parse.unquote(server.request("POST", "/settings/tokens", form=viewer).body.decode())
    token = page.split("mct_")[1].split("<")[0].split('"')[0]
    recorder.record("error-viewer-changes", "POST", TICKETS, body={"title": "x"}, login=f"mct_{token}")
    recorder.record("error-viewer-ticks", "POST", "/api/v1/tick/pickup", body={}, login=f"mct_{token}")


def in_work(server, recorder):
    """A run that goes on while it is looked at, and is stopped."""
    body = {"mode": "implement_now", "message": "Hang there [demo: hang]"}
    hanging = server.post("/api/v1/session_start", body)["ticket"]["identifier"]
    path = f"{TICKETS}/{hanging}"
    running = lambda run: run["state"] == "running" and run["last_output_at"] and server.get(f"{path}/events")["items"]
    server.wait("it runs", lambda: running(server.get(path)["run"]))
    recorder.record("running-ticket", "GET", path)
    recorder.record("running-page", "GET", f"/tickets/{hanging}", login="cookie")
    recorder.record("running-stop", "POST", f"{path}/stop", body={})
    becomes(server, hanging, "blocked")
    recorder.record("running-stopped", "GET", path)
    recorder.record("running-stopped-comments", "GET", f"{path}/comments")


def digest(server, recorder):
    """With another configuration what was reported comes to Luci, who decides it."""
    server.restart(digests="true")
    turns = server.get("/api/v1/turns?limit=200")["items"]
    for turn in turns:
        if turn["state"] == "pending":
            server.post(f"/api/v1/turns/{turn['id']}/cancel", {})
    server.post(f"{LUCI}/start", {})
    inbox = "/api/v1/orchestrator_inbox"
    server.wait("all is decided", lambda: all(i["status"] in ("processed", "ignored") for i in server.get(inbox)["items"]))
    recorder.record("digest-inbox", "GET", inbox)
    recorder.record("digest-inbox-page", "GET", "/inbox", login="cookie")
    recorder.record("digest-turn", "GET", "/api/v1/turns?limit=1")
    recorder.record("digest-luci-page", "GET", "/luci", login="cookie")
