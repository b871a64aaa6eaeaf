//! The command line's side of the contract, against a real server.

use crate::support::app::TestApp;
use clap::Parser;
use mission_control::cli::client;
use mission_control::cli::client::{ClientCommand, Exit, Target, TargetFlags};
use mission_control::config::data_dir::{DataDir, Local};
use mission_control::domain::actor::Scope;
use mission_control::domain::ids::{RunId, TicketId};
use mission_control::domain::run::event::{EventKind, NewEvent};
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::store::access::credentials;
use mission_control::store::run::{events, reports, runs};
use serde_json::Value;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    flags: TargetFlags,
    #[command(subcommand)]
    command: ClientCommand,
}

pub struct Said {
    pub exit: Exit,
    pub out: String,
    pub err: String,
}

pub fn call(target: &Target, words: &[&str]) -> Said {
    let cli = Cli::try_parse_from([&["mission-control"], words].concat()).unwrap_or_else(|e| panic!("{words:?}: {e}"));
    let target = Target {
        url: target.url.clone(),
        token: target.token.clone(),
        json: cli.flags.json,
        ticket: target.ticket.clone(),
        run_dir: target.run_dir.clone(),
        terminal: target.terminal,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = client::run(&cli.command, &target, &mut out, &mut err);
    Said { exit, out: String::from_utf8(out).expect("UTF-8"), err: String::from_utf8(err).expect("UTF-8") }
}

pub fn target(app: &TestApp) -> Target {
    Target {
        url: format!("http://{}", app.addr),
        token: app.owner.clone(),
        json: false,
        ticket: None,
        run_dir: None,
        terminal: true,
    }
}

fn running(app: &TestApp) -> (TicketId, RunId, String) {
    let made = call(&target(app), &["ticket", "new", "Do it", "--now", "--json"]);
    let ticket: Value = serde_json::from_str(&made.out).expect("JSON");
    let (id, run) = (TicketId(ticket["id"].as_i64().expect("id")), RunId(ticket["run"]["id"].as_i64().expect("run")));
    let secret = mission_control::base::random::secret("mct_");
    let kept = secret.clone();
    app.store.write(move |tx| credentials::add_token(tx, "run", &kept, Scope::Ticket(id), Some(run))).expect("a token");
    (id, run, secret)
}

#[test]
fn tickets_are_made_listed_shown_moved_and_talked_about() {
    let app = TestApp::start();
    let t = target(&app);
    let made = call(&t, &["ticket", "new", "Fix it\nIt is broken", "--role", "tessa", "--priority", "high", "--status", "todo"]);
    assert_eq!((made.exit, made.err.as_str()), (Exit::Ok, ""));
    assert!(made.out.contains("MC-1") && made.out.contains("Fix it !high"), "{}", made.out);
    let list = call(&t, &["ticket", "list", "--status", "todo", "-q", "fix & \"it"]);
    assert!(list.out.starts_with("MC-1"), "{}", list.out);
    assert_eq!(call(&t, &["ticket", "list", "--status", "done"]).out, "No tickets\n");
    assert_eq!(call(&t, &["ticket", "comment", "1", "Please", "--hurry"]).exit, Exit::Ok);
    let shown = call(&t, &["ticket", "show", "MC-1"]);
    assert!(shown.out.contains("It is broken") && shown.out.contains("Please --hurry"), "{}", shown.out);
    assert!(call(&t, &["ticket", "move", "MC-1", "done"]).out.contains("done"));
    let json: Value = serde_json::from_str(&call(&t, &["ticket", "show", "MC-1", "--json"]).out).expect("JSON");
    assert_eq!(json["status"], "done");
    let refused = call(&t, &["ticket", "move", "MC-1", "blocked"]);
    assert_eq!(refused.exit, Exit::Failure);
    assert!(refused.err.contains("cannot go from done to blocked"), "{}", refused.err);
    assert_eq!(call(&t, &["ticket", "show", "../../x"]).exit, Exit::Usage);
    assert_eq!(call(&t, &["ticket", "show", "99"]).exit, Exit::Failure);
    assert_eq!(call(&Target { token: "wrong".into(), ..t }, &["ticket", "list"]).exit, Exit::Failure);
}

#[test]
fn nothing_an_agent_or_a_stranger_writes_reaches_the_terminal_as_control() {
    let app = TestApp::start();
    let (id, run, _) = running(&app);
    let evil = "a\u{1b}]52;c;aGk=\u{7}b\u{9b}31mc\u{202e}d\u{1b}[2J\r\ne";
    let path = format!("/api/v1/tickets/{id}");
    app.patch(&path, &serde_json::json!({ "description": evil }));
    app.post(&format!("{path}/comments"), &serde_json::json!({ "body": evil, "reply": false }));
    app.store
        .write(move |tx| events::note(tx, &runs::get(tx.conn, run)?, &[NewEvent::plain(0, EventKind::Text, evil, evil)]))
        .expect("noted");
    let log = app.config.logs().join("raw.log");
    std::fs::write(&log, format!("{evil}\n\x1b]0;title\n")).expect("written");
    let mark = move |_| runs::LaunchMark { run_dir: "x".into(), raw_log: log.display().to_string() };
    app.store
        .write(move |tx| {
            runs::take_launch(tx, run, mark)?;
            runs::void_launch(tx, &runs::get(tx.conn, run)?, None)
        })
        .expect("a log");
    let id = id.to_string();
    for words in [
        vec!["ticket", "show", &id],
        vec!["ticket", "log", &id],
        vec!["ticket", "log", &id, "--raw"],
        vec!["ticket", "show", &id, "--json"],
        vec!["ticket", "log", &id, "--json"],
    ] {
        let said = call(&target(&app), &words);
        assert_eq!(said.exit, Exit::Ok, "{words:?}: {}", said.err);
        let bad = said.out.chars().find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
        assert_eq!(bad, None, "{words:?}: {:?}", said.out);
    }
    let raw = call(&Target { terminal: false, ..target(&app) }, &["ticket", "log", &id, "--raw"]);
    assert!(raw.out.contains('\u{1b}'), "into a file it goes as it is");
}

#[test]
fn an_agent_reports_with_its_own_token() {
    let app = TestApp::start();
    let (id, run, token) = running(&app);
    let t = Target { token, ticket: Some(id.to_string()), ..target(&app) };
    assert_eq!(call(&t, &["comment", "Half", "way", "--there"]).exit, Exit::Ok);
    assert_eq!(call(&t, &["evidence", "42 tests", "--detail", "all ok"]).exit, Exit::Ok);
    assert_eq!(call(&t, &["question", "Which", "colour?"]).out, format!("question: noted on {id}\n"));
    assert_eq!(call(&t, &["done", ""]).exit, Exit::Usage);
    let kept = app.store.read(|c| reports::of_run(c, run)).expect("readable");
    let words: Vec<_> = kept.iter().map(|(kind, body)| (kind.as_str(), body.as_str())).collect();
    assert_eq!(words, [("comment", "Half way --there"), ("evidence", "42 tests\nall ok"), ("question", "Which colour?")]);
    assert_eq!(call(&Target { ticket: None, ..target(&app) }, &["done", "x"]).exit, Exit::Usage, "outside a run");
}

#[test]
fn a_report_that_cannot_be_delivered_is_left_in_the_runs_folder() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port that never answers");
    for (n, addr) in [(1, gone), (2, silent.local_addr().expect("bound"))] {
        let t = Target {
            url: format!("http://{addr}"),
            token: "mct_x".into(),
            json: false,
            ticket: Some("MC-7".into()),
            run_dir: Some(dir.path().to_owned()),
            terminal: true,
        };
        let said = call(&t, &["review", "Look", "here"]);
        assert_eq!(said.exit, Exit::Ok, "{}", said.err);
        assert!(said.err.contains("does not answer"), "{}", said.err);
        let left = RunDir::open(dir.path()).spooled();
        assert_eq!(left.len(), n);
        let report = &left[n - 1].1;
        assert_eq!((report["kind"].as_str(), report["body"].as_str()), (Some("review"), Some("Look here")));
        assert!(report["client_id"].as_str().is_some_and(|id| id.len() == 36));
        assert_eq!(
            call(&Target { run_dir: None, ..t }, &["review", "x"]).exit,
            Exit::Busy,
            "without a folder it is not lost silently"
        );
    }
}

#[test]
fn watching_ends_when_the_work_does() {
    let app = TestApp::start();
    let (id, run, _) = running(&app);
    let words = id.to_string();
    let said = std::thread::scope(|s| {
        let watching = s.spawn(|| call(&target(&app), &["ticket", "watch", &words]));
        for n in 0..20 {
            let text = format!("step {n}.");
            app.store
                .write(move |tx| {
                    events::note(tx, &runs::get(tx.conn, run)?, &[NewEvent::plain(0, EventKind::Text, "text", text)])
                })
                .expect("noted");
        }
        app.wait_for("the watcher is there", || app.streams().load(std::sync::atomic::Ordering::SeqCst) == 1);
        app.request("POST", &format!("/api/v1/tickets/{id}/stop")).send();
        app.post("/api/v1/tick/pickup", &serde_json::json!({}));
        watching.join().expect("the watcher ends")
    });
    assert_eq!(said.exit, Exit::Ok, "{}", said.err);
    for n in 0..20 {
        assert_eq!(said.out.matches(&format!("step {n}.")).count(), 1, "{}", said.out);
    }
    assert!(said.out.trim_end().lines().last().is_some_and(|l| l.contains("blocked")), "{}", said.out);
    assert_eq!(call(&target(&app), &["ticket", "watch", &words]).exit, Exit::Ok, "one that does not work ends at once");
    assert_eq!(call(&target(&app), &["ticket", "stop", &words]).exit, Exit::Failure, "nothing runs");
}

#[test]
fn the_local_server_is_found_by_the_word_it_left_and_its_token_goes_nowhere_else() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let none = |_: &str| None;
    let Err(failure) = Target::resolve(&TargetFlags::default(), &dir.path().join("nothing"), &none, false) else {
        panic!("found")
    };
    assert!(failure.unreachable);
    assert!(!dir.path().join("nothing").exists(), "asking makes no folder");
    let data = DataDir::open(dir.path()).expect("a folder");
    data.tell_local(&Local { url: "http://127.0.0.1:8420".into(), token: "secret".into(), pid: 1 }).expect("told");
    let found = Target::resolve(&TargetFlags::default(), dir.path(), &none, false).map(|t| (t.url, t.token));
    assert_eq!(found.expect("found"), ("http://127.0.0.1:8420".into(), "secret".into()));
    let elsewhere = TargetFlags { url: Some("http://evil.example".into()), ..TargetFlags::default() };
    assert_eq!(Target::resolve(&elsewhere, dir.path(), &none, false).err().map(|f| f.exit), Some(Exit::Usage));
    let odd = TargetFlags { url: Some("file:///etc/passwd".into()), ..TargetFlags::default() };
    assert_eq!(Target::resolve(&odd, dir.path(), &none, false).err().map(|f| f.exit), Some(Exit::Usage));
}
