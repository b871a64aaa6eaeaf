//! A login that was ended lets nobody in at the next request, however it was ended; known logins are kept in memory.

use crate::support::app::{TestApp, program};
use mission_control::base::clock::pause;
use mission_control::base::error::Result;
use mission_control::domain::actor::Scope;
use mission_control::store::Tx;
use mission_control::store::access::credentials;
use std::process::Command;
use std::time::Duration;

fn by_token(app: &TestApp, token: &str) -> u16 {
    app.bare("GET", "/api/v1/tickets").bearer(token).send().status
}

fn by_cookie(app: &TestApp, cookie: &str) -> u16 {
    app.bare("GET", "/api/v1/tickets").header("Cookie", cookie).send().status
}

fn form(app: &TestApp, path: &str, body: &str) -> u16 {
    let sent = app.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(body);
    sent.send().status
}

/// The number of the only session that is open.
fn session(app: &TestApp) -> i64 {
    let found = app.store.read(|c| credentials::sessions(c, app.store.clock().now())).expect("readable");
    assert_eq!(found.len(), 1);
    found[0].id
}

fn write(app: &TestApp, f: impl FnOnce(&Tx<'_>) -> Result<()> + Send + 'static) {
    app.store.write(f).expect("written");
}

#[test]
fn a_token_revoked_on_the_page_is_refused_at_the_next_request() {
    let app = TestApp::start();
    for round in 0..20 {
        let name = format!("script-{round}");
        let token = app.token(&name, Scope::Viewer);
        assert_eq!([by_token(&app, &token), by_token(&app, &token)], [200, 200]);
        assert!(form(&app, "/settings/tokens/revoke", &format!("name={name}")) < 400);
        assert_eq!(by_token(&app, &token), 401, "round {round}");
    }
}

#[test]
fn a_token_revoked_by_another_process_is_refused_at_the_next_request() {
    let app = TestApp::start();
    for round in 0..3 {
        let name = format!("script-{round}");
        let token = app.token(&name, Scope::Viewer);
        // Its first use is noted, which is a commit of its own; then it is known.
        app.wait_for("the use is noted", || {
            let used = |t: &credentials::Token| t.name == name && t.last_used_at.is_some();
            by_token(&app, &token) == 200 && app.store.read(|c| Ok(credentials::tokens(c)?.iter().any(used))).expect("readable")
        });
        assert_eq!([by_token(&app, &token), by_token(&app, &token)], [200, 200]);
        let done = Command::new(program())
            .args(["token", "revoke", &name, "--data"])
            .arg(&app.config.data)
            .output()
            .expect("the program starts");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(by_token(&app, &token), 401, "round {round}");
        assert_eq!(by_token(&app, &app.owner), 200, "others stay");
    }
}

#[test]
fn a_session_that_was_ended_or_whose_password_was_changed_is_refused_at_the_next_request() {
    let app = TestApp::start();
    let cookie = app.cookie();
    assert_eq!([by_cookie(&app, &cookie), by_cookie(&app, &cookie)], [200, 200]);
    let id = session(&app);
    assert!(form(&app, "/settings/sessions/revoke", &format!("id={id}")) < 400);
    assert_eq!(by_cookie(&app, &cookie), 401);

    let cookie = app.cookie();
    assert_eq!([by_cookie(&app, &cookie), by_cookie(&app, &cookie)], [200, 200]);
    write(&app, |tx| credentials::set_owner(tx, "Owner", "another hash", None));
    assert_eq!(by_cookie(&app, &cookie), 401);
}

#[test]
fn a_session_ends_by_time_although_nothing_is_committed() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let end = app.store.clock().now().plus_ms(1_500);
    write(&app, move |tx| Ok(tx.conn.execute("update login_sessions set expires_at = ?1", [end.0]).map(|_| ())?));
    assert_eq!([by_cookie(&app, &cookie), by_cookie(&app, &cookie)], [200, 200]);
    let known = app.store.version();
    while app.store.clock().now() <= end {
        pause(Duration::from_millis(20));
    }
    assert_eq!(by_cookie(&app, &cookie), 401);
    assert_eq!(app.store.version(), known, "no commit ended it");
}

#[test]
fn a_cookies_secret_is_no_token_and_a_tokens_no_cookie() {
    let app = TestApp::start();
    let (cookie, token) = (app.cookie(), app.token("script", Scope::Owner));
    assert_eq!((by_cookie(&app, &cookie), by_token(&app, &token)), (200, 200));
    let secret = cookie.strip_prefix("mc_session=").expect("a session's cookie");
    assert_eq!((by_token(&app, secret), by_cookie(&app, &format!("mc_session={token}"))), (401, 401));
}

#[test]
fn while_logins_are_ended_and_made_none_that_was_ended_gets_in() {
    let app = TestApp::start();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let app = &app;
            scope.spawn(move || {
                for round in 0..25 {
                    let name = format!("t-{thread}-{round}");
                    let token = app.token(&name, Scope::Viewer);
                    assert_eq!(by_token(app, &token), 200);
                    write(app, move |tx| credentials::revoke_token(tx, &name));
                    assert_eq!(by_token(app, &token), 401);
                }
            });
        }
    });
}
