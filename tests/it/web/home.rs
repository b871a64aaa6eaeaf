//! Home: what waits for a person, the most urgent and the longest first, and the way to all of it.

use crate::support::app::TestApp;
use mission_control::domain::actor::Actor;
use mission_control::domain::ticket::{Priority, Status, Title};
use mission_control::store::ticket::changes::{self, NewChange};
use mission_control::store::ticket::tickets::{self, NewTicket};

/// Tickets that wait since so many minutes after the first, as if their runs had left them so.
fn wait(app: &TestApp, waiting: &[(Status, Priority, i64)]) {
    let waiting = waiting.to_vec();
    app.store
        .write(move |tx| {
            for (status, priority, minute) in &waiting {
                let mut new = NewTicket::titled(Title::from_message("Choose a region").expect("a title"));
                new.priority = *priority;
                let id = tickets::create(tx, &new, &Actor::System)?.id;
                let moved = Some((Status::Inbox, *status));
                changes::record(tx, &NewChange { ticket: id, kind: "status", moved, run: None, actor: "a test", note: "" })?;
                let at = 1_700_000_000_000 + minute * 60_000;
                tx.conn.execute(
                    "update tickets set status = ?2, status_since = ?3, updated_at = ?3 where id = ?1",
                    (id.0, status.as_str(), at),
                )?;
            }
            Ok(())
        })
        .expect("written");
}

/// The tickets that a list of Home names, in its order.
fn named(page: &str) -> Vec<String> {
    let list = page.split("id=\"needs\"").nth(1).and_then(|rest| rest.split("</section>").next()).expect("the list");
    let mut found: Vec<String> = Vec::new();
    for part in list.split("\"/tickets/").skip(1) {
        let id = part.split(['"', '/', '?']).next().expect("an address").to_owned();
        if !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

#[test]
fn home_shows_what_is_most_urgent_and_waits_longest_whatever_else_waits() {
    let app = TestApp::start();
    // The first question waits longest and was changed least lately; what is blocked and critical came before all.
    let mut waiting: Vec<_> = (0..31).map(|n| (Status::NeedsInput, Priority::Normal, 10 + n)).collect();
    waiting.push((Status::Blocked, Priority::Critical, 5));
    waiting.push((Status::InReview, Priority::High, 60));
    waiting.push((Status::InReview, Priority::Low, 1));
    wait(&app, &waiting);
    let cookie = app.cookie();
    let page = app.bare("GET", "/").header("Cookie", &cookie).send().text();
    let mut stream = app.bare("GET", "/stream?since=0").header("Cookie", &cookie).open();
    let seen = stream.messages(|all| all.iter().any(|m| m.data.contains("id=\"needs\"")));
    let live = seen.iter().find(|m| m.data.contains("id=\"needs\"")).expect("the list").data.clone();
    let first: Vec<String> =
        ["MC-32", "MC-33"].map(str::to_owned).into_iter().chain((1..29).map(|n| format!("MC-{n}"))).collect();
    for (what, text) in [("page", &page), ("stream", &live)] {
        assert_eq!(named(text), first, "{what}");
        let list = text.split("id=\"needs\"").nth(1).expect("the list");
        assert!(list.contains("class=\"count\">34<"), "{what}: {list}");
        for (status, words) in [("needs_input", "3 more wait"), ("in_review", "1 more waits")] {
            let link = list.split(&format!("href=\"/board?status={status}\"")).nth(1).expect("a way to all of them");
            assert!(link.contains(words), "{what}: {link}");
        }
        assert!(!list.contains("href=\"/board?status=blocked\""), "{what}: all of them are shown");
    }
}
