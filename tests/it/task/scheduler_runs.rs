//! Task runs: what starts, how it ends, what is kept of it, and what a dead server leaves behind.

use crate::task::scheduler::Rig;
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::domain::task::TaskRunState as State;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::store::run::pauses;
use mission_control::store::task::task_runs;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const NOON: &str = "2026-11-21T12:00:30Z";
const FOUR: &str = "[scheduler]\nmax_running = 4\ntimezone = \"UTC\"\n[pickup]\nstop_grace = \"500ms\"\n";

fn sh(script: &str) -> String {
    format!("command: {}", serde_json::json!(["sh", "-c", script]))
}

#[test]
fn a_command_runs_in_the_workspace_with_what_was_declared_and_its_output_is_kept() {
    let rig = Rig::new(FOUR, NOON);
    fs::create_dir_all(rig.engine.config.workspace.join("reports")).expect("a folder");
    let front = format!(
        "cwd: reports\nenv: {{ REPORT: out, API_TOKEN: hush-hush-hush }}\n{}",
        sh("pwd; echo $REPORT-$API_TOKEN; echo oops >&2; env | grep -c ^MC_")
    );
    rig.task("t.md", &front, "");
    let run = rig.by_hand("t");
    assert_eq!((run.state, run.exit_code), (State::Ok, Some(0)), "{run:?}");
    assert!(run.output.contains("/reports\nout-…hidden\noops\n1\n"), "{}", run.output);
    assert_eq!(rig.row("t").streak, 1);
    assert!(!fs::exists(run.run_dir.expect("a folder")).expect("askable"), "what went well leaves no folder");
}

#[test]
fn a_failure_is_told_by_its_code_and_tried_again_after_a_pause() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("retries: 1\n{}", sh("echo no; exit 3")), "");
    let run = rig.begin_by_hand("t");
    rig.until("the first end", || rig.run(run.id.0).attempt == 2);
    let again = rig.run(run.id.0);
    assert_eq!((again.state, again.exit_code), (State::Waiting, Some(3)));
    assert!(again.not_before.is_some());
    rig.tick();
    assert_eq!(rig.run(run.id.0).state, State::Waiting, "not before its time");
    rig.pass(31_000);
    rig.until("the second end", || !rig.run(run.id.0).state.is_live());
    assert_eq!((rig.run(run.id.0).state, rig.row("t").streak), (State::Failed, -1));
    rig.task("auth.md", &sh("exit 77"), "");
    let run = rig.by_hand("auth");
    assert_eq!(run.state, State::AuthFailed);
    let folder = std::path::PathBuf::from(run.run_dir.expect("a folder"));
    assert!(folder.join("exit.json").exists(), "what went wrong can be looked at");
    rig.until("its environment to be forgotten", || !folder.join("spec.json").exists());
    rig.task("none.md", "command: [\"/nonexistent/program\"]", "");
    let run = rig.by_hand("none");
    assert!(run.state == State::Failed && run.exit_code == Some(127) && run.output.contains("cannot be started"), "{run:?}");
    rig.task("lost.md", &format!("cwd: gone\n{}", sh("true")), "");
    let run = rig.by_hand("lost");
    assert!(run.state == State::Failed && run.note.as_deref().is_some_and(|n| n.contains("not there")), "{run:?}");
}

#[test]
fn a_task_that_takes_too_long_is_ended_with_all_it_started() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("timeout: 1s\n{}", sh("echo begun; sleep 600 & sleep 600; echo never")), "");
    let run = rig.by_hand("t");
    assert_eq!(run.state, State::TimedOut, "{run:?}");
    assert_eq!(run.output.trim(), "begun");
}

#[test]
fn a_gigabyte_of_output_is_bounded_and_bytes_that_are_no_text_are_told_as_such() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("big.md", &sh("echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last"), "");
    let run = rig.by_hand("big");
    assert_eq!((run.state, run.output_bytes), (State::Ok, 1_000_000_012), "{:?}", run.note);
    assert!(run.output.len() < 70_000 && run.output.starts_with("first\n") && run.output.ends_with("last\n"));
    assert!(run.output.contains("bytes left out"));
    rig.task("binary.md", &sh("head -c 5000 /dev/zero"), "");
    assert_eq!(rig.by_hand("binary").output, "(5000 bytes that are no text)");
}

#[test]
fn a_child_that_forks_away_is_neither_waited_for_nor_left() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("setsid sh -c 'echo $$ > away; exec sleep 600' & while [ ! -s away ]; do :; done; echo done"), "");
    let run = rig.by_hand("t");
    assert_eq!((run.state, run.output.trim()), (State::Ok, "done"), "{run:?}");
    let pid: i32 =
        fs::read_to_string(rig.engine.config.workspace.join("away")).expect("its pid").trim().parse().expect("a number");
    assert!(mission_control::drivers::supervise::process::state(pid).is_none_or(|s| s == 'Z'), "it is gone");
    assert!(run.note.is_some_and(|n| n.contains("left behind")));
}

#[test]
fn a_server_that_comes_back_finds_its_runs_and_a_file_replaced_meanwhile_changes_only_the_next_one() {
    let mut rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo old; while [ ! -e go ]; do sleep 0.05; done; exit 5"), "");
    let run = rig.begin_by_hand("t");
    rig.until("it runs", || rig.run(run.id.0).run_dir.is_some_and(|d| RunDir::open(d.as_ref()).file("started").exists()));
    rig.restart();
    rig.task("t.md", &sh("echo new"), "");
    rig.tick();
    assert_eq!(rig.run(run.id.0).state, State::Running);
    fs::write(rig.engine.config.workspace.join("go"), "").expect("written");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    let run = rig.run(run.id.0);
    assert_eq!((run.state, run.exit_code, run.output.trim(), run.launches), (State::Failed, Some(5), "old", 1));
    assert_eq!(rig.by_hand("t").output.trim(), "new");
    // One whose file goes while it runs ends as it would have, and what was given to it in confidence stays hidden.
    let front =
        format!("env: {{ API_TOKEN: hush-hush-hush }}\n{}", sh("echo $API_TOKEN; while [ ! -e go2 ]; do sleep 0.05; done"));
    rig.task("u.md", &front, "");
    let run = rig.begin_by_hand("u");
    rig.until("it runs", || rig.run(run.id.0).state == State::Running);
    fs::remove_file(rig.engine.config.tasks().join("u.md")).expect("removed");
    fs::write(rig.engine.config.workspace.join("go2"), "").expect("written");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    let run = rig.run(run.id.0);
    assert_eq!((run.state, run.output.trim()), (State::Ok, "…hidden"));
}

#[test]
fn a_server_killed_between_the_row_and_the_shim_starts_it_once_after_all() {
    let mut rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo x >> ran"), "");
    rig.tick();
    for step in ["row", "folder", "void"] {
        let run = rig.begin_by_hand("t");
        let dir = rig.engine.data.runs().join(format!("task-{}-1", run.id));
        let (mine, path) = (run.clone(), dir.display().to_string());
        rig.engine.store.write(move |tx| task_runs::take(tx, &mine, &path, None)).expect("taken");
        if step != "row" {
            // The folder is there, the shim was never spawned.
            fs::create_dir_all(&dir).expect("made");
            fs::write(dir.join("spec.json"), "{}").expect("written");
        }
        if step == "void" {
            RunDir::open(&dir).void().expect("voided");
        }
        rig.restart();
        rig.until("its end", || !rig.run(run.id.0).state.is_live());
        let run = rig.run(run.id.0);
        assert_eq!((run.state, run.attempt, run.launches), (State::Ok, 1, 2), "{step}: {run:?}");
    }
    assert_eq!(fs::read_to_string(rig.engine.config.workspace.join("ran")).expect("it ran"), "x\nx\nx\n");
}

#[test]
fn a_run_whose_shim_is_killed_is_lost_and_nothing_of_it_lives_on() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("echo $$ > pid; exec sleep 600"), "");
    let run = rig.begin_by_hand("t");
    let pid_file = rig.engine.config.workspace.join("pid");
    rig.until("it runs", || fs::read_to_string(&pid_file).is_ok_and(|t| t.ends_with('\n')));
    let dir = RunDir::open(rig.run(run.id.0).run_dir.expect("a folder").as_ref());
    let shim = dir.pids().expect("pids").shim_pid;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(shim), nix::sys::signal::Signal::SIGKILL).expect("killed");
    rig.until("its end", || !rig.run(run.id.0).state.is_live());
    assert_eq!(rig.run(run.id.0).state, State::Lost);
    let pid: i32 = fs::read_to_string(&pid_file).expect("its pid").trim().parse().expect("a number");
    assert!(mission_control::drivers::supervise::process::state(pid).is_none_or(|s| s == 'Z'));
}

#[test]
fn overlapping_runs_are_left_out_queued_or_take_the_place_of_the_old() {
    let rig = Rig::new(FOUR, NOON);
    for overlap in ["skip", "queue", "kill_old"] {
        rig.task(
            &format!("{overlap}.md"),
            &format!("every: 1m\noverlap: {overlap}\n{}", sh(&format!("while [ ! -e go-{overlap} ]; do sleep 0.05; done"))),
            "",
        );
    }
    rig.tick();
    rig.pass(60_000);
    let begun = |name: &str, n: usize| {
        rig.runs(name).get(n).is_some_and(|r| {
            r.run_dir.as_ref().is_some_and(|d| RunDir::open(d.as_ref()).pids().is_some_and(|p| p.agent_pid.is_some()))
        })
    };
    rig.until("the first ones run", || ["skip", "queue", "kill_old"].iter().all(|t| begun(t, 0)));
    rig.pass(60_000);
    rig.until("the new one has taken the old one's place", || begun("kill_old", 1));
    assert_eq!(rig.states("skip"), [State::Running, State::Overlapped]);
    assert_eq!(rig.states("queue"), [State::Running, State::Waiting]);
    assert_eq!(rig.states("kill_old"), [State::Overlapped, State::Running]);
    for overlap in ["skip", "queue", "kill_old"] {
        fs::write(rig.engine.config.workspace.join(format!("go-{overlap}")), "").expect("written");
    }
    rig.until("all have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert_eq!(rig.states("queue"), [State::Ok, State::Ok]);
}

#[test]
fn not_more_run_at_once_than_there_are_slots_and_background_tasks_take_none() {
    let rig = Rig::new("[scheduler]\nmax_running = 2\ntimezone = \"UTC\"\n", NOON);
    let wait = sh("while [ ! -e go ]; do sleep 0.05; done");
    for n in 0..5 {
        rig.task(&format!("t{n}.md"), &format!("every: 1m\n{wait}"), "");
    }
    rig.task("bg.md", &format!("every: 1m\nkind: background\n{wait}"), "");
    rig.tick();
    rig.pass(60_000);
    rig.until("the slots are full", || rig.states("bg") == [State::Running]);
    let running = || (0..5).filter(|n| rig.states(&format!("t{n}")) == [State::Running]).count();
    for _ in 0..10 {
        rig.tick();
        assert_eq!(running(), 2);
    }
    fs::write(rig.engine.config.workspace.join("go"), "").expect("written");
    rig.until("all have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert!((0..5).all(|n| rig.states(&format!("t{n}")) == [State::Ok]));
}

#[test]
fn a_run_is_stopped_by_hand_whether_it_waits_or_runs() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &format!("overlap: queue\n{}", sh("sleep 600")), "");
    let (first, second) = (rig.begin_by_hand("t"), rig.begin_by_hand("t"));
    rig.until("it runs", || rig.run(first.id.0).state == State::Running);
    let stopped = rig.engine.store.write(|tx| task_runs::stop_by_hand(tx, "t")).expect("stopped");
    assert_eq!(stopped, 2);
    rig.until("both have ended", || rig.engine.store.read(task_runs::live).expect("readable").is_empty());
    assert_eq!((rig.run(first.id.0).state, rig.run(second.id.0).state), (State::Skipped, State::Skipped));
    assert_eq!(rig.row("t").streak, 0);
}

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

fn script(rig: &Rig, name: &str, text: &str) -> String {
    let path = rig.engine.config.data.join(name);
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("set");
    path.display().to_string()
}

#[test]
fn an_agent_gets_the_body_as_its_prompt_and_a_refused_login_is_told_at_its_first_retry() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let paths = [dir.path().join("good"), dir.path().join("refused")];
    let toml = format!(
        "{FOUR}[profiles.good]\nruntime = \"claude\"\ncommand = [\"{}\"]\n[profiles.refused]\nruntime = \"claude\"\ncommand = [\"{}\"]\n",
        paths[0].display(),
        paths[1].display()
    );
    let rig = Rig::new(&toml, NOON);
    let init = r#"{"type":"system","subtype":"init","cwd":"/","session_id":"11111111-2222","tools":[],"model":"m"}"#;
    let good = format!(
        "#!/bin/sh\ncase \"$*\" in *--help*|*--version*) echo 1.0; exit 0;; esac\necho '{init}'\nread line\nprintf '{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":false,\"num_turns\":1,\"session_id\":\"11111111-2222\",\"result\":\"heard: %s\"}}\\n' \"$line\"\n"
    );
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":600,"error_status":401,"error":"authentication_failed","session_id":"11111111-2222"}"#;
    let refused = format!(
        "#!/bin/sh\ncase \"$*\" in *--help*|*--version*) echo 1.0; exit 0;; esac\necho '{init}'\necho '{retry}'\nsleep 600\n"
    );
    for (path, text) in paths.iter().zip([good, refused]) {
        fs::rename(script(&rig, "agent.tmp", &text), path).expect("moved");
    }
    rig.task("good.md", "kind: agent\nprofile: good", "Look at the logs.");
    rig.task("refused.md", "kind: agent\nprofile: refused", "Look at the logs.");
    let run = rig.by_hand("good");
    assert_eq!((run.state, run.output.as_str()), (State::Ok, "heard: Look at the logs."), "{run:?}");
    let run = rig.by_hand("refused");
    assert!(run.state == State::AuthFailed && run.told, "{run:?}");
    let now = rig.engine.store.clock().now();
    assert!(rig.engine.store.read(|c| pauses::in_force(c, now)).expect("readable").contains_key("refused"));
    assert_eq!(rig.row("refused").streak, 0, "it says nothing about the task");
}

#[test]
fn an_agent_that_ends_with_its_refused_login_is_told_of_once() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let path = dir.path().join("refused");
    let rig = Rig::new(&format!("{FOUR}[profiles.refused]\nruntime = \"claude\"\ncommand = [\"{}\"]\n", path.display()), NOON);
    let retry = r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":1,"retry_delay_ms":600,"error_status":401,"error":"authentication_failed","session_id":"11111111-2222"}"#;
    let text = format!("#!/bin/sh\ncase \"$*\" in *--help*|*--version*) echo 1.0; exit 0;; esac\necho '{retry}'\nexit 1\n");
    fs::rename(script(&rig, "agent.tmp", &text), path).expect("moved");
    rig.task("refused.md", "kind: agent\nprofile: refused\nnotify: both", "Look at the logs.");
    for tries in 1..=2 {
        let run = rig.begin_by_hand("refused").id.0;
        rig.tick();
        let dir = RunDir::open(rig.run(run).run_dir.expect("begun").as_ref());
        let clock = SystemClock::new();
        // Over before anybody has looked: the refusal and the end are seen in one look.
        while dir.exit().is_none() || dir.is_alive() {
            assert!(clock.mono_ms() < 60_000, "it does not end");
            pause(Duration::from_millis(10));
        }
        rig.until("the run's end", || !rig.run(run).state.is_live());
        assert_eq!(rig.run(run).state, State::AuthFailed);
        rig.engine.store.write(|tx| pauses::resume(tx, "refused")).expect("resumed");
        let count =
            |sql: &'static str| -> i64 { rig.engine.store.read(|c| Ok(c.query_row(sql, [], |r| r.get(0))?)).expect("countable") };
        assert_eq!(count("select count(*) from orchestrator_inbox"), tries);
        assert_eq!(count("select count(*) from notifications where text like '%refused rests: its login is refused%'"), tries);
        assert_eq!(count("select count(*) from notifications"), tries, "of the pause alone");
        rig.pass(1_000);
    }
}

#[test]
fn an_account_without_credit_rests_its_profile_and_counts_for_no_streak() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let path = dir.path().join("broke");
    let rig = Rig::new(&format!("{FOUR}[profiles.broke]\nruntime = \"claude\"\ncommand = [\"{}\"]\n", path.display()), NOON);
    let said = r#"{"type":"result","subtype":"success","is_error":true,"num_turns":1,"session_id":"11111111-2222","result":"Credit balance is too low"}"#;
    let text = format!("#!/bin/sh\ncase \"$*\" in *--help*|*--version*) echo 1.0; exit 0;; esac\necho '{said}'\nexit 1\n");
    fs::rename(script(&rig, "agent.tmp", &text), path).expect("moved");
    rig.task("broke.md", "kind: agent\nprofile: broke\nretries: 2", "Look at the logs.");
    let run = rig.by_hand("broke");
    assert!(run.state == State::AuthFailed && run.attempt == 1, "{run:?}");
    let now = rig.engine.store.clock().now();
    let pause = rig.engine.store.read(|c| pauses::in_force(c, now)).expect("readable").remove("broke").expect("it rests");
    assert!(pause.until.is_none() && pause.reason.contains("no credit left"), "{pause:?}");
    assert_eq!(rig.row("broke").streak, 0, "it says nothing about the task");
    let told: i64 = rig
        .engine
        .store
        .read(|c| Ok(c.query_row("select count(*) from notifications where key like 'paused:broke:%'", [], |r| r.get(0))?))
        .expect("countable");
    assert_eq!(told, 1);
}

#[test]
fn every_outcome_reaches_the_inbox_and_three_failures_make_one_ticket() {
    let rig = Rig::new(FOUR, NOON);
    let count =
        |sql: &'static str| -> i64 { rig.engine.store.read(|c| Ok(c.query_row(sql, [], |r| r.get(0))?)).expect("countable") };
    rig.task("bad.md", &sh("echo the mirror does not answer; exit 3"), "");
    rig.task("good.md", &sh("true"), "");
    assert_eq!(rig.by_hand("good").state, State::Ok);
    for n in 1..=4 {
        assert_eq!(rig.by_hand("bad").state, State::Failed);
        assert_eq!(count("select count(*) from orchestrator_inbox where source_type = 'scheduler'"), n + 1);
        assert_eq!(count("select count(*) from tickets"), i64::from(n >= 3));
    }
    let said: String = rig
        .engine
        .store
        .read(|c| Ok(c.query_row("select message from orchestrator_inbox order by id desc limit 1", [], |r| r.get(0))?))
        .expect("readable");
    assert!(said.contains("4 in a row") && said.contains("exit code 3") && said.contains("the mirror does not answer"), "{said}");
    rig.task("auth.md", &sh("exit 77"), "");
    rig.by_hand("auth");
    assert_eq!(count("select count(*) from notifications where urgent = 1"), 1);
}

#[test]
fn an_outcome_that_cannot_be_told_does_not_keep_a_run_from_ending() {
    let rig = Rig::new(FOUR, NOON);
    rig.task("t.md", &sh("exit 3"), "");
    rig.engine.store.write(|tx| Ok(tx.conn.execute_batch("alter table streaks rename to hidden")?)).expect("hidden");
    assert_eq!(rig.by_hand("t").state, State::Failed);
    assert_eq!(rig.row("t").streak, -1);
    rig.engine.store.write(|tx| Ok(tx.conn.execute_batch("alter table hidden rename to streaks")?)).expect("back");
}

#[test]
fn two_hundred_tasks_due_in_one_second_all_run_and_none_is_lost() {
    let rig = Rig::new("[scheduler]\nmax_running = 8\ntimezone = \"UTC\"\n", NOON);
    for n in 0..200 {
        rig.task(&format!("t{n}.md"), "schedule: \"1 12 * * *\"\ncommand: [\"true\"]", "");
    }
    rig.tick();
    rig.pass(30_000);
    rig.until("all have ended", || {
        let live = rig.engine.store.read(task_runs::live).expect("readable");
        assert!(live.iter().filter(|r| r.state == State::Running).count() <= 8);
        live.is_empty()
    });
    assert!((0..200).all(|n| rig.states(&format!("t{n}")) == [State::Ok]));
}
