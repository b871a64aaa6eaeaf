//! Answers whose block cannot be read, and answers without one.

use crate::orchestrator::proposals_rig::{answer_next, ask, of, states};
use crate::support::app::TestApp;
use mission_control::domain::orchestrator::proposal::ProposalState;
use mission_control::domain::orchestrator::turn::TurnOrigin;
use mission_control::store::orchestrator::turns;

#[test]
fn a_bad_block_is_told_once_and_never_in_a_circle() {
    let app = TestApp::start();
    app.ticket("One");
    ask(&app, "Do something");
    let bad = "Yes.\n```json\n{\"mc_actions\":[{\"kind\":\"explode\u{0}\",\"x\":1},{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"nobody\"}]}\n```";
    let turn = answer_next(&app, bad);
    assert!(of(&app, &turn).is_empty());
    let next = app.store.read(|c| turns::queue(c, 9)).expect("readable");
    assert_eq!(next.len(), 1);
    assert_eq!((next[0].origin, next[0].author.as_str()), (TurnOrigin::Correction, "Mission Control"));
    assert!(next[0].message.contains("Do something") && next[0].message.contains("block"), "{}", next[0].message);

    let still_bad = answer_next(&app, bad);
    assert!(app.store.read(|c| turns::queue(c, 9)).expect("readable").is_empty(), "no third time");
    let kept = of(&app, &still_bad);
    assert_eq!((kept.len(), kept[0].state), (1, ProposalState::Refused));
    assert!(kept[0].error.as_deref().is_some_and(|e| !e.is_empty()));

    ask(&app, "Again");
    answer_next(&app, "```json\n{\"mc_actions\":[{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"nobody\"}]}\n```");
    let told = app.store.read(|c| turns::queue(c, 9)).expect("readable");
    assert!(told[0].message.contains("nobody"), "{}", told[0].message);
    let good = answer_next(&app, "{\"mc_actions\":[{\"kind\":\"assign\",\"ticket\":\"MC-1\",\"role\":\"scott\"}]}");
    assert_eq!(states(&app, &good), [ProposalState::Open]);
}

#[test]
fn words_without_a_block_suggest_nothing() {
    let app = TestApp::start();
    for answer in [
        "Plain.",
        mission_control::domain::orchestrator::proposal_block::contract(),
        "DONE: all",
        "{\"mc_actions\": [] } and so on",
    ] {
        ask(&app, "Hm?");
        let turn = answer_next(&app, answer);
        assert_eq!(turn.response.as_deref(), Some(answer));
        assert!(of(&app, &turn).is_empty());
    }
    assert!(app.store.read(|c| turns::queue(c, 9)).expect("readable").is_empty());
}
