//! What is a block and what is not, and what is said of a bad one.

use super::*;
use crate::domain::orchestrator::proposal::ActionKind;
use crate::domain::ticket::Priority;
use proptest::prelude::*;

fn some(answer: &str) -> Found {
    read(answer).expect("good").expect("a block")
}

fn kinds(found: &Found) -> Vec<ActionKind> {
    found.actions.iter().map(Action::kind).collect()
}

fn wrong(json: &str) -> String {
    read(&format!("Words.\n\n```json\n{json}\n```\n")).expect_err("refused").join(" ")
}

const NOTE: &str = r#"{"mc_actions": [{"kind": "notify", "text": "Done ```soon``` {\"mc_actions\"}"}]}"#;

#[test]
fn a_block_is_found_in_every_dress() {
    for answer in [
        format!("Words.\n\n```json\n{NOTE}\n```"),
        format!("Words.\n```\n{NOTE}\n```\n\n  \n"),
        format!("Words.\r\n\r\n```JSON\r\n{NOTE}\r\n```\r\n"),
        format!("Words.\n\n````json\n{NOTE}\n````\n"),
        format!("Words.\n\n  ```json\n  {NOTE}\n  ```\n"),
        format!("Words.\n\n{NOTE}\n"),
        format!("Words. {NOTE}"),
        format!("Words.\n```json\n{NOTE}"),
        format!("Words.\n```json\n{}\n```", NOTE.replace(", ", ",\n\n  ")),
    ] {
        let found = some(&answer);
        assert_eq!(found.text, "Words.", "{answer}");
        assert_eq!(kinds(&found), [ActionKind::Notify], "{answer}");
        assert_eq!(words(&answer), "Words.", "{answer}");
    }
    assert_eq!(some(NOTE).text, "");
}

#[test]
fn only_the_last_thing_of_an_answer_is_a_block() {
    for answer in [
        "Plain words.".to_owned(),
        String::new(),
        format!("```json\n{NOTE}\n```\nAnd that is all."),
        format!("I could say `{NOTE}` here."),
        format!("````markdown\n```json\n{NOTE}\n```\n````"),
        format!("```rust\n{NOTE}\n```"),
        format!("> ```json\n> {NOTE}\n> ```"),
        format!("```json\n{NOTE}\n```\n\n```sh\nls\n```"),
        "The key is \"mc_actions\" and {that} is it}".to_owned(),
        "```json\n{\"other\": 1}\n```".to_owned(),
        contract().to_owned(),
    ] {
        assert_eq!(read(&answer), Ok(None), "{answer}");
        if answer != contract() {
            assert_eq!(words(&answer), answer);
        }
    }
    let two = format!("```json\n{{\"mc_actions\": [{{\"kind\":\"ignore\"}}]}}\n```\nBetween.\n```json\n{NOTE}\n```");
    assert_eq!(kinds(&some(&two)), [ActionKind::Notify]);
}

#[test]
fn our_own_example_told_again_is_no_suggestion() {
    let echo = format!("As I was told:\n\n```json\n{EXAMPLE}```\n");
    assert_eq!(read(&echo), Ok(None));
    let changed = echo.replace("10 MB", "20 MB");
    assert_eq!(kinds(&some(&changed)), [ActionKind::CreateTicket, ActionKind::CreateTicket, ActionKind::Comment]);
    assert!(contract().contains(EXAMPLE) && ActionKind::ALL.iter().all(|k| contract().contains(k.as_str())));
}

#[test]
fn every_kind_is_read_and_written_the_same() {
    let json = r#"{"mc_actions": [
        {"kind":"create_ticket","ref":"a","title":"One","description":"D","role":"tessa","project":"life","priority":"high",
         "work_class":"ui","parent":"MC-3","blocked_by":["MC-1", 2],"start":true},
        {"kind":"comment","ticket":"MC-4","body":"Hello"},
        {"kind":"move","ticket":4,"status":"done"},
        {"kind":"assign","ticket":"a","role":"scott"},
        {"kind":"start","ticket":"MC-4"},
        {"kind":"answer_question","ticket":"MC-4","answer":"Yes"},
        {"kind":"notify","text":"Look"},
        {"kind":"ignore","reason":"Noise","items":[1,2]},
        {"kind":"ask_owner","question":"Which?","options":["this","that"]}]}"#;
    let found = some(json);
    assert_eq!(kinds(&found), ActionKind::ALL);
    for action in &found.actions {
        assert_eq!(Action::read(&action.json()).as_ref(), Ok(action));
        assert!(!action.headline().is_empty());
    }
    let Action::CreateTicket(one) = &found.actions[0] else { panic!("a ticket") };
    assert_eq!((one.priority, one.start, one.blocked_by.len()), (Some(Priority::High), true, 2));
    assert!(!found.actions[2].json().contains("null"));
}

#[test]
fn children_become_actions_of_their_own_with_their_parent() {
    let json = r#"{"mc_actions": [{"kind":"create_ticket","title":"Epic","children":[
        {"title":"One","ref":"part-1"},
        {"kind":"create_ticket","title":"Two","blocked_by":["part-1"],"children":[{"title":"Deep"}]}]}]}"#;
    let found = some(json);
    let flat: Vec<_> = found
        .actions
        .iter()
        .map(|a| {
            let Action::CreateTicket(new) = a else { panic!("a ticket") };
            assert!(new.children.is_empty());
            (new.title.as_str(), new.name.as_deref(), new.parent.as_ref().map(ToString::to_string))
        })
        .collect();
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(
        flat,
        [
            ("Epic", Some("part-2"), None),
            ("One", Some("part-1"), text("part-2")),
            ("Two", Some("part-3"), text("part-2")),
            ("Deep", None, text("part-3")),
        ]
    );
}

#[test]
fn what_is_wrong_is_said_in_sentences() {
    let one = |action: &str| wrong(&format!("{{\"mc_actions\": [{action}]}}"));
    for (action, said) in [
        (r#"{"kind":"explode"}"#, "explode"),
        (r#"{"title":"x"}"#, "kind"),
        (r#"{"kind":"comment","ticket":"MC-1"}"#, "missing field `body`"),
        (r#"{"kind":"comment","ticket":"MC-1","body":"x","colour":"red"}"#, "colour"),
        (r#"{"kind":"create_ticket","title":"x","colour":"red"}"#, "colour"),
        (r#"{"kind":"create_ticket","title":"x","children":[{"title":"y","colour":"red"}]}"#, "colour"),
        (r#"{"kind":"create_ticket","title":"x","children":[{"kind":"move","title":"y"}]}"#, "move"),
        (r#"{"kind":"create_ticket","title":"x","children":[{"title":"y","parent":"MC-1"}]}"#, "names a parent"),
        (r#"{"kind":"create_ticket","title":"  "}"#, "title is empty"),
        (r#"{"kind":"create_ticket","title":"a\nb"}"#, "control character"),
        (r#"{"kind":"create_ticket","title":"x","priority":"urgent"}"#, "urgent"),
        (r#"{"kind":"create_ticket","title":"x","blocked_by":["nobody"]}"#, "nobody"),
        (r#"{"kind":"create_ticket","title":"x","ref":"a b"}"#, "not allowed"),
        (r#"{"kind":"create_ticket","title":"x","ref":"MC-1"}"#, "not allowed"),
        (r#"{"kind":"create_ticket","title":"x","ref":"a"},{"kind":"create_ticket","title":"y","ref":"a"}"#, "two tickets"),
        (
            r#"{"kind":"create_ticket","title":"x","ref":"a","blocked_by":["b"]},{"kind":"create_ticket","title":"y","ref":"b","parent":"a"}"#,
            "before itself",
        ),
        (r#"{"kind":"create_ticket","title":"x","ref":"a","blocked_by":["a"]}"#, "before itself"),
        (r#"{"kind":"move","ticket":"MC-0","status":"done"}"#, "MC-0"),
        (r#"{"kind":"move","ticket":"MC-1","status":"gone"}"#, "gone"),
        (r#"{"kind":"move","ticket":-1,"status":"done"}"#, "-1"),
        (r#"{"kind":"move","ticket":null,"status":"done"}"#, "ticket"),
        (r#"{"kind":"start","ticket":"../../etc"}"#, "neither"),
        (r#"{"kind":"notify","text":""}"#, "text is empty"),
        (r#"{"kind":"notify","text":"a","text":"b"}"#, "duplicate"),
        (r#"{"kind":"ignore","items":["x"]}"#, "x"),
        ("5", "Action 1"),
    ] {
        let text = one(action);
        assert!(text.contains(said), "{action}: {text}");
    }
    assert!(wrong("{\"mc_actions\": {}}").contains("cannot be read"));
    assert!(wrong("{\"mc_actions\": [], \"more\": 1}").contains("more"));
    assert!(wrong("{\"mc_actions\": [").contains("cannot be read"));
    let many = vec![r#"{"kind":"ignore"}"#; 51].join(",");
    assert!(wrong(&format!("{{\"mc_actions\": [{many}]}}")).contains("51"));
    let children = vec![r#"{"title":"x"}"#; 50].join(",");
    assert!(one(&format!(r#"{{"kind":"create_ticket","title":"x","children":[{children}]}}"#)).contains("51"));
    let two = one(r#"{"kind":"explode"},{"kind":"comment","ticket":"MC-1"}"#);
    assert!(two.contains("Action 1") && two.contains("Action 2"), "everything is said at once: {two}");
    assert!(read("Words.\n{\"mc_actions\": [}").is_err(), "one without a fence is refused as well");
}

#[test]
fn a_tower_of_brackets_is_refused() {
    for (open, close) in [("[", "]"), ("{\"kind\":\"ignore\",\"items\":[", "]}"), ("{\"a\":", "}")] {
        let tower = format!("{{\"mc_actions\": [{}1{}]}}", open.repeat(10_000), close.repeat(10_000));
        assert!(read(&tower).is_err());
        assert!(read(&format!("```json\n{tower}\n```")).is_err());
    }
    let children = format!(
        "{{\"mc_actions\": [{{\"kind\":\"create_ticket\",\"title\":\"x\"{}{}}}]}}",
        ",\"children\":[{\"title\":\"x\"".repeat(10_000),
        "}]".repeat(10_000)
    );
    assert!(read(&children).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(?s).{0,200}", cut in 0_usize..400) {
        let _ = read(&text);
        for dressed in [format!("{text}\n```json\n{{\"mc_actions\": {text}}}\n```"), format!("{text}{{\"mc_actions\": [{text}]}}"), format!("{text}{NOTE}")] {
            let end = dressed.char_indices().map(|(at, _)| at).take_while(|at| *at <= cut).last().unwrap_or(0);
            let _ = read(&dressed);
            let _ = read(&dressed[end..]);
            let _ = read(&dressed[..end]);
            let _ = words(&dressed[..end]);
        }
    }

    #[test]
    fn pieces_of_blocks_never_make_it_panic(pieces in proptest::collection::vec(prop_oneof![
        Just("```"), Just("````json"), Just("\n"), Just("{"), Just("}"), Just("\"mc_actions\""), Just(":"), Just("["), Just("]"),
        Just("é"), Just("\r"), Just("{\"kind\":\"notify\",\"text\":\"x\"}"), Just("  "), Just(",")], 0..40)) {
        let text = pieces.concat();
        let _ = read(&text);
        prop_assert!(text.starts_with(words(&text)));
    }
}

#[test]
fn what_is_wrong_is_told_in_few_words_however_long_the_block_is() {
    let long = "x".repeat(100_000);
    let options = vec![""; 50_000];
    for json in [
        format!(r#"{{"mc_actions": [{{"kind": "{long}"}}]}}"#),
        format!(r#"{{"mc_actions": [{{"kind": "start", "ticket": "MC-1", "{long}": 1}}]}}"#),
        format!(r#"{{"mc_actions": [], "{long}": 1}}"#),
        serde_json::json!({"mc_actions": [{"kind": "ask_owner", "question": "q", "options": options}]}).to_string(),
        serde_json::json!({"mc_actions": [{"kind": "create_ticket", "title": "a", "children": [{"title": long, "parent": "MC-1"}]}]})
            .to_string(),
    ] {
        let told = wrong(&json);
        assert!(told.len() < 2_000, "{} bytes", told.len());
    }
}

#[test]
fn thousands_of_children_are_too_many_before_anything_is_done_for_them() {
    let child = serde_json::json!({"title": "", "children": [{"title": ""}]});
    let children = vec![child; 9_000];
    let told =
        wrong(&serde_json::json!({"mc_actions": [{"kind": "create_ticket", "title": "a", "children": children}]}).to_string());
    assert_eq!(told, "There are 18001 actions; at most 50 are allowed in one answer.");
}
