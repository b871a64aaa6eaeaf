//! What of a question is asked, and which lists are answers to it.

use super::*;

fn parts(text: &str) -> (String, String, Vec<String>) {
    let q = read(text);
    (q.ask, q.why, q.options)
}

#[test]
fn a_list_that_is_a_choice_offers_its_entries() {
    for (text, wanted) in [
        ("Which region?\n\n- eu-central-1\n- **us-east-1**\n", &["eu-central-1", "us-east-1"][..]),
        ("Which region? The database is in Europe.\n\n- `eu-central-1`\n- us-east-1\n", &["eu-central-1", "us-east-1"]),
        ("Keep it?\nOptions: yes | no | `later`", &["yes", "no", "later"]),
        ("Options: yes | no\nShall I keep it?", &["yes", "no"]),
        ("Keep it?\n**Options:** yes | no", &["yes", "no"]),
        ("Keep it?\n**options**: yes | no", &["yes", "no"]),
        ("Pick:\n1. red\n2) blue", &["red", "blue"]),
        ("Pick:\na) red\nB. blue", &["red", "blue"]),
        ("Pick:\nOptions: dark\rred | blue", &["dark red", "blue"]),
        ("What now?\n- a\n- b\nPlease say.", &["a", "b"]),
        ("**Which one?**\n- a\n- b\n\nI would take the first.", &["a", "b"]),
        ("These are the options:\n* a\n* b\nWhich do you want?", &["a", "b"]),
        ("Which colour?\n- red\n\n- blue\n", &["red", "blue"]),
        ("I found:\n- x.rs\n- y.rs\n\nWhich should I keep?\n- both\n- none", &["both", "none"]),
        ("I'd go on.\n+ yes\n+ no", &["yes", "no"]),
    ] {
        assert_eq!(read(text).options, wanted, "{text:?}");
    }
}

#[test]
fn a_list_that_is_no_choice_offers_nothing_and_stays_in_the_text() {
    for text in [
        "I would delete:\n- a.rs\n- b.rs\nShall I?",
        "The files which I would delete:\n- a.rs\n- b.rs\nShall I?",
        "Is it the cache?\n- a.rs\n- b.rs\nShall I delete both?",
        "Which region?",
        "- one\n- two",
        "What now?\n- only one",
        "What now?\n- a\n- b\n- c\n- d\n- e",
        "What now?\n- a\n- a very long option that nobody could fit on a button of a phone",
        "What now?\n- eu\n  is cheaper\n- us\n- asia",
        "What now?\n- eu\n  - west\n  - north\n- us",
        "I tried this:\n```\n- a\n- b\n```",
        "Options: only one\nShall I?",
        "Options:",
        "In 2026 we\n2026. no list",
        "",
    ] {
        let q = read(text);
        assert!(q.options.is_empty(), "{text:?} gave {:?}", q.options);
        let words = format!("{} {}", q.ask, q.why);
        for word in text.split_whitespace() {
            assert!(words.contains(word), "{word} of {text:?} is missing in {words:?}");
        }
    }
}

#[test]
fn the_question_is_found_before_or_behind_its_reasons() {
    let (ask, why, _) = parts("Which region? The database is in Europe.\n\n- `eu-central-1`\n- us-east-1\n");
    assert_eq!((ask.as_str(), why.as_str()), ("Which region?", "The database is in Europe."));
    let (ask, why, options) = parts("Both work. Which one should I take? I would take the first.");
    assert_eq!((ask.as_str(), why.as_str()), ("Which one should I take?", "Both work. I would take the first."));
    assert!(options.is_empty());
    let (ask, why, options) = parts("What now?\n- a\n- b\n- c\n- d\n- e\n- f\n- g");
    assert_eq!(ask, "What now?");
    assert!(options.is_empty() && why.contains("- g"), "a long list is no set of buttons");
    assert_eq!(parts("Tell me more").0, "Tell me more");
    assert_eq!(parts("").0, "");
}

#[test]
fn the_page_and_telegram_offer_the_same_answers() {
    let ticket = crate::domain::samples::ticket();
    for text in ["I would delete:\n- a.rs\n- b.rs\nShall I?", "Keep it?\nOptions: yes | no", "QUESTION: Which?\n- a\n- b"] {
        let said =
            crate::domain::notice::texts::needs(&ticket, crate::domain::ticket::Status::NeedsInput, text).expect("a notice");
        let labels: Vec<String> = said.buttons.into_iter().map(|b| b.label).collect();
        assert_eq!(labels, of_comment(text).options, "{text:?}");
    }
}
