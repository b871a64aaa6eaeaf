//! The headless driver with real shims: scripted agents and the demo agent answer, hang, die and are interrupted.

use crate::ops::live_server::{EXE, until};
use crate::support::luci_rows;
use mission_control::base::clock::SystemClock;
use mission_control::base::error::Error;
use mission_control::config::data_dir::DataDir;
use mission_control::config::{Config, Flags};
use mission_control::domain::orchestrator::session::{DriverKind, Session};
use mission_control::domain::orchestrator::turn::Turn;
use mission_control::drivers::supervise::run_dir::{RunDir, RunSpec};
use mission_control::drivers::supervise::stop;
use mission_control::engine::Engine;
use mission_control::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent};
use mission_control::engine::orchestrator::headless::Headless;
use mission_control::store::Store;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const AGENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/agents/agent.py");
const UUID: &str = "2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10";
const BRIEF: &str = "You are Luci\n\nYou look after the board.";

/// An engine with one profile per mode of the scripted agent, and a session.
struct Rig {
    tmp: tempfile::TempDir,
    engine: Engine,
    session: Session,
    driver: Headless,
    turns: i64,
}

impl Rig {
    fn new(mode: &str) -> Rig {
        let tmp = tempfile::tempdir().expect("a temporary folder");
        let root = tmp.path().canonicalize().expect("it is there");
        fs::create_dir(root.join("workspace")).expect("a workspace");
        let python =
            ["/usr/bin/python3", "/usr/local/bin/python3"].into_iter().find(|p| fs::metadata(p).is_ok()).unwrap_or("python3");
        let text = format!(
            "[pickup]\nstop_grace = \"300ms\"\n[profiles.scripted]\nruntime = \"claude\"\ncommand = [{python:?}, \"-S\", \"-E\", {AGENT:?}, {mode:?}]\n\
             env = {{ AGENT_RECORD = {:?}, REPLY_FILE = {:?} }}\n{}",
            root.join("record"),
            root.join("reply"),
            if mode == "linger" { "exit_grace = \"50ms\"\n" } else { "" }
        );
        fs::write(root.join("config.toml"), text).expect("a configuration");
        let flags = Flags {
            data: Some(root.join("data")),
            workspace: Some(root.join("workspace")),
            config: Some(root.join("config.toml")),
            ..Flags::default()
        };
        let config = Arc::new(Config::load(&flags, &|_| None, &|_| None).expect("the configuration is good"));
        let data = DataDir::open(&config.data).expect("a data folder");
        let store = Store::open(&data.database(), Arc::new(SystemClock::new())).expect("a store");
        let profile = if mode == "demo" { "demo" } else { "scripted" };
        let session = luci_rows::open(&store, DriverKind::Headless, profile, UUID, BRIEF, &data.sessions());
        let engine = Engine::new(store, config, data, PathBuf::from(EXE), "http://127.0.0.1:1".to_owned());
        let driver = driver(&root);
        Rig { tmp, engine, session, driver, turns: 0 }
    }

    /// Another server: all that the driver remembered is gone.
    fn restart(&mut self) {
        self.driver = driver(&self.tmp.path().canonicalize().expect("it is there"));
    }

    fn turn(&mut self, message: &str) -> Turn {
        self.turns += 1;
        luci_rows::claimed(&self.session, self.turns, &format!("n{}x", self.turns), message)
    }

    fn dir(&self, turn: &Turn) -> RunDir {
        let nonce = turn.nonce.as_deref().expect("claimed");
        RunDir::open(&PathBuf::from(&self.session.dir).join(format!("turns/{}-{nonce}", turn.id)))
    }

    fn send(&self, turn: &Turn) {
        self.driver.send(&self.engine, &self.session, turn, &mut || Ok(())).expect("it goes out");
    }

    fn harvest(&self, turn: &Turn) -> Harvest {
        self.driver.harvest(&self.engine, &self.session, turn).expect("it can be found out")
    }

    fn look(&self) -> AgentStatus {
        self.driver.status(&self.engine, &self.session).expect("it can be found out")
    }

    /// Waits for the turn's end.
    fn fate(&self, turn: &Turn) -> Harvest {
        until("the turn's end", || match self.harvest(turn) {
            Harvest::Working { .. } | Harvest::NotSeen | Harvest::Asks(_) => None,
            over @ (Harvest::NeverCame | Harvest::Answered { .. } | Harvest::Failed { .. } | Harvest::Interrupted { .. }) => {
                Some(over)
            }
        })
    }

    fn ask(&mut self, message: &str) -> Harvest {
        let turn = self.turn(message);
        self.send(&turn);
        self.fate(&turn)
    }

    fn answer(&mut self, message: &str) -> String {
        match self.ask(message) {
            Harvest::Answered { text, .. } => text,
            other => panic!("no answer: {other:?}"),
        }
    }

    /// What the scripted agent saw at each of its starts.
    fn starts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.tmp.path().join("record")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    fn says(&self, turn: &Turn, words: &str) {
        let log = self.dir(turn).file("stream.log");
        until(words, || fs::read_to_string(&log).is_ok_and(|text| text.contains(words)).then_some(()));
    }

    /// `kill -9` of the agent, as the kernel does it when memory runs out.
    fn kill_agent(&self, turn: &Turn) {
        let dir = self.dir(turn);
        let pid = until("the agent", || dir.pids()?.agent_pid);
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it was there");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let stopped = self.driver.stop(&self.engine, &self.session);
        assert!(stopped.is_ok() || std::thread::panicking(), "{stopped:?}");
    }
}

fn driver(root: &std::path::Path) -> Headless {
    let state = root.join("demo-state").display().to_string();
    Headless::new(Box::new(move |_, session| {
        Ok(BTreeMap::from([
            ("MC_DEMO_STATE".to_owned(), state.clone()),
            ("MC_DEMO_PACE_MS".to_owned(), "0".to_owned()),
            ("MC_SESSION_DIR".to_owned(), session.dir.clone()),
        ]))
    }))
}

fn failure(harvest: Harvest) -> (String, Option<String>, bool) {
    match harvest {
        Harvest::Failed { why, partial, session_lost, .. } => (why, partial, session_lost),
        other => panic!("no failure: {other:?}"),
    }
}

#[test]
fn an_answer_comes_byte_for_byte_and_the_next_turn_goes_on_with_the_session() {
    let mut rig = Rig::new("reply");
    let wrapped =
        format!("{}\r\n\n\t- Straße \u{1b}[31m \u{202e}x\n\n```json\n{{\"a\": 1}}\n```\n  ", "wide word ".repeat(20_000));
    fs::write(rig.tmp.path().join("reply"), &wrapped).expect("a reply");
    assert_eq!(rig.driver.start(&rig.engine, &rig.session, ConversationStart::Fresh).expect("it may start"), None);
    assert_eq!(rig.look(), AgentStatus::Ready);

    let first = rig.turn("What stands on the board?");
    rig.send(&first);
    let Harvest::Answered { text, context_tokens, agent_session } = rig.fate(&first) else { panic!("no answer") };
    assert!(text == wrapped, "{} bytes of {}", text.len(), wrapped.len());
    assert_eq!((context_tokens, agent_session), (Some(12), None));
    assert_eq!(rig.look(), AgentStatus::Ready);
    assert_eq!(rig.answer("And now?"), wrapped);

    let starts = rig.starts();
    let argv = |n: usize| starts[n]["argv"].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let common = ["-p", "--output-format", "stream-json", "--verbose"];
    assert_eq!(argv(0)[2..], [&common[..], &["--session-id", UUID, "--append-system-prompt", BRIEF]].concat());
    assert_eq!(argv(1)[2..], [&common[..], &["--resume", UUID, "--append-system-prompt", BRIEF]].concat());
    assert_eq!(starts[0]["prompt"], "What stands on the board?\n\n[MC_TURN:1:n1x]");
    assert_eq!(starts[0]["cwd"], rig.engine.config.workspace.canonicalize().expect("there").display().to_string());
    assert_eq!(starts[0]["env"]["MC_SESSION_DIR"], rig.session.dir);
}

#[test]
fn a_message_of_200_kb_arrives_whole_and_never_in_the_arguments() {
    let mut rig = Rig::new("instant");
    let message = "0123456789abcde\n".repeat(12_500);
    assert_eq!(rig.answer(&message), "DONE: instantly");
    let start = &rig.starts()[0];
    assert_eq!(start["prompt"].as_str(), Some(format!("{}\n\n[MC_TURN:1:n1x]", message.trim_end()).as_str()));
    assert!(!start["argv"].to_string().contains("0123456789abcde"));
}

#[test]
fn an_agent_killed_while_it_answers_is_a_failure_that_says_so_before_and_after_a_restart() {
    let mut rig = Rig::new("hangonce");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    assert!(matches!(rig.harvest(&turn), Harvest::Working { .. }));
    assert_eq!(rig.look(), AgentStatus::Busy);
    rig.kill_agent(&turn);
    let (why, partial, lost) = failure(rig.fate(&turn));
    assert!(why.starts_with("Killed while she answered") && why.contains("Retry"), "{why}");
    assert_eq!((partial.as_deref(), lost), (Some("I will say nothing more."), false));
    rig.restart();
    assert_eq!(failure(rig.harvest(&turn)).0, why);
    // The conversation had begun: the next turn goes on with it.
    assert!(rig.answer("Again.").starts_with("DONE"));
    assert!(rig.starts()[1]["argv"].to_string().contains("--resume"));
}

#[test]
fn a_server_that_restarts_between_sending_and_harvest_finds_the_answer() {
    let mut rig = Rig::new("talker");
    let turn = rig.turn("Tell me all.");
    rig.send(&turn);
    rig.restart();
    assert_eq!(rig.look(), AgentStatus::Busy);
    let other = rig.turn("And this?");
    let refused = rig.driver.send(&rig.engine, &rig.session, &other, &mut || panic!("too early"));
    assert!(matches!(refused, Err(NotSent::NotNow(_))), "never two at once: {refused:?}");
    let Harvest::Answered { text, .. } = rig.fate(&turn) else { panic!("no answer") };
    assert_eq!(text, "DONE: said all lines");
    rig.restart();
    assert!(matches!(rig.harvest(&turn), Harvest::Answered { .. }), "and finds it again");
    assert_eq!(rig.starts().len(), 1);
}

#[test]
fn a_turn_that_never_started_is_nowhere_and_never_starts() {
    let mut rig = Rig::new("instant");
    let turn = rig.turn("Hello?");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame, "no folder");
    let spec = RunSpec {
        run: 1,
        ticket: "luci".to_owned(),
        argv: vec!["true".to_owned()],
        cwd: PathBuf::from("/"),
        env: BTreeMap::new(),
        env_from: Vec::new(),
        raw_log: rig.dir(&turn).file("stream.log"),
        log_cap: 0,
        wall_clock_ms: 0,
        silence_ms: 0,
        stop_grace_ms: 0,
        oom_score_adj: 0,
    };
    let dir = RunDir::create(rig.dir(&turn).path(), &spec, "x").expect("a folder");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame, "a folder that no shim has begun on");
    assert!(!dir.begin("shim 1").expect("it can be asked"), "and none begins any more");
    assert_eq!(rig.harvest(&turn), Harvest::NeverCame);
}

#[test]
fn what_cannot_be_sent_leaves_nothing_behind() {
    let mut rig = Rig::new("instant");
    let turn = rig.turn("Hello?");
    let refused = rig.driver.send(&rig.engine, &rig.session, &turn, &mut || Err(Error::Busy("the disk is full".to_owned())));
    assert_eq!(refused, Err(NotSent::NotNow("the disk is full".to_owned())));
    assert!(!rig.dir(&turn).path().exists());
    assert_eq!(rig.starts().len(), 0);
    rig.session.profile = "gone".to_owned();
    let refused = rig.driver.send(&rig.engine, &rig.session, &turn, &mut || Ok(()));
    assert!(matches!(&refused, Err(NotSent::Never(why)) if why.contains("gone")), "{refused:?}");
    assert!(rig.driver.start(&rig.engine, &rig.session, ConversationStart::Fresh).is_err());
}

#[test]
fn a_session_the_agent_does_not_know_is_lost_and_the_turn_unread() {
    let mut rig = Rig::new("unknown");
    rig.session.answered = 3;
    let (why, partial, lost) = failure(rig.ask("Do you remember?"));
    assert!(lost && partial.is_none() && why.contains("No conversation found"), "{why}");
}

#[test]
fn an_interrupted_turn_keeps_what_there_was_of_a_reply() {
    let mut rig = Rig::new("hang");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    rig.driver.interrupt(&rig.engine, &rig.session, &turn).expect("it can be asked");
    let partial = Some("I will say nothing more.".to_owned());
    assert_eq!(rig.fate(&turn), Harvest::Interrupted { partial: partial.clone() });
    rig.restart();
    assert_eq!(rig.harvest(&turn), Harvest::Interrupted { partial });
    assert_eq!(stop::leftovers(&rig.dir(&turn)), [0; 0]);
    rig.driver.interrupt(&rig.engine, &rig.session, &turn).expect("once more changes nothing");
}

#[test]
fn stop_ends_the_turn_and_says_so() {
    let mut rig = Rig::new("stubborn");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    rig.driver.stop(&rig.engine, &rig.session).expect("it ends");
    assert_eq!(rig.look(), AgentStatus::Ready);
    assert_eq!(stop::leftovers(&rig.dir(&turn)), [0; 0]);
    assert!(failure(rig.harvest(&turn)).0.contains("stopped"));
}

#[test]
fn an_agent_whose_shim_was_killed_is_still_waited_for() {
    let mut rig = Rig::new("hang");
    let turn = rig.turn("Think long.");
    rig.send(&turn);
    rig.says(&turn, "nothing more");
    let pids = until("the processes", || rig.dir(&turn).pids());
    kill(Pid::from_raw(pids.shim_pid), Signal::SIGKILL).expect("it was there");
    until("the shim's end", || (!rig.dir(&turn).is_alive()).then_some(()));
    assert_eq!(rig.look(), AgentStatus::Busy);
    assert!(matches!(rig.harvest(&turn), Harvest::Working { .. }));
    rig.driver.interrupt(&rig.engine, &rig.session, &turn).expect("it is ended");
    assert!(matches!(rig.fate(&turn), Harvest::Interrupted { .. }));
}

#[test]
fn a_first_turn_killed_before_its_first_word_does_not_block_the_second() {
    let mut rig = Rig::new("mute");
    let first = rig.turn("Hello?");
    rig.send(&first);
    rig.kill_agent(&first);
    assert_eq!(rig.fate(&first), Harvest::NeverCame, "it had not said its first word");
    // Now the agent says that its id is taken.
    let mut taken = Rig::new("taken");
    fs::create_dir_all(PathBuf::from(&taken.session.dir).join("turns")).expect("a folder");
    fs::rename(rig.dir(&first).path(), taken.dir(&luci_rows::claimed(&taken.session, 1, "n1x", "")).path()).expect("moves");
    taken.turns = 1;
    assert!(taken.answer("Hello again?").starts_with("DONE"));
    let tried: Vec<bool> = taken.starts().iter().map(|s| s["argv"].to_string().contains("--resume")).collect();
    assert_eq!(tried, [false, true]);
}

#[test]
fn a_turn_refused_because_the_id_is_taken_was_not_read_and_the_next_resumes() {
    let mut rig = Rig::new("taken");
    assert_eq!(rig.ask("Hello?"), Harvest::NeverCame);
    assert!(rig.answer("Hello again?").starts_with("DONE"));
}

#[test]
fn failures_of_the_service_are_told_in_words() {
    for (mode, words) in
        [("auth", "Log the agent in again"), ("limit", "limit"), ("noresult", "without an answer"), ("code1", "Retry")]
    {
        let (why, _, lost) = failure(Rig::new(mode).ask("Hello?"));
        assert!(why.contains(words) && !lost, "{mode}: {why}");
    }
}

#[test]
fn an_agent_that_lingers_after_its_answer_is_ended_and_the_answer_kept() {
    assert_eq!(Rig::new("linger").answer("Hello?"), "DONE: but I stay");
}

#[test]
fn another_session_id_than_asked_for_is_told_and_gone_on_with() {
    let mut rig = Rig::new("fork");
    assert!(rig.answer("one").starts_with("DONE"));
    let Harvest::Answered { agent_session: Some(forked), .. } = rig.ask("two") else { panic!("no fork") };
    assert_ne!(forked, UUID);
    rig.session.agent_session = forked.clone();
    rig.ask("three");
    assert!(rig.starts()[2]["argv"].to_string().contains(&forked));
}

#[test]
fn old_turn_folders_are_removed() {
    let mut rig = Rig::new("instant");
    let root = PathBuf::from(&rig.session.dir).join("turns");
    for n in 0..60 {
        let dir = root.join(format!("0-old{n}"));
        fs::create_dir_all(&dir).expect("a folder");
        fs::write(dir.join("spec.json"), "{}").expect("a file");
        fs::write(dir.join("started"), "shim 1").expect("a file");
        fs::write(dir.join("exit.json"), "{}").expect("a file");
    }
    rig.answer("Hello?");
    assert_eq!(fs::read_dir(root).expect("a folder").count(), 51);
}

#[test]
fn a_turn_costs_little_beyond_the_agents_own_time() {
    let mut rig = Rig::new("instant");
    rig.answer("warm up");
    let mut over: Vec<i64> = (0..20)
        .map(|n| {
            let turn = rig.turn(&format!("message {n}"));
            let clock = rig.engine.store.clock().clone();
            let began = clock.mono_ms();
            rig.send(&turn);
            while matches!(rig.harvest(&turn), Harvest::Working { .. } | Harvest::NotSeen) {
                mission_control::base::clock::pause(Duration::from_millis(2));
            }
            let exit = rig.dir(&turn).exit().expect("it ended");
            clock.mono_ms() - began - exit.ended_at.since(exit.started_at)
        })
        .collect();
    over.sort_unstable();
    eprintln!("beyond the agent's own time, in ms: {over:?}");
    assert!(over[over.len() / 2] <= 100, "{over:?}");
}

#[test]
fn the_demo_agent_stands_in_for_luci_and_remembers() {
    let mut rig = Rig::new("demo");
    let first = rig.turn("Good morning, the name is Mara.");
    rig.send(&first);
    let Harvest::Answered { text, context_tokens: Some(before), agent_session: None } = rig.fate(&first) else {
        panic!("no answer")
    };
    assert!(text.starts_with("demo: ") && text.contains("Mara") && !text.contains("MC_TURN"), "{text}");
    let second = rig.turn("What did I say first?");
    rig.send(&second);
    let Harvest::Answered { text, context_tokens: Some(after), .. } = rig.fate(&second) else { panic!("no answer") };
    assert!(text.contains("> Good morning, the name is Mara."), "{text}");
    assert!(after > before, "{before} {after}");
    let Harvest::Answered { context_tokens, .. } = rig.ask("[demo: tokens 800000]") else { panic!("no answer") };
    assert_eq!(context_tokens, Some(800_000));
    let plan = rig.answer("Make tickets of it, one after the other:\n- Fix the login\n- Write the docs");
    assert!(plan.contains("```json") && plan.contains("\"mc_actions\"") && plan.contains("\"blocked_by\""), "{plan}");
    assert!(failure(rig.ask("[demo: fail]")).0.contains("told to fail"));
    assert!(failure(rig.ask("[demo: limit]")).0.contains("limit"));
}

#[test]
fn the_demo_agents_work_is_seen_and_interrupted() {
    let mut rig = Rig::new("demo");
    let turn = rig.turn("[demo: steps 3 100] [demo: hang]");
    rig.send(&turn);
    let doing = until("an activity", || match rig.harvest(&turn) {
        Harvest::Working { activity } => activity,
        Harvest::NotSeen => None,
        over => panic!("{over:?}"),
    });
    assert_eq!(doing, "running ls");
    rig.says(&turn, "told me to hang");
    rig.driver.interrupt(&rig.engine, &rig.session, &turn).expect("it can be asked");
    assert!(matches!(rig.fate(&turn), Harvest::Interrupted { partial: Some(_) }));
}

#[test]
fn a_conversation_the_demo_agent_does_not_know_is_lost() {
    let mut rig = Rig::new("demo");
    rig.session.answered = 1;
    assert!(failure(rig.ask("Hello?")).2);
}
