//! The block of suggested actions in an answer: known kinds and fields or nothing at all, and as bounded words what is
//! wrong with it.

use mission_control::domain::orchestrator::action::{Action, TEXT_MAX};
use mission_control::domain::orchestrator::proposal_block::{ACTIONS_MAX, read, words, wrong_together};
use serde_json::Value;

/// As the contract names them.
const KINDS: &[&str] =
    &["create_ticket", "comment", "move", "assign", "start", "answer_question", "notify", "ignore", "ask_owner"];

/// Reads an answer.
pub fn proposals(data: &[u8]) {
    let answer = String::from_utf8_lossy(data);
    let people = words(&answer);
    assert!(answer.starts_with(people), "people read something that was not said");
    match read(&answer) {
        Ok(None) => {}
        Ok(Some(found)) => {
            assert_eq!(found.text, people);
            assert!(answer[people.len()..].contains("\"mc_actions\""), "suggested outside the block");
            assert!(found.actions.len() <= ACTIONS_MAX, "{} actions", found.actions.len());
            assert!(wrong_together(&found.actions).is_empty());
            found.actions.iter().for_each(assert_action);
        }
        Err(wrong) => {
            assert!(!wrong.is_empty(), "wrong without a reason");
            let bytes: usize = wrong.iter().map(String::len).sum();
            assert!(bytes <= 64 * 1024, "{bytes} bytes of what is wrong");
            assert!(wrong.iter().all(|w| w.ends_with('.') && w.chars().count() <= 1_000), "{wrong:?}");
        }
    }
    // What an owner's editor sends goes another way.
    if let Ok(action) = Action::read(&answer)
        && action.wrong().is_empty()
        && !matches!(&action, Action::CreateTicket(new) if !new.children.is_empty())
    {
        assert_action(&action);
    }
}

fn assert_action(action: &Action) {
    assert!(action.wrong().is_empty());
    let json = action.json();
    let value: Value = serde_json::from_str(&json).expect("JSON");
    assert!(KINDS.contains(&value["kind"].as_str().unwrap_or_default()), "{json}");
    assert_eq!(value["kind"], action.kind().to_string());
    assert_eq!(Action::read(&json).map(|a| a.json()), Ok(json), "stored and read back it is another one");
    assert!(!action.headline().contains('\n') && action.headline().chars().count() <= 400, "{:?}", action.headline());
    let texts = value.as_object().into_iter().flat_map(|o| o.values()).filter_map(Value::as_str);
    assert!(texts.map(|t| t.chars().count()).all(|n| n <= TEXT_MAX));
}
