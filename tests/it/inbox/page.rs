//! The page of the inbox.

use crate::inbox::rig::ignore;
use crate::support::app::TestApp;
use mission_control::base::error::Error;
use mission_control::domain::ids::ItemId;
use mission_control::domain::orchestrator::session::DriverKind;
use mission_control::engine::inbox::drain;
use mission_control::engine::inbox::drain::Pace;
use mission_control::store::orchestrator::{sessions, turns};
use serde_json::json;

#[test]
fn the_page_shows_what_waits_what_luci_has_and_what_she_decided_and_goes_along() {
    let app = TestApp::start();
    let cookie = app.cookie();
    let page = |path: &str| app.bare("GET", path).header("Cookie", &cookie).send();
    assert_eq!(app.bare("GET", "/inbox").send().status, 303, "a login comes first");
    assert!(page("/inbox").text().contains("Nothing waits."));
    let mut stream = app.bare("GET", "/inbox/stream").header("Cookie", &cookie).open();
    assert_eq!(stream.status, 200);
    let nasty = "<script>alert(1)</script> \u{1b}[31mfull\nsecond line";
    for message in [nasty, "ok: nothing"] {
        assert_eq!(
            app.post("/api/v1/orchestrator_inbox", &json!({ "source_type": "api", "source_id": "MC-1", "message": message }))
                .status,
            201
        );
    }
    let seen = stream.messages(|all| all.iter().any(|m| m.data.contains("ok: nothing")));
    assert!(seen.iter().any(|m| m.data.contains("#inbox-waiting") && m.data.contains("#reports-rail")), "{seen:?}");
    let text = page("/inbox").text();
    assert!(!text.contains("<script>alert") && text.contains("&lt;script&gt;alert(1)"), "{text}");
    assert!(!text.contains('\u{1b}') && text.contains("second line") && text.contains("href=\"/tickets/MC-1\""));

    assert_eq!(drain::tick(&app.engine, Pace::Now).expect("drained").sent, 2);
    let text = page("/inbox").text();
    assert!(text.contains("With Luci now") && text.contains("digest 1") && text.contains("given back at"), "{text}");
    let (session, root) = ("s".to_owned(), app.config.data.join("sessions"));
    app.store
        .write(move |tx| {
            let new = sessions::NewSession {
                driver: DriverKind::Headless,
                profile: "demo".into(),
                agent_session: session,
                begun: String::new(),
                root,
                brief: String::new(),
                hand_over: None,
            };
            let session = sessions::open(tx, &new)?;
            let turn = turns::claim(tx, session.id, "n")?.ok_or_else(|| Error::Internal("nothing queued".into()))?;
            turns::sending(tx, &turn)?;
            turns::answer(tx, &turn, &ignore(&[ItemId(2), ItemId(77)]))
        })
        .expect("answered");
    assert_eq!(drain::tick(&app.engine, Pace::Now).expect("drained").decided, 2);
    let text = page("/inbox").text();
    for words in ["2 reports", "routine, nothing to do", "→ read", "#77", "Nothing waits."] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let older = page("/inbox?before=2").text();
    assert!(older.contains("digest 1") && !older.contains("inbox-waiting"));
    assert!(page("/luci").text().contains("Digest 1"), "and it stands in the conversation");
}
