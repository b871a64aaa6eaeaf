//! Tasks that ask a model through its API.

use crate::task::rig::{FOUR, NOON, Rig};
use mission_control::domain::task::TaskRunState as State;
use mission_control::store::run::pauses;
use mission_control::store::task::task_runs;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

/// A model's service on loopback: answers each request with the next status, and keeps what it was asked.
fn service(answers: Vec<(u16, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    std::thread::spawn(move || {
        for (status, body) in answers {
            let Ok((mut tcp, _)) = listener.accept() else { return };
            let (mut text, mut buffer) = (String::new(), [0_u8; 4096]);
            while let Ok(n @ 1..) = tcp.read(&mut buffer) {
                text.push_str(&String::from_utf8_lossy(&buffer[..n]));
                let Some((head, rest)) = text.split_once("\r\n\r\n") else { continue };
                let length =
                    head.lines().find_map(|l| l.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
                if rest.len() >= length {
                    break;
                }
            }
            kept.lock().expect("mine").push(text);
            let _sent = write!(
                tcp,
                "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (url, asked)
}

#[test]
fn a_models_api_is_asked_in_its_own_language_and_a_refused_key_rests_the_profile() {
    let (url, asked) = service(vec![
        (200, r#"{"choices":[{"message":{"content":"All is well."}}]}"#),
        (200, r#"{"content":[{"type":"text","text":"Fine."}]}"#),
        (500, r#"{"error":{"message":"overloaded"}}"#),
        (401, r#"{"error":{"message":"invalid x-api-key"}}"#),
    ]);
    let toml = format!(
        "{FOUR}[profiles.local]\nruntime = \"api\"\nmodel = \"small\"\nenv = {{ OPENAI_BASE_URL = \"{url}/v1\", OPENAI_API_KEY = \"key-for-tests\" }}\n\
         [profiles.other]\nruntime = \"api\"\nmodel = \"big\"\nenv = {{ ANTHROPIC_BASE_URL = \"{url}\", ANTHROPIC_API_KEY = \"key-for-tests\" }}\n"
    );
    let rig = Rig::new(&toml, NOON);
    rig.task("local.md", "kind: api\nprofile: local", "How are the logs?");
    rig.task("other.md", "kind: api\nprofile: other", "And now?");
    let run = rig.by_hand("local");
    assert_eq!((run.state, run.output.as_str()), (State::Ok, "All is well.\n"), "{run:?}");
    assert_eq!(rig.by_hand("other").output, "Fine.\n");
    let failed = rig.by_hand("other");
    assert_eq!((failed.state, failed.note.as_deref()), (State::Failed, Some("the model's service answered 500 overloaded")));
    let refused = rig.by_hand("other");
    assert_eq!(refused.state, State::AuthFailed);
    assert!(refused.note.is_some_and(|n| n.contains("401")));
    let asked = asked.lock().expect("mine");
    assert!(
        asked[0].starts_with("POST /v1/chat/completions")
            && asked[0].contains("How are the logs?")
            && asked[0].contains("Bearer key-for-tests")
    );
    assert!(asked[1].starts_with("POST /v1/messages") && asked[1].to_lowercase().contains("x-api-key: key-for-tests"));
    let now = rig.engine.store.clock().now();
    let resting = rig.engine.store.read(|c| pauses::in_force(c, now)).expect("readable");
    assert_eq!(resting.keys().collect::<Vec<_>>(), ["other"]);
    // While it rests nothing more is spent on it, and it goes on once it is let.
    let waits = rig.begin_by_hand("other");
    rig.tick();
    assert_eq!(rig.run(waits.id.0).state, State::Waiting);
    rig.engine.store.write(|tx| task_runs::stop_by_hand(tx, "other")).expect("stopped");
    rig.until("it is gone", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
}
