//! The demo agent in the orchestrator's place: what it makes of a message. No model and no I/O.

pub(crate) mod digest;
pub(crate) mod hooks;
pub(crate) mod input_box;
pub(crate) mod keys;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod plan;
pub(crate) mod screen;
pub(crate) mod transcript;
pub(crate) mod turn;

use crate::domain::text::cut_chars;
use crate::drivers::runtime::demo::common::DemoEnding;
use crate::drivers::runtime::demo::orchestrator::memory::Conversation;
use crate::drivers::runtime::demo::script::{Directive, directives};

/// Tokens a conversation begins with: the role and the tools of a real agent.
const FIRST_TOKENS: i64 = 3_000;

/// Characters of a message that are repeated.
const ECHO_CHARS: usize = 200;

/// What comes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Thought {
    /// Commands to run first.
    pub(crate) steps: u32,
    /// Milliseconds each takes; none = as fast as everything.
    pub(crate) every_ms: Option<u64>,
    /// How it ends.
    pub(crate) ending: DemoEnding,
}

/// Whether it is spoken to as the orchestrator and not as a worker.
pub(crate) fn is_luci(brief: Option<&str>, prompt: &str) -> bool {
    brief.is_some_and(|b| b.lines().next().is_some_and(|l| l.starts_with("You are Luci"))) || prompt.contains("[MC_TURN:")
}

/// Takes a message in.
pub(crate) fn think(memory: &mut Conversation, prompt: &str) -> Thought {
    let message = message_of(prompt);
    let decided = digest::answer(&message);
    let script = if decided.is_some() { Vec::new() } else { directives(&message) };
    let mut thought = Thought { steps: 0, every_ms: None, ending: DemoEnding::Reply(String::new()) };
    let mut tokens = None;
    let mut said = Vec::new();
    let mut ending = None;
    for directive in &script {
        match directive {
            Directive::Steps { count, every_ms } => (thought.steps, thought.every_ms) = (*count, *every_ms),
            Directive::Tokens(n) => tokens = Some(*n),
            Directive::Say(text) => said.push(text.clone()),
            Directive::Fail => ending = Some(DemoEnding::Failed),
            Directive::Hang => ending = Some(DemoEnding::Hang),
            Directive::Limit => {
                // Once: asked again, as after a reset, it answers.
                memory.limited = !memory.limited;
                ending = memory.limited.then_some(DemoEnding::Limited);
            }
            Directive::Ask { .. } | Directive::Review => {}
        }
    }
    let hands_over = decided.is_none() && message.to_lowercase().contains("hand-over note");
    let reply = match (decided, said.is_empty()) {
        (Some(reply), _) => reply,
        (None, false) => said.join("\n\n"),
        (None, true) if hands_over => hand_over(memory),
        (None, true) => reply(memory, &message),
    };
    if !hands_over {
        memory.turns += 1;
        memory.first.get_or_insert_with(|| message.clone());
        memory.last.clone_from(&message);
    }
    let grown = i64::try_from((message.len() + reply.len()) / 4 + 50).unwrap_or(0);
    memory.tokens = tokens.unwrap_or(memory.tokens.max(FIRST_TOKENS) + grown);
    thought.ending = ending.unwrap_or(DemoEnding::Reply(reply));
    thought
}

/// The words of a prompt: without what routes it, and without the tags that a paste is wrapped in.
fn message_of(prompt: &str) -> String {
    let mut rest = prompt;
    let mut kept = String::new();
    while let Some((before, marker)) = rest.split_once("[MC_TURN:") {
        kept.push_str(before);
        rest = marker.split_once(']').map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    let lines: Vec<&str> =
        kept.lines().filter(|l| !l.starts_with("<pasted_content id=") && !l.starts_with("</pasted_content id=")).collect();
    lines.join("\n").trim().to_owned()
}

fn reply(memory: &Conversation, message: &str) -> String {
    if let Some(block) = plan::told(message) {
        return format!("demo: you told me to propose this; no model has thought about it.\n\n{block}");
    }
    let lower = message.to_lowercase();
    let asks_first =
        ["say first", "said first", "first message", "first thing i", "tell you first"].iter().any(|w| lower.contains(w));
    if asks_first {
        return match &memory.first {
            Some(first) => format!("demo: the first you said in this conversation was:\n\n{}", quoted(first)),
            None => "demo: this is the first you say in this conversation.".to_owned(),
        };
    }
    if let Some((count, block)) = plan::from_list(message) {
        return format!(
            "demo: I made {count} tickets of your list, without any model's thought. Apply what you want of it.\n\n{block}"
        );
    }
    format!(
        "demo: I am the demo agent in Luci's place: no model reads this, but the conversation is real. This is message {} of it. \
         You said:\n\n{}\n\nA list of lines and the word \"tickets\" gets you proposals; ask me what you said first to see that I remember.",
        memory.turns + 1,
        quoted(message)
    )
}

fn hand_over(memory: &Conversation) -> String {
    let line = |text: &str| cut_chars(&text.split_whitespace().collect::<Vec<_>>().join(" "), ECHO_CHARS).0.to_owned();
    format!(
        "demo: hand-over note. {} messages were answered in this conversation. It began with \"{}\" and the last was about \"{}\". \
         Nothing is promised and nothing is open; the board tells the rest.",
        memory.turns,
        line(memory.first.as_deref().unwrap_or_default()),
        line(&memory.last)
    )
}

fn quoted(text: &str) -> String {
    let (cut, more) = cut_chars(text.trim(), ECHO_CHARS);
    let lines: Vec<String> = cut.lines().map(|l| format!("> {l}").trim_end().to_owned()).collect();
    format!("{}{}", lines.join("\n"), if more { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(memory: &mut Conversation, text: &str) -> String {
        match think(memory, &format!("{text}\n\n[MC_TURN:7:cafe]")).ending {
            DemoEnding::Reply(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn it_knows_when_it_stands_in_for_luci() {
        assert!(is_luci(Some("You are Luci, who…\nmore"), "hello"));
        assert!(is_luci(None, "hello\n\n[MC_TURN:1:a]"));
        assert!(!is_luci(Some("You work on ticket MC-1. You are Luci's helper."), "hello"));
    }

    #[test]
    fn it_remembers_the_first_message_and_never_repeats_the_marker() {
        let mut memory = Conversation::default();
        let first = say(&mut memory, "Good morning, the name is Mara.");
        assert!(first.starts_with("demo: ") && first.contains("the name is Mara"), "{first}");
        say(&mut memory, "Second.");
        let asked = say(&mut memory, "What did I say first?");
        assert!(asked.contains("Good morning, the name is Mara."), "{asked}");
        let note = say(&mut memory, "Please write the hand-over note for the next conversation.");
        assert!(note.contains("3 messages") && note.contains("Mara"), "{note}");
        for reply in [first, asked, note] {
            assert!(!reply.contains("MC_TURN") && !reply.contains("cafe"), "{reply}");
        }
        assert_eq!(memory.turns, 3, "the note is no message");
    }

    #[test]
    fn tokens_grow_and_can_be_set() {
        let mut memory = Conversation::default();
        say(&mut memory, "one");
        let before = memory.tokens;
        say(&mut memory, "two");
        assert!(before >= FIRST_TOKENS && memory.tokens > before);
        say(&mut memory, "[demo: tokens 800000]");
        assert_eq!(memory.tokens, 800_000);
        say(&mut memory, "three");
        assert!(memory.tokens > 800_000);
    }

    #[test]
    fn directives_are_acted() {
        let mut memory = Conversation::default();
        assert_eq!(say(&mut memory, "x [demo: say **good** day]"), "**good** day");
        assert_eq!(think(&mut memory, "[demo: fail]").ending, DemoEnding::Failed);
        assert_eq!(think(&mut memory, "[demo: hang]").ending, DemoEnding::Hang);
        assert_eq!(think(&mut memory, "[demo: limit]").ending, DemoEnding::Limited);
        assert!(matches!(think(&mut memory, "[demo: limit]").ending, DemoEnding::Reply(_)), "the second time it answers");
        let steps = think(&mut memory, "[demo: steps 5 200]");
        assert_eq!((steps.steps, steps.every_ms), (5, Some(200)));
    }

    #[test]
    fn a_pasted_message_is_unwrapped() {
        let prompt = "\n\n<pasted_content id=\"6a94\">\nline one\nline two\n[MC_TURN:1:x]\n</pasted_content id=\"6a94\">\n";
        assert_eq!(message_of(prompt), "line one\nline two");
    }
}
