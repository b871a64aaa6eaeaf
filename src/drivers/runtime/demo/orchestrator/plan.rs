//! The demo agent's proposals: a list in a message becomes tickets, in the one documented block of an answer.

use crate::domain::text::cut_chars;
use serde_json::{Value, json};

/// Characters of a ticket's title.
const TITLE_CHARS: usize = 120;

/// Tickets made of one list.
const MOST: usize = 40;

/// What `[demo: propose …]` holds, as a block: whole, a list of actions, or one action. What is no JSON goes out as it
/// is, to be refused.
pub(crate) fn told(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("[demo: propose")?;
    let rest = rest.trim_start();
    let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
    let block = match values.next() {
        Some(Ok(Value::Array(actions))) => json!({"mc_actions": actions}),
        Some(Ok(Value::Object(object))) if object.contains_key("mc_actions") => Value::Object(object),
        Some(Ok(action)) => json!({"mc_actions": [action]}),
        Some(Err(_)) | None => {
            let raw = rest.rsplit_once(']').map_or(rest, |(raw, _)| raw);
            return Some(format!("```json\n{}\n```", raw.trim()));
        }
    };
    Some(fenced(&block))
}

/// Tickets made of a message's list: how many, and the block. None where there is no list or nobody speaks of tickets.
pub(crate) fn from_list(message: &str) -> Option<(usize, String)> {
    let lower = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|w| lower.contains(w));
    // Told why a proposal was refused, it does not propose the reasons.
    if !says(&["plan", "ticket", "task", "to do", "to-do"]) || lower.contains("mc_actions") || lower.contains("refused") {
        return None;
    }
    let items: Vec<&str> = message.lines().filter_map(item).take(MOST).collect();
    if items.len() < 2 {
        return None;
    }
    let in_order = says(&["one after the other", "one after another", "in this order", "in order", "then"]);
    let start = says(&["start them", "and start", "begin at once"]);
    let actions: Vec<Value> = items
        .iter()
        .enumerate()
        .map(|(n, title)| {
            let mut action = json!({"kind": "create_ticket", "ref": name(n), "title": cut_chars(title, TITLE_CHARS).0});
            if in_order && n > 0 {
                action["blocked_by"] = json!([name(n - 1)]);
            }
            if start {
                action["start"] = json!(true);
            }
            action
        })
        .collect();
    Some((actions.len(), fenced(&json!({"mc_actions": actions}))))
}

fn name(n: usize) -> String {
    format!("t{}", n + 1)
}

/// The words of one line of a list; a ticket that is there already is none to be made.
fn item(line: &str) -> Option<&str> {
    let line = line.trim();
    let bullet = ["- ", "* ", "• "].iter().find_map(|b| line.strip_prefix(b));
    let words = bullet.or_else(|| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len()).then(|| rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))).flatten()
    })?;
    let words = words.trim().trim_start_matches("[ ] ");
    (!words.is_empty() && !words.starts_with("MC-")).then_some(words)
}

fn fenced(block: &Value) -> String {
    format!("```json\n{}\n```", serde_json::to_string_pretty(block).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(block: &str) -> Vec<Value> {
        let json = block.strip_prefix("```json\n").and_then(|b| b.strip_suffix("\n```")).expect("fenced");
        serde_json::from_str::<Value>(json).expect("JSON")["mc_actions"].as_array().expect("a list").clone()
    }

    #[test]
    fn a_list_becomes_tickets_one_per_line() {
        let (count, block) =
            from_list("Please make tickets:\n- Fix the login\n2. Write the docs\n* [ ] Ship it\nThanks").expect("a list");
        let actions = actions(&block);
        let titles: Vec<&str> = actions.iter().filter_map(|a| a["title"].as_str()).collect();
        assert_eq!((count, titles), (3, vec!["Fix the login", "Write the docs", "Ship it"]));
        assert!(actions.iter().all(|a| a["kind"] == "create_ticket" && a.get("blocked_by").is_none()));
    }

    #[test]
    fn one_after_the_other_blocks_each_by_the_one_before() {
        let (_, block) = from_list("A plan, one after the other:\n- a\n- b\n- c").expect("a list");
        let by: Vec<Value> = actions(&block).iter().map(|a| a["blocked_by"].clone()).collect();
        assert_eq!(by, [Value::Null, json!(["t1"]), json!(["t2"])]);
    }

    #[test]
    fn what_it_proposes_is_read_as_documented() {
        let message = "Tickets, one after the other, and start them:\n- Fix the login\n- Write the docs";
        let (count, block) = from_list(message).expect("a list");
        let found = crate::domain::orchestrator::proposal_block::read(&format!("demo: here.\n\n{block}"))
            .expect("good")
            .expect("a block");
        assert_eq!((found.text.trim(), found.actions.len()), ("demo: here.", count));
    }

    #[test]
    fn what_is_no_wish_for_tickets_gets_none() {
        for message in [
            "tickets please",
            "- only one ticket",
            "my shopping:\n- milk\n- bread",
            "digest of tickets:\n- MC-1 done\n- MC-2 done",
            "Your mc_actions were refused:\n- Action 1: no such ticket\n- Action 2: no title",
        ] {
            assert_eq!(from_list(message), None, "{message}");
        }
    }

    #[test]
    fn what_it_is_told_to_propose_goes_out_as_told() {
        let one = told(r#"x [demo: propose {"kind":"notify","text":"a ] b"}] y"#).expect("told");
        assert_eq!(actions(&one), [json!({"kind": "notify", "text": "a ] b"})]);
        let list = told(r#"[demo: propose [{"kind":"ignore"},{"kind":"ignore"}]]"#).expect("told");
        assert_eq!(actions(&list).len(), 2);
        let whole = told(r#"[demo: propose {"mc_actions":[{"kind":"ignore"}]}]"#).expect("told");
        assert_eq!(actions(&whole).len(), 1);
        assert_eq!(told("[demo: propose {bad json]").as_deref(), Some("```json\n{bad json\n```"));
        assert_eq!(told("propose something"), None);
    }
}
