//! What the pages answer to a form that they cannot take: what was typed comes back with it.

use crate::support::app::TestApp;
use crate::support::http_client::Answer;

fn send(app: &TestApp, path: &str, form: &str) -> Answer {
    app.request("POST", path).header("Content-Type", "application/x-www-form-urlencoded").body(form).send()
}

#[test]
fn a_token_that_is_refused_leaves_its_form_as_it_was_filled() {
    let app = TestApp::start();
    for (form, status, name, scope) in
        [("name=nightly+script&scope=viewer", 422, "nightly script", "viewer"), ("name=owner&scope=owner", 409, "owner", "owner")]
    {
        let page = send(&app, "/settings/tokens", form);
        assert_eq!(page.status, status);
        for part in [format!("name=\"name\" value=\"{name}\""), format!("value=\"{scope}\" selected")] {
            assert!(page.text().contains(&part), "{part} in {}", page.text());
        }
    }
    let made = send(&app, "/settings/tokens", "name=nightly-script&scope=viewer");
    assert!(made.status == 201 && made.text().contains("mct_") && made.text().contains("name=\"name\" value=\"\""));
}

#[test]
fn a_profile_that_could_not_be_kept_is_not_in_force() {
    let app = TestApp::with_config("[pickup]\nmax_workers = 0\n[profiles.other]\nruntime = \"demo\"\n");
    let (before, other) = (app.config.default_profile(), "other");
    app.store.write(|tx| Ok(tx.conn.execute_batch("alter table settings rename to hidden")?)).expect("hidden");
    let form = format!("profile={other}");
    assert_eq!(send(&app, "/settings/profile", &form).status, 500);
    assert_eq!(app.config.default_profile(), before, "the write failed");
    app.store.write(|tx| Ok(tx.conn.execute_batch("alter table hidden rename to settings")?)).expect("shown");
    assert_eq!(send(&app, "/settings/profile", &form).status, 303);
    assert_eq!(app.config.default_profile(), other);
}

#[test]
fn a_word_that_names_nothing_here_stays_in_the_text_and_the_answer_says_so() {
    let app = TestApp::start();
    let form = "mode=quick_ticket&message=Tidy+the+%23todos+list+%40tessa&project=general&priority=normal";
    let made = app
        .request("POST", "/composer")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .header("HX-Request", "true")
        .header("HX-Request-Type", "partial")
        .body(form)
        .send();
    assert_eq!(made.status, 200, "{}", made.text());
    assert!(made.text().contains("#todos is no project here: it stays text"), "{}", made.text());
    let ticket = app.get("/api/v1/tickets/1").json();
    assert_eq!(ticket["title"], "Tidy the #todos list");
    assert_eq!((ticket["project"].as_str(), ticket["role"].as_str()), (Some("general"), Some("tessa")));
    assert_eq!(send(&app, "/composer", "message=x&project=nowhere").status, 422, "what is chosen must be there");
}
