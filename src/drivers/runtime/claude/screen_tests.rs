//! Screens as Claude Code has shown them, and what each means.

use super::*;

const RULE: &str = "\u{1b}[38;5;244m────────────────────────────────";

fn screen(above: &str, inside: &str, footer: &str) -> AgentScreen {
    read(&format!("{above}\n{RULE}\n\u{1b}[39m{inside}\n{RULE}\n\u{1b}[39m  {footer}\n\n\n"))
}

fn input(text: &str, lines: usize) -> Option<InputBox> {
    Some(InputBox { text: text.to_owned(), lines, shell: false })
}

#[test]
fn an_empty_box_with_or_without_a_hint_is_ready() {
    let idle =
        screen("● DONE: hi\n\n✻ Churned for 0s", "❯\u{a0}\u{1b}[7m \u{1b}[0m", "⏵⏵ bypass permissions on (shift+tab to cycle)");
    assert_eq!(idle, AgentScreen { input: input("", 1), busy: false, dialog: None });
    let hint = "❯\u{a0}\u{1b}[7mO\u{1b}[0;2m\u{1b}[39m\u{1b}[49mnce fixed, resend your message\u{1b}[0m\u{1b}[39m\u{1b}[49m";
    assert_eq!(screen("", hint, "⏵⏵ bypass").input, input("", 1));
    // However the cursor and the hint are drawn.
    let plain_cursor = "❯\u{a0}O\u{1b}[2mnce fixed, resend your message\u{1b}[0m";
    assert_eq!(screen("", plain_cursor, "⏵⏵ bypass").input, input("", 1));
    assert_eq!(screen("", "❯\u{a0}Once fixed, resend your message", "⏵⏵ bypass").input, input("", 1));
    assert_eq!(screen("", "❯\u{a0}O", "⏵⏵ bypass").input, input("O", 1), "a letter that somebody typed");
}

#[test]
fn text_left_in_the_box_is_seen() {
    assert_eq!(screen("", "❯\u{a0}leftover junk\u{1b}[7m ", "").input, input("leftover junk", 1));
    assert_eq!(screen("", "❯\u{a0}a\u{1b}[7mb\u{1b}[0mc", "").input, input("abc", 1), "under the cursor");
    let two = screen("", "❯\u{a0}two\n  lines here [MC_TURN:1:abc]\u{1b}[7m ", "");
    let two = two.input.expect("a box");
    assert_eq!((two.text.as_str(), two.lines), ("two\nlines here [MC_TURN:1:abc]", 2));
    assert!(two.holds("[MC_TURN:1:abc]") && !two.holds("[MC_TURN:1:abd]"));
    let paste = screen("", "❯\u{a0}[Pasted text #1 +2901 lines]\u{1b}[7m ", "paste again to expand").input.expect("a box");
    assert!(!paste.is_clean() && !paste.holds("[MC_TURN:1:abc]"));
    assert!(holds_only(&two, "two\nlines here\n\n", "[MC_TURN:1:abc]"));
    let twice = screen("", "❯\u{a0}好的\n\n  好的\n\n  [MC_TURN:1:abc]", "").input.expect("a box");
    assert!(!holds_only(&twice, "好的\n\n", "[MC_TURN:1:abc]") && holds_only(&twice, "好的\n\n好的\n\n", "[MC_TURN:1:abc]"));
    assert!(!holds_only(&two, "lines here\n\n", "[MC_TURN:1:abc]") && !holds_only(&two, "two\nlines here", "[MC_TURN:1:ab]"));
    let numbered = screen("", "❯\u{a0}1. first", "").input;
    assert_eq!(numbered, input("1. first", 1), "typed by a person, not a choice");
    let ruled = screen("", "❯\u{a0}───────────\n  ──────────\n  [MC_TURN:1:abc]", "").input.expect("a box");
    assert!(ruled.lines == 3 && holds_only(&ruled, "───────────\n──────────\n", "[MC_TURN:1:abc]"), "rules in what is typed");
    let shell = screen("", "!\u{a0}ls", "! for shell mode").input.expect("a box");
    assert!(shell.shell && !shell.is_clean());
}

#[test]
fn a_folded_paste_is_ours_alone_only_with_our_marker_behind_it_and_as_many_lines() {
    let holds = |shown: &str, text: &str| {
        let shown = screen("", &format!("❯\u{a0}{shown}"), "").input.expect("a box");
        holds_only(&shown, text, "[MC_TURN:1:abc]")
    };
    let nine = "a\n".repeat(9);
    assert!(holds("[Pasted text #12 +9 lines][MC_TURN:1:abc]", &nine));
    assert!(holds("[Pasted text #1][MC_TURN:1:abc]", "one endless line"));
    for other in [
        "[Pasted text #1 +9 lines]",
        "[Pasted text #1 +8 lines][MC_TURN:1:abc]",
        "[Pasted text #1 +19 lines][MC_TURN:1:abc]",
        "[Pasted text #1][MC_TURN:1:abc]",
        "a[Pasted text #1 +9 lines][MC_TURN:1:abc]",
        "[Pasted text #1 +9 lines]b[MC_TURN:1:abc]",
        "[Pasted text #1 +9 lines][MC_TURN:1:abc]b",
        "[Pasted text #1 +9 lines][Pasted text #2 +9 lines][MC_TURN:1:abc]",
        "[Pasted text #1 +9 lines][MC_TURN:1:def][Pasted text #2 +9 lines][MC_TURN:1:abc]",
    ] {
        assert!(!holds(other, &nine), "{other}");
    }
}

#[test]
fn work_is_read_from_the_footer_and_never_from_what_was_said() {
    assert!(screen("* Spinning… (2s)", "❯\u{a0}", "⏵⏵ bypass · esc to interrupt · ← for agents").busy);
    assert!(screen("✻ Baking… (3s · esc to interrupt)", "❯\u{a0}", "? for shortcuts").busy);
    let said = screen("● Press esc to interrupt me\n  * esc to interrupt", "❯\u{a0}", "? for shortcuts");
    assert!(!said.busy, "{said:?}");
}

#[test]
fn a_dialog_is_seen_only_where_there_is_no_box() {
    let ask = "❯ q ask me\n\n────────────────────────────\n ☐ Pick\n\nWhich one?\n\n❯ 1. A\n     a\n  2. B\n────────────────────────────\n  4. Chat about this\n\nEnter to select · ↑/↓ to navigate · Esc to cancel\n";
    let seen = read(ask);
    assert_eq!((seen.input, seen.busy), (None, false));
    let words = seen.dialog.expect("a dialog");
    assert!(words.starts_with("☐ Pick · Which one? · ❯ 1. A"), "{words}");
    let lower = read(&ask.replace("❯ 1. A", "  1. A").replace("  4. Chat", "❯ 4. Chat")).dialog.expect("a dialog");
    assert!(lower.starts_with("☐ Pick · Which one?"), "{lower}");
    let trust =
        read(" Do you trust the files in this folder?\n\n ❯ 1. Yes, proceed\n   2. No, exit\n\n Enter to confirm · Esc to exit");
    assert!(trust.dialog.expect("a dialog").contains("trust"));
    let panel = read("▔▔▔▔▔▔▔▔\n  Settings  Status\n\n  Session\n  ←/→ to switch · Esc to close");
    assert!(panel.dialog.expect("a dialog").starts_with("Settings"));
    let said = screen("● Choose:\n❯ 1. Yes\n  Enter to confirm · Esc to cancel", "❯\u{a0}", "⏵⏵ bypass");
    assert_eq!((said.dialog, said.input), (None, input("", 1)));
    assert_eq!(read("starting up\n\n\n"), AgentScreen::default());
}

#[test]
fn last_words_are_those_of_the_program_and_not_its_decoration() {
    let words = last_words("No conversation found with session ID: 5f\n\n\nPane is dead (status 1, Sat Nov 21)\n");
    assert_eq!(words.as_deref(), Some("No conversation found with session ID: 5f"));
    assert_eq!(last_words("● hi\n─────────\n❯ \n─────────\nPane is dead (signal 9)"), None);
    assert_eq!(last_words("\n\n"), None);
}
