//! Scheduled tasks through the whole server: pages, API, command line; and a server that is killed while it starts them.

use crate::support::app::TestApp;
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::wait::{Dice, until_ms};
use mission_control::base::clock::pause;
use mission_control::domain::actor::Scope;
use mission_control::engine::task;
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

fn with_tasks() -> TestApp {
    let app = TestApp::start();
    fs::create_dir_all(app.config.tasks()).expect("a folder");
    let write = |file: &str, text: &str| fs::write(app.config.tasks().join(file), text).expect("written");
    write(
        "report.md",
        "---\nschedule: \"0 6 * * 1-5\"\ntimezone: Africa/Johannesburg\ncommand: [\"echo\", \"<script>alert(1)</script>\"]\n---\n<img src=x onerror=alert(1)>\n",
    );
    write("feeds.md", "---\nschedule: \"0 25 * * *\"\ncommand: [\"true\"]\n---\n");
    task::tick(&app.engine).expect("a tick");
    app
}

fn over(app: &TestApp) {
    app.wait_for("the runs' ends", || {
        task::tick(&app.engine).expect("a tick");
        app.store.read(mission_control::store::task::task_runs::live).expect("readable").is_empty()
    });
}

#[test]
fn the_pages_show_tasks_their_runs_and_what_is_broken_and_nothing_in_them_becomes_markup() {
    let app = with_tasks();
    let list = app.get("/tasks").text();
    for part in ["weekdays at 06:00, Johannesburg", "has not run yet", "there is no hour 25", "Line 2", "tasks/feeds.md"] {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert_eq!(
        app.request("POST", "/tasks/report/run")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("client_id=a")
            .send()
            .status,
        303
    );
    // The same button pressed twice is one run.
    assert_eq!(
        app.request("POST", "/tasks/report/run")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("client_id=a")
            .send()
            .status,
        303
    );
    over(&app);
    let page = app.get("/tasks/report").text();
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && page.contains("&lt;img src=x"), "{page}");
    assert!(!page.contains("<script>alert") && !page.contains("<img src=x"));
    assert_eq!(page.matches("<li id=\"tr-").count(), 1);
    assert_eq!(app.get("/tasks/feeds").status, 200);
    assert_eq!(app.get("/tasks/none").status, 404);
    assert_eq!(app.get("/tasks/..%2f..%2fetc%2fpasswd/edit").status, 404);
}

#[test]
fn a_page_shows_the_end_of_a_long_output_and_leads_to_all_of_it() {
    let app = with_tasks();
    let text = "---\ncommand: [\"seq\", \"-f\", \"<b>line %g</b>\", \"1\", \"1000\"]\n---\n";
    fs::write(app.config.tasks().join("long.md"), text).expect("written");
    task::tick(&app.engine).expect("a tick");
    assert_eq!(app.post("/api/v1/tasks/long/run", &serde_json::json!({})).status, 202);
    over(&app);
    let page = app.get("/tasks/long").text();
    assert!(page.contains("line 1000") && !page.contains("line 500&lt;"), "{page}");
    let link = page.split("href=\"").find_map(|p| p.split('"').next().filter(|l| l.ends_with("/output"))).expect("a link");
    let all = app.get(link);
    assert_eq!(all.header("content-type"), Some("text/plain; charset=utf-8"), "its markup is nobody's page");
    assert!(all.text().starts_with("<b>line 1</b>\n<b>line 2</b>\n") && all.text().contains("line 1000"));
    assert_eq!(app.get(&link.replace("/tasks/long/", "/tasks/report/")).status, 404);
}

#[test]
fn a_file_is_saved_from_the_page_when_it_is_good_and_still_the_one_that_was_seen() {
    let app = with_tasks();
    let hash = mission_control::drivers::task_file::hash(&fs::read(app.config.tasks().join("feeds.md")).expect("readable"));
    let save = |hash: &str, hour: &str| {
        let text = format!("---%0D%0Aschedule%3A+%220+{hour}+*+*+*%22%0D%0Acommand%3A+%5B%22true%22%5D%0D%0A---%0D%0AFeeds.");
        app.request("POST", "/tasks/feeds/edit")
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(format!("file=feeds.md&hash={hash}&text={text}"))
            .send()
    };
    let refused = save(&hash, "99");
    assert!(refused.status == 422 && refused.text().contains("there is no hour 99") && refused.text().contains("0 99 *"));
    assert_eq!(save(&hash, "5").status, 303);
    task::tick(&app.engine).expect("a tick");
    assert!(app.get("/tasks").text().contains("every day at 05:00"));
    let late = save(&hash, "6");
    assert_eq!(late.status, 409, "it is another file now");
    assert!(late.text().contains("It has changed since you opened it") && late.text().contains("0 6 *"), "{}", late.text());
    let fresh = late.text().split_once("name=\"hash\" value=\"").map(|(_, rest)| rest[..32].to_owned()).expect("a hash");
    assert_eq!(save(&fresh, "6").status, 303, "who sends it again has been told");
    assert!(!fs::read_to_string(app.config.tasks().join("feeds.md")).expect("readable").contains('\r'));
}

#[test]
fn only_an_owner_sees_and_changes_what_a_task_runs() {
    let app = with_tasks();
    let operator = app.token("operator", Scope::Operator);
    let path = app.config.tasks().join("report.md");
    let before = fs::read_to_string(&path).expect("readable");
    assert_eq!(app.bare("GET", "/tasks/report/edit").bearer(&operator).send().status, 403);
    let hash = mission_control::drivers::task_file::hash(before.as_bytes());
    let sent = app
        .bare("POST", "/tasks/report/edit")
        .bearer(&operator)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!("file=report.md&hash={hash}&text=---%0Acommand%3A+%5Bid%5D%0A---%0A"))
        .send();
    assert_eq!(sent.status, 403);
    assert_eq!(fs::read_to_string(&path).expect("readable"), before);
    assert!(app.get("/tasks/report").text().contains("/tasks/report/edit"), "the owner is offered it");
    assert!(!app.bare("GET", "/tasks/report").bearer(&operator).send().text().contains("/tasks/report/edit"));
    let run = app.bare("POST", "/api/v1/tasks/report/run").bearer(&operator).json(&serde_json::json!({})).send();
    assert_eq!(run.status, 202, "an operator runs what the owner wrote");
}

#[test]
fn the_contract_lists_runs_pauses_and_stops_tasks() {
    let app = with_tasks();
    let tasks = app.get("/api/v1/tasks").json();
    assert_eq!(tasks["items"].as_array().expect("a list").len(), 2);
    let report = &tasks["items"][1];
    assert_eq!((report["name"].as_str(), report["timezone"].as_str()), (Some("report"), Some("Africa/Johannesburg")));
    assert!(report["next_due_at"].as_str().expect("a time").ends_with("T04:00:00.000Z"));
    assert_eq!(tasks["items"][0]["broken"]["line"], 2);
    let run = app.post("/api/v1/tasks/report/run", &serde_json::json!({ "client_id": "once" }));
    assert_eq!(run.status, 202);
    assert_eq!(app.post("/api/v1/tasks/report/run", &serde_json::json!({ "client_id": "once" })).json(), run.json());
    assert_eq!(app.post("/api/v1/tasks/report/run", &serde_json::json!({})).status, 409, "one waits already");
    over(&app);
    let runs = app.get("/api/v1/tasks/report/runs").json();
    assert_eq!((runs["items"].as_array().expect("a list").len(), runs["items"][0]["state"].as_str()), (1, Some("ok")));
    assert_eq!(app.post("/api/v1/tasks/report/pause", &serde_json::json!({})).json()["paused"], true);
    assert_eq!(app.post("/api/v1/tasks/report/resume", &serde_json::json!({})).json()["paused"], false);
    assert_eq!(app.post("/api/v1/tasks/feeds/run", &serde_json::json!({})).status, 409);
    assert_eq!(app.post("/api/v1/tasks/none/run", &serde_json::json!({})).status, 404);
    assert_eq!(app.post("/api/v1/tick/scheduler", &serde_json::json!({})).status, 200);
    let viewer = app.token("looks", Scope::Viewer);
    assert_eq!(app.bare("GET", "/api/v1/tasks").bearer(&viewer).send().status, 200);
    assert_eq!(app.bare("POST", "/api/v1/tasks/report/run").bearer(&viewer).json(&serde_json::json!({})).send().status, 403);
}

#[test]
fn a_server_killed_at_any_moment_of_a_start_runs_each_task_run_once() {
    let mut dice = Dice::new(u64::from(mission_control::base::random::u32()));
    let mut live = Live::start(1, &[agent("instant")]);
    let workspace = live.root().join("workspace");
    fs::write(workspace.join("tasks/t.md"), "---\noverlap: queue\ncommand: [\"sh\", \"-c\", \"echo $MC_RUN_DIR >> ran\"]\n---\n")
        .expect("written");
    until_ms(20_000, "the task", || live.try_get("/api/v1/tasks").filter(|a| a.body.contains("\"t\"")));
    const ROUNDS: usize = 15;
    for _ in 0..ROUNDS {
        let answer = live.try_json("/api/v1/tasks/t/run", &serde_json::json!({})).expect("an answer");
        assert_eq!(answer.status, 202, "{}", answer.body);
        pause(Duration::from_millis(dice.roll(40)));
        live.restart();
    }
    let rows = live.rows();
    until_ms(60_000, "all have ended", || {
        let ok: i64 = rows.query_row("select count(*) from task_runs where state = 'ok'", [], |r| r.get(0)).ok()?;
        (ok == ROUNDS as i64).then_some(())
    });
    let ran = fs::read_to_string(workspace.join("ran")).expect("they ran");
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for line in ran.lines() {
        let folder = line.rsplit('/').next().expect("a folder");
        let (run, _launch) = folder.rsplit_once('-').expect("task-<run>-<launch>");
        *times.entry(run.to_owned()).or_default() += 1;
    }
    assert!(times.len() == ROUNDS && times.values().all(|n| *n == 1), "{times:?}");
}
