//! Search: a number's own ticket first, and what a filter asks for wherever it stands.

use crate::support::app::TestApp;
use serde_json::Value;

/// Makes tickets with these numbers.
fn seed(app: &TestApp, rows: Vec<(i64, String, &'static str)>) {
    app.store
        .write(move |tx| {
            let mut stmt = tx.conn.prepare(
                "insert into tickets (id, title, status, status_since, priority, rank, role, work_class, created_by, created_at, updated_at)
                 values (?1, ?2, ?3, ?4, 'normal', 2, 'rolex', 'code', 'a test', ?4, ?4)",
            )?;
            for (id, title, status) in &rows {
                stmt.execute((id, title, status, 1_700_000_000_000 + id))?;
            }
            Ok(())
        })
        .expect("written");
}

fn found(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("items").iter().map(|t| t["identifier"].as_str().expect("a name")).collect()
}

#[test]
fn a_number_finds_its_ticket_first_and_all_that_speak_of_it() {
    let app = TestApp::start();
    let row = |id: i64, title: &str| (id, title.to_owned(), "todo");
    seed(
        &app,
        vec![row(7, "Why 404 comes back"), row(404, "Rename the shop"), row(500, "404 on the start page"), row(501, "None")],
    );
    for q in ["404", "MC-404"] {
        let list = app.get(&format!("/api/v1/tickets?q={q}")).json();
        let wanted: &[&str] = if q == "404" { &["MC-404", "MC-500", "MC-7"] } else { &["MC-404"] };
        assert_eq!(found(&list), wanted, "{q}");
    }
    // One at a time: nothing is left out and nothing comes twice.
    let (mut path, mut all) = ("/api/v1/tickets?q=404&limit=1".to_owned(), Vec::new());
    while all.len() < 5 {
        let list = app.get(&path).json();
        all.extend(found(&list).iter().map(|id| (*id).to_owned()));
        let Some(next) = list["next_cursor"].as_str() else { break };
        path = format!("/api/v1/tickets?q=404&limit=1&cursor={next}");
    }
    assert_eq!(all, ["MC-404", "MC-500", "MC-7"]);
    let board = app.bare("GET", "/board?q=404").header("Cookie", &app.cookie()).send().text();
    for id in [404, 500, 7] {
        assert_eq!(board.matches(&format!("id=\"card-{id}\"")).count(), 1, "{id}");
    }
    assert!(board.contains("id=\"count-todo\">3<"), "{board}");
}

#[test]
fn a_filter_is_kept_however_many_newer_tickets_have_the_words() {
    let app = TestApp::start();
    let mut rows: Vec<_> = (1..=2_600).map(|id| (id, format!("Ship part {id}"), "done")).collect();
    // Few stand in one column, many in another; both are older than a thousand others.
    rows[4].2 = "blocked";
    for row in &mut rows[10..510] {
        row.2 = "todo";
    }
    seed(&app, rows);
    assert_eq!(found(&app.get("/api/v1/tickets?q=ship&status=blocked").json()), ["MC-5"]);
    assert_eq!(found(&app.get("/api/v1/tickets?q=ship&status=todo&limit=2").json()), ["MC-510", "MC-509"]);
    let cookie = app.cookie();
    let board = app.bare("GET", "/board?q=ship").header("Cookie", &cookie).send().text();
    assert!(board.contains("id=\"card-5\"") && board.contains("id=\"count-blocked\">1<"), "what came live stays after a reload");
    // The last page of all that match is far behind the newest thousand.
    let old = app.get("/api/v1/tickets?q=ship&status=done&limit=2&cursor=1700000000005.5").json();
    assert_eq!(found(&old), ["MC-4", "MC-3"]);
}
