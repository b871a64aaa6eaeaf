//! Who gets in, from where, under which name; and what every answer carries. By enumeration of the route table, so that
//! a new route without these fails.

use crate::support::app::TestApp;
use crate::support::http_client::{Answer, Request};
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::TicketId;
use mission_control::web::http::auth::{Access, Route};
use mission_control::web::http::server;

fn concrete(route: &Route) -> String {
    route.path.replace("{identifier}", "MC-1").replace("{id}", "1").replace("{name}", "pickup")
}

fn private() -> Vec<Route> {
    server::routes().into_iter().filter(|r| r.access != Access::Public).collect()
}

fn send<'a>(app: &'a TestApp, route: &Route) -> Request<'a> {
    let request = app.bare(route.method, &concrete(route));
    if route.method == "GET" { request } else { request.header("Content-Type", "application/json").body("{}") }
}

#[test]
fn only_the_listed_routes_are_open_without_a_login() {
    let public: Vec<_> =
        server::routes().into_iter().filter(|r| r.access == Access::Public).map(|r| (r.method, r.path)).collect();
    for route in &public {
        assert!(
            [("GET", "/api/v1/health"), ("GET", "/login"), ("POST", "/login")].contains(route) || route.1.starts_with("/assets/"),
            "{route:?} became public: is that meant?"
        );
    }
}

#[test]
fn every_private_route_asks_for_a_login() {
    let app = TestApp::start();
    for route in private() {
        let answer = send(&app, &route).send();
        let path = concrete(&route);
        if path.starts_with("/api/") || route.is_stream() {
            assert_eq!(answer.status, 401, "{} {path}", route.method);
        } else {
            assert_eq!(answer.status, 303, "{} {path}", route.method);
            assert!(answer.header("location").is_some_and(|l| l.starts_with("/login")), "{path}");
            let htmx = send(&app, &route).header("HX-Request", "true").send();
            // Who looks is led to the login; who sends something keeps the page with what was written, and is told.
            let looks = route.method == "GET";
            assert_eq!((htmx.status, htmx.header("hx-redirect")), (401, looks.then_some("/login")), "{path}");
            assert!(looks || htmx.text().contains("Your login has ended"), "{path}: {}", htmx.text());
        }
        for bad in ["Bearer nonsense", "Bearer ", "Basic b3duZXI6", "Bearer", ""] {
            let answer = send(&app, &route).header("Authorization", bad).header("Cookie", &app.cookie()).send();
            assert!(matches!(answer.status, 401 | 303 | 403), "{} {path} let {bad:?} in: {}", route.method, answer.status);
        }
        let in_address = app.bare(route.method, &format!("{path}?token={0}&access_token={0}", app.owner)).send();
        assert!(matches!(in_address.status, 401 | 303), "a token in the address of {path}");
    }
}

#[test]
fn no_route_can_be_changed_from_a_strangers_page() {
    let app = TestApp::start();
    for route in server::routes().into_iter().filter(|r| r.method != "GET") {
        let before = app.fingerprint();
        let answer = send(&app, &route).bearer(&app.owner).header("Sec-Fetch-Site", "cross-site").send();
        assert_eq!(answer.status, 403, "{} {}", route.method, route.path);
        assert_eq!(before, app.fingerprint(), "{} {}", route.method, route.path);
    }
}

#[test]
fn a_change_is_believed_by_where_it_comes_from() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let (own, before) = (format!("http://{}", app.addr), app.fingerprint());
    let mut n = 0;
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for site in [Some("cross-site"), Some("same-site"), Some("same-origin"), Some("none"), Some("nonsense"), None] {
            for origin in [Some("http://evil.com"), Some("null"), Some("https://127.0.0.1"), Some(own.as_str()), None] {
                for by_cookie in [true, false] {
                    let mut request =
                        app.bare(method, "/api/v1/tickets/MC-999/comments").json(&serde_json::json!({ "body": "x" }));
                    request = if by_cookie { request.header("Cookie", &cookie) } else { request.bearer(&app.owner) };
                    if let Some(site) = site {
                        request = request.header("Sec-Fetch-Site", site);
                    }
                    if let Some(origin) = origin {
                        request = request.header("Origin", origin);
                    }
                    let passes = match (site, origin) {
                        (Some(site), _) => matches!(site, "same-origin" | "none"),
                        (None, Some(origin)) => origin == own,
                        (None, None) => !by_cookie,
                    };
                    let status = request.send().status;
                    let expected = match (passes, method) {
                        (false, _) => 403,
                        (true, "POST") => 404,
                        (true, _) => 405,
                    };
                    assert_eq!(status, expected, "{method} site {site:?} origin {origin:?} cookie {by_cookie}");
                    n += 1;
                }
            }
        }
    }
    assert_eq!(n, 240);
    // The cookie's session has been noted as used at most; nothing else moved.
    assert_eq!(before, app.fingerprint());
}

#[test]
fn only_our_own_host_names_are_answered() {
    let app = TestApp::start();
    let port = app.addr.port();
    for path in ["/", "/api/v1/health", "/api/v1/stream", "/static/app.css", "/nowhere"] {
        for host in ["evil.com", "127.0.0.1.evil.com", "127.0.0.1", "127.0.0.1:1", "[::2]", "localhost.evil.com:80", "a b", ""] {
            let answer = app.request("GET", path).header("Host", host).send();
            assert!(matches!(answer.status, 421 | 400), "{path} answered {host:?} with {}", answer.status);
        }
        assert_eq!(app.request("GET", path).without("Host").send().status, 400, "{path}");
    }
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), format!("[::1]:{port}"), format!("LOCALHOST:{port}")] {
        assert_eq!(app.request("GET", "/api/v1/tickets").header("Host", &host).send().status, 200, "{host}");
    }
}

#[test]
fn every_answer_carries_the_headers_that_protect_it() {
    let app = TestApp::start();
    let id = app.ticket("Check the headers");
    let answers: Vec<(&str, Answer)> = vec![
        ("fine", app.get("/api/v1/tickets")),
        ("compressed", app.request("GET", "/api/v1/tickets").header("Accept-Encoding", "gzip").send()),
        ("no such encoding", app.request("GET", "/api/v1/tickets").header("Accept-Encoding", "x;q=1, *;q=0").send()),
        ("not found", app.get("/api/v1/tickets/MC-999")),
        ("no route", app.get("/api/v1/nothing")),
        ("no page", app.get("/nothing")),
        ("no login", app.bare("GET", "/api/v1/tickets").send()),
        ("bad", app.post("/api/v1/tickets", &serde_json::json!({}))),
        ("wrong method", app.request("DELETE", &format!("/api/v1/tickets/{id}")).send()),
        ("wrong host", app.bare("GET", "/api/v1/health").header("Host", "evil.com").send()),
        ("cross-site", app.request("POST", "/api/v1/tickets").header("Sec-Fetch-Site", "cross-site").send()),
    ];
    let mut nonces = Vec::new();
    for (what, answer) in &answers {
        let policy = answer.header("content-security-policy").unwrap_or_else(|| panic!("{what}: no policy"));
        for part in
            ["default-src 'none'", "script-src 'self' 'nonce-", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(part), "{what}: {part} not in {policy}");
        }
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{what}");
        nonces.push(policy.split("'nonce-").nth(1).and_then(|p| p.split('\'').next()).expect("a nonce").to_owned());
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{what}");
        assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{what}");
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"), "{what}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{what}");
        assert!(answer.header("permissions-policy").is_some(), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    assert!(nonces.iter().all(|n| n.len() == 32));
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), answers.len(), "each answer has a nonce of its own");
    assert_eq!(answers[1].1.header("content-encoding"), Some("gzip"));
    assert!(answers[5].1.header("content-type").is_some_and(|t| t.starts_with("text/html")), "a page's problem is a page");
}

#[test]
fn a_token_opens_what_its_scope_says_and_nothing_more() {
    let app = TestApp::start();
    let mine = app.ticket("Mine");
    let other = app.ticket("Another's");
    let agent = app.token("agent", Scope::Ticket(TicketId(1)));
    let viewer = app.token("viewer", Scope::Viewer);
    let operator = app.token("operator", Scope::Operator);
    let status = |token: &str, method: &str, path: &str, body: serde_json::Value| {
        let request = app.bare(method, path).bearer(token);
        (if method == "GET" { request } else { request.json(&body) }).send().status
    };
    let none = || serde_json::json!({});
    let words = || serde_json::json!({ "body": "hello", "reply": false });
    for part in ["", "/comments", "/events", "/runs", "/evidence"] {
        assert_eq!(status(&agent, "GET", &format!("/api/v1/tickets/{mine}{part}"), none()), 200, "{part}");
        assert_eq!(status(&agent, "GET", &format!("/api/v1/tickets/{other}{part}"), none()), 403, "{part}");
        assert_eq!(status(&viewer, "GET", &format!("/api/v1/tickets/{other}{part}"), none()), 200, "{part}");
    }
    for path in ["/api/v1/tickets", "/api/v1/liveness", "/api/v1/check", "/api/v1/stream"] {
        assert_eq!(status(&agent, "GET", path, none()), 403, "{path}");
    }
    assert_eq!(status(&viewer, "GET", "/api/v1/check", none()), 403);
    assert_eq!(status(&operator, "GET", "/api/v1/check", none()), 403);
    assert_eq!(status(&operator, "POST", "/api/v1/tick/pickup", none()), 403);
    assert_eq!(status(&app.owner, "GET", "/api/v1/check", none()), 200);

    assert_eq!(status(&agent, "POST", &format!("/api/v1/tickets/{mine}/comments"), words()), 201);
    assert_eq!(status(&agent, "POST", &format!("/api/v1/tickets/{other}/comments"), words()), 403);
    assert_eq!(status(&viewer, "POST", &format!("/api/v1/tickets/{mine}/comments"), words()), 403);
    assert_eq!(status(&operator, "POST", &format!("/api/v1/tickets/{mine}/comments"), words()), 201);
    for token in [&agent, &viewer] {
        assert_eq!(status(token, "PATCH", &format!("/api/v1/tickets/{mine}"), serde_json::json!({ "title": "x" })), 403);
        assert_eq!(status(token, "POST", &format!("/api/v1/tickets/{mine}/stop"), none()), 403);
        let start = serde_json::json!({ "mode": "implement_now", "message": "x" });
        assert_eq!(status(token, "POST", "/api/v1/session_start", start), 403);
    }
    let report = serde_json::json!({ "kind": "done", "body": "finished" });
    assert_eq!(status(&agent, "POST", &format!("/api/v1/tickets/{mine}/report"), report.clone()), 403, "it belongs to no run");
    assert_eq!(status(&app.owner, "POST", &format!("/api/v1/tickets/{mine}/report"), report), 403);

    let child = |parent: serde_json::Value| serde_json::json!({ "title": "A part", "status": "todo", "parent": parent });
    assert_eq!(status(&agent, "POST", "/api/v1/tickets", child(other.clone().into())), 403);
    assert_eq!(status(&viewer, "POST", "/api/v1/tickets", child(mine.clone().into())), 403);
    let made = app.bare("POST", "/api/v1/tickets").bearer(&agent).json(&child(serde_json::Value::Null)).send();
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["parent"], mine);
    assert_eq!(made.json()["needs_approval"], true, "an unattended worker does not start on an agent's word");
}

#[test]
fn looking_changes_nothing() {
    let app = TestApp::start();
    app.ticket("Look at me");
    let cookie = app.cookie();
    let before = app.fingerprint();
    for route in server::routes().into_iter().filter(|r| r.method == "GET") {
        for method in ["GET", "HEAD"] {
            let stream =
                app.bare(method, &concrete(&route)).header("Cookie", &cookie).header("Sec-Fetch-Site", "cross-site").open();
            assert!(stream.status < 500, "{method} {}: {}", route.path, stream.status);
        }
    }
    assert_eq!(before, app.fingerprint());
}

#[test]
fn a_revoked_session_is_at_the_door_again() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let get = || app.bare("GET", "/api/v1/tickets").header("Cookie", &cookie).send().status;
    assert_eq!(get(), 200);
    let id = app
        .store
        .read(|c| Ok(mission_control::store::access::credentials::sessions(c, mission_control::domain::time::Time(0))?[0].id));
    let id = id.expect("an open session");
    app.store.write(move |tx| mission_control::store::access::credentials::revoke_session(tx, id)).expect("revoked");
    assert_eq!(get(), 401);
}
