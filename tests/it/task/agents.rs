//! Tasks that give an agent their prompt.

use crate::task::rig::{FOUR, NOON, Rig};
use mission_control::base::clock::{Clock, SystemClock, pause};
use mission_control::domain::task::TaskRunState as State;
use mission_control::drivers::supervise::run_dir::RunDir;
use mission_control::store::run::pauses;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

pub fn script(rig: &Rig, name: &str, text: &str) -> String {
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
