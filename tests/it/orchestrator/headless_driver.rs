//! The headless driver with real shims: scripted agents and the demo agent answer, hang, die and are interrupted.

use crate::orchestrator::headless_rig::{BRIEF, Rig, UUID, failure};
use mission_control::base::error::Error;
use mission_control::drivers::supervise::stop;
use mission_control::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

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
