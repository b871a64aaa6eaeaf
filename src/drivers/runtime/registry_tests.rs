//! What every runtime in the registry holds to.

use crate::domain::profile::{Profile, RuntimeKind};
use crate::domain::run::FailureCode;
use crate::drivers::runtime;
use crate::drivers::runtime::launch::{Probe, SessionPlan, TurnParts};
use std::path::Path;

const KINDS: &[RuntimeKind] = &[RuntimeKind::Claude, RuntimeKind::Demo, RuntimeKind::Api];

#[test]
fn what_a_runtime_says_it_can_do_is_there() {
    assert_eq!(KINDS.len(), runtime::ALL.len(), "each kind has its line");
    for kind in KINDS {
        let can = runtime::of(*kind).capabilities();
        assert_eq!(can.live_session, runtime::of(*kind).live().is_some(), "{kind:?}");
        assert!(can.resume || !can.fork, "{kind:?}: only what goes on can fork");
        assert!(can.hooks || !can.live_session, "{kind:?}: without hooks nothing tells how a live turn ended");
    }
}

#[test]
fn a_plain_api_is_asked_and_never_given_a_turn() {
    let profile = Profile { model: Some("m".to_owned()), ..Profile::new("plain", RuntimeKind::Api) };
    let api = runtime::of(RuntimeKind::Api);
    let asked = api.launch_question(&profile, Path::new("/bin/mc")).expect("may be asked");
    assert_eq!(asked.argv, ["/bin/mc", "ask-model", "--model=m"]);
    let session = SessionPlan::New("2b0c1f6e-6a3e-4d8a-9d51-0f6f5c1f7a10".to_owned());
    let parts = TurnParts { session, brief: "", is_root: false, own_exe: Path::new("/bin/mc") };
    let refused = api.launch_turn(&profile, &Probe::default(), &parts).expect_err("no agent");
    assert!(refused.code == FailureCode::Refused && refused.text.contains("choose a profile with an agent"), "{}", refused.text);
    let agent = Profile::new("demo", RuntimeKind::Demo);
    let refused = runtime::of(RuntimeKind::Demo).launch_question(&agent, Path::new("/bin/mc")).expect_err("an agent");
    assert_eq!(refused.text, "the profile demo has runtime = \"demo\": kind api needs one with \"api\"");
}

#[test]
fn no_agent_inherits_what_is_another_ones_own() {
    let all: Vec<&str> = runtime::variables().collect();
    assert!(["ANTHROPIC_", "CLAUDE", "OPENAI_"].iter().all(|name| all.contains(name)), "{all:?}");
}

#[test]
fn a_run_of_a_profile_that_is_gone_is_still_read() {
    assert!(runtime::of_profile(None).capabilities().resume);
}
