//! Whole conversations with the demo agent in Luci's place, through the contract and the command line.

use crate::orchestrator::api_refusals::STRANGE;
use crate::orchestrator::api_rig::{STATUS, harvest, items, say};
use crate::support::app::TestApp;
use crate::web::client::{call, target};
use mission_control::cli::client::Exit;
use mission_control::engine::orchestrator;
use mission_control::engine::orchestrator::Orchestrator;
use mission_control::store::orchestrator::sessions;
use serde_json::{Value, json};

/// A server whose orchestrator runs, with the demo agent and no terminal.
struct Talking {
    app: TestApp,
    runtime: tokio::runtime::Runtime,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Talking {
    fn start() -> Talking {
        let app = TestApp::with_config("[pickup]\nmax_workers = 0\n[orchestrator]\ndriver = \"headless\"\n");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (engine, handle) = (app.engine.clone(), runtime.handle().clone());
        let thread = std::thread::spawn(move || orchestrator::run(&engine, &handle, Orchestrator::with_drivers()));
        Talking { app, runtime, thread: Some(thread) }
    }

    fn chat(&self, message: &str) -> Value {
        let answer = self.app.post("/api/v1/chat", &json!({ "message": message, "timeout_s": 60 }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["turn"].clone()
    }
}

impl Drop for Talking {
    fn drop(&mut self) {
        self.app.engine.stop();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the orchestrator ends well");
            }
        }
        let _ = &self.runtime;
    }
}

#[test]
fn a_chat_is_answered_and_remembered() {
    let luci = Talking::start();
    let first = luci.chat("My cat is called Minka.");
    assert_eq!(first["state"], "answered");
    assert!(first["response"].as_str().is_some_and(|r| r.contains("Minka")), "{first}");
    assert!(luci.chat("What did I say first?")["response"].as_str().is_some_and(|r| r.contains("Minka")));
    for strange in STRANGE {
        let turn = luci.chat(&format!("{strange} [demo: say heard]"));
        assert_eq!(turn["response"], "heard", "{strange:?}: {turn}");
    }
    let status = luci.app.get(STATUS).json();
    assert_eq!((status["driver"].as_str(), status["queue"].as_i64()), (Some("headless"), Some(0)));
    assert!(status["session_id"].is_string());
    assert_eq!(items(&luci.app, "/api/v1/turns").len(), 2 + STRANGE.len());
}

#[test]
fn eight_clients_get_each_their_own_answer_in_the_order_of_the_queue() {
    let luci = Talking::start();
    std::thread::scope(|s| {
        for client in 0..8 {
            let luci = &luci;
            s.spawn(move || {
                for n in 0..3 {
                    let words = format!("client {client} message {n}");
                    let body = json!({ "message": format!("[demo: say {words}]"), "client_id": words, "timeout_s": 60 });
                    // Sent twice, as a nervous client does.
                    let twice = [luci.app.post("/api/v1/chat", &body).json(), luci.app.post("/api/v1/chat", &body).json()];
                    for answer in &twice {
                        assert_eq!(answer["turn"]["response"], words.as_str(), "{answer}");
                    }
                    assert_eq!(twice[0]["turn"]["id"], twice[1]["turn"]["id"]);
                }
            });
        }
    });
    let all = items(&luci.app, "/api/v1/turns?limit=200");
    assert_eq!(all.len(), 24);
    assert!(all.iter().all(|t| t["state"] == "answered" && t["attempts"] == 1), "each was sent once");
    let times: Vec<&str> = all.iter().rev().map(|t| t["answered_at"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn what_is_sent_while_stopped_is_answered_after_the_start() {
    let luci = Talking::start();
    luci.app.post("/api/v1/persistent_luci/stop", &json!({}));
    let ids: Vec<i64> = (0..3).map(|n| say(&luci.app, &format!("[demo: say number {n}]"))).collect();
    assert_eq!(harvest(&luci.app, "wait=1").json()["turn"]["state"], "pending");
    luci.app.post("/api/v1/persistent_luci/start", &json!({}));
    for (n, id) in ids.iter().enumerate() {
        let done = harvest(&luci.app, &format!("turn={id}&wait=60")).json();
        assert_eq!(done["turn"]["response"], format!("number {n}"));
    }
}

#[test]
fn a_plan_becomes_tickets_by_one_tap_each() {
    let luci = Talking::start();
    let turn = luci.chat("Make tickets of this, in this order:\n- Draw it\n- Build it\n- Test it");
    let found = turn["proposals"].as_array().expect("proposals").clone();
    assert_eq!(found.len(), 3, "{turn}");
    let last = luci.app.post(&format!("/api/v1/proposals/{}/apply", found[2]["id"]), &json!({}));
    assert_eq!(last.json()["state"], "applied", "{}", last.text());
    assert_eq!(items(&luci.app, "/api/v1/tickets").len(), 3);
    let bad = luci.chat("[demo: propose {\"kind\":\"explode\"}]");
    assert!(bad["proposals"].as_array().is_some_and(Vec::is_empty), "{bad}");
    luci.app.wait_for("the correction is answered", || {
        let newest = &items(&luci.app, "/api/v1/turns?limit=1")[0];
        newest["origin"] == "correction" && newest["state"] == "answered"
    });
}

#[test]
fn the_command_line_says_waits_and_shows_without_steering_the_terminal() {
    let luci = Talking::start();
    let t = target(&luci.app);
    let said = call(&t, &["send", "[demo: say red \u{1b}[31m and \u{9b}2J done]"]);
    assert_eq!(said.exit, Exit::Ok, "{}", said.err);
    assert!(said.out.contains("red") && said.out.contains("done"), "{}", said.out);
    assert!(said.out.chars().all(|c| !c.is_control() || c == '\n'), "{:?}", said.out);
    let json = call(&t, &["--json", "luci", "answer", "1"]);
    assert!(serde_json::from_str::<Value>(&json.out).is_ok_and(|v| v["turn"]["id"] == 1), "{}", json.out);
    assert_eq!(call(&t, &["luci", "switch", "nobody"]).exit, Exit::Failure);
    assert_eq!(call(&t, &["luci", "switch", "demo"]).exit, Exit::Ok);
    assert_eq!(call(&t, &["send", " "]).exit, Exit::Usage);
    assert_eq!(call(&t, &["luci", "answer", "99"]).exit, Exit::Failure);
    let stopped = call(&t, &["luci", "stop"]);
    assert!(stopped.exit == Exit::Ok && stopped.out.contains("stopped"), "{}", stopped.out);
    let late = call(&t, &["send", "--wait", "1", "[demo: say later]"]);
    assert_eq!(late.exit, Exit::Busy);
    assert!(late.err.contains("luci answer 2") && late.err.contains("start"), "{}", late.err);
    let queued = call(&t, &["send", "--wait", "0", "[demo: say last]"]);
    assert!(queued.exit == Exit::Ok && queued.out.contains("Turn 3"), "{}", queued.out);
    assert!(call(&t, &["luci", "status"]).out.contains("2 waiting"));
    assert_eq!(call(&t, &["luci", "start"]).exit, Exit::Ok);
    assert_eq!(call(&t, &["luci", "answer", "2"]).out, "later\n");
    assert_eq!(call(&t, &["luci", "answer"]).out, "last\n");
    let failed = call(&t, &["send", "[demo: fail]"]);
    assert_eq!(failed.exit, Exit::Failure, "{}", failed.err);
}

#[test]
fn secrets_of_a_session_that_ended_are_removed_and_later_its_folder() {
    use crate::support::luci_rows::open;
    use mission_control::domain::orchestrator::session::DriverKind;
    use mission_control::engine::system::housekeeping;
    let app = TestApp::start();
    let root = app.engine.data.sessions();
    let session = || {
        let made = open(&app.store, DriverKind::Headless, "demo", &mission_control::base::random::uuid(), "", &root);
        std::fs::create_dir_all(&made.dir).expect("a folder");
        for name in ["launch.json", "token", "hook-token", "hooks.jsonl"] {
            std::fs::write(std::path::Path::new(&made.dir).join(name), "x").expect("written");
        }
        made
    };
    let left = |s: &mission_control::domain::orchestrator::session::Session| {
        std::fs::read_dir(&s.dir).map_or(0, |entries| entries.flatten().count())
    };
    let ended = |id| app.store.write(move |tx| sessions::end(tx, id, "a new one")).expect("ended");
    let old = session();
    ended(old.id);
    let last = session();
    ended(last.id);
    let open = session();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::open(&old.dir).and_then(|dir| dir.set_modified(long_ago)).expect("an old folder");
    housekeeping::tidy(&app.engine).expect("tidied");
    assert_eq!((left(&old), left(&last), left(&open)), (0, 1, 4));
    assert!(!std::path::Path::new(&old.dir).exists(), "the oldest is gone");
}
