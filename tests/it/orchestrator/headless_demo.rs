//! The demo agent in Luci's place, through the headless driver.

use crate::orchestrator::headless_rig::{Rig, failure};
use crate::support::wait::until;
use mission_control::engine::orchestrator::driver::{Driver, Harvest};

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
