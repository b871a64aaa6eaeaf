//! The tmux driver with the real Claude Code in its terminal, and a model on loopback.

use crate::support::luci_rig::LuciRig;
use crate::support::model_stub::{ModelStub, script};
use crate::support::real_rig::real_cli;
use mission_control::base::clock::pause;
use mission_control::domain::orchestrator::session::LUCI;
use mission_control::drivers::supervise::process;
use mission_control::drivers::tmux::Key;
use mission_control::engine::orchestrator::driver::{AgentStatus, ConversationStart, Driver, Harvest, NotSent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::time::Duration;

struct Real {
    rig: LuciRig,
    model: ModelStub,
    _home: tempfile::TempDir,
}

/// None where there is no real program: then the test is skipped, aloud. It has never been started in this home.
fn real(test: &str) -> Option<Real> {
    let cli = real_cli(test)?;
    let home = tempfile::tempdir().expect("a temporary folder");
    let model = ModelStub::start();
    let env = json!({
        "ANTHROPIC_BASE_URL": model.url(), "ANTHROPIC_API_KEY": "dummy-local-0123456789abcdef", "HOME": home.path(),
        "IS_SANDBOX": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_TELEMETRY": "1", "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_MAX_RETRIES": "1",
    });
    let env: Vec<String> = env.as_object().expect("made so").iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let toml = format!(
        "[profiles.luci]\nruntime = \"claude\"\ncommand = [{}]\npermission_mode = \"bypassPermissions\"\nenv = {{ {} }}\n",
        json!(cli),
        env.join(", ")
    );
    let rig = LuciRig::brief(&toml, "You are Luci; your colour is teal.");
    Some(Real { rig, model, _home: home })
}

fn up(test: &str) -> Option<Real> {
    let real = real(test)?;
    real.rig.start(ConversationStart::Fresh);
    real.rig.until_ready();
    Some(real)
}

fn told(message: &str, steps: &Value) -> String {
    format!("{message} {}", script(steps))
}

/// How often a turn's marker came to the model as something the user said, in its newest request.
fn heard(model: &ModelStub, marker: &str) -> usize {
    model.turns().last().map_or(0, |asked| asked.said_by_user().matches(marker).count())
}

#[test]
fn a_first_start_asks_nothing_and_an_answer_comes_back_byte_for_byte() {
    let Some(real) = up("terminal: plain turn") else { return };
    let answer =
        format!("# Done\n\n- `a`\n- {}\n\n\tDONE: é ⏵ \"x\"", "a long line that no terminal shows in one piece ".repeat(10));
    let turn = real.rig.send(&told("Hello", &json!([{"text": answer}])));
    let Harvest::Answered { text, context_tokens, agent_session } = real.rig.end(&turn) else { panic!("{}", real.rig.screen()) };
    assert_eq!((text, context_tokens, agent_session), (answer, Some(1_190), None));
    let asked = real.model.turns();
    assert!(asked[0].body["system"].to_string().contains("your colour is teal"), "she knows her role");
    assert_eq!(heard(&real.model, &turn.marker()), 1);
    real.rig.until_ready();
    assert_eq!(real.rig.ask(&told("And again", &json!([{"text": "Yes."}]))), "Yes.");
    assert_eq!(heard(&real.model, &turn.marker()), 1, "the conversation goes on");
}

#[test]
fn what_it_does_is_told_while_it_uses_a_tool() {
    let Some(real) = up("terminal: tool turn") else { return };
    let steps = json!([{"text": "I look", "tools": [["Bash", {"command": "sleep 1; echo hi", "description": "say hi"}]]}, {"text": "It said hi"}]);
    let turn = real.rig.send(&told("Look", &steps));
    real.rig.until("the tool", || match real.rig.harvest(&turn) {
        Harvest::Working { activity } => activity.filter(|a| a == "running sleep 1; echo hi"),
        _ => None,
    });
    assert!(matches!(real.rig.end(&turn), Harvest::Answered { text, .. } if text == "It said hi"));
}

#[test]
fn escape_ends_a_turn_and_what_it_leaves_in_the_box_is_not_glued_to_the_next() {
    let Some(real) = up("terminal: escape") else { return };
    let turn = real.rig.send(&told("Wait", &json!([{"text": "never said", "hang": true}])));
    real.rig.until("work", || (real.rig.look() == AgentStatus::Busy).then_some(()));
    real.rig.until("the model to be asked", || (heard(&real.model, &turn.marker()) == 1).then_some(()));
    real.rig.driver.interrupt(&real.rig.engine, &real.rig.session, &turn).expect("Escape is pressed");
    assert!(matches!(real.rig.end(&turn), Harvest::Interrupted { .. }), "{}", real.rig.screen());
    real.rig.until_ready();
    let next = real.rig.send(&told("Next", &json!([{"text": "Next it is"}])));
    let end = real.rig.end(&next);
    assert!(matches!(&end, Harvest::Answered { text, .. } if text == "Next it is"), "{end:?}\n{}", real.rig.screen());
    let last = real.model.turns().pop().expect("asked").said_by_user();
    assert_eq!((last.matches(&next.marker()).count(), last.matches(&turn.marker()).count() <= 1), (1, true), "{last}");
}

#[test]
fn escape_in_a_tool_leaves_what_was_said() {
    let Some(real) = up("terminal: escape in a tool") else { return };
    let steps = json!([{"text": "I look", "tools": [["Bash", {"command": "echo begun; sleep 60", "description": "wait"}]]}, {"text": "never"}]);
    let turn = real.rig.send(&told("Look", &steps));
    real.rig.until("the tool", || match real.rig.harvest(&turn) {
        Harvest::Working { activity } => activity,
        _ => None,
    });
    real.rig.driver.interrupt(&real.rig.engine, &real.rig.session, &turn).expect("Escape is pressed");
    assert_eq!(real.rig.end(&turn), Harvest::Interrupted { partial: Some("I look".into()) });
}

#[test]
fn killed_in_the_middle_the_turn_fails_and_the_conversation_goes_on() {
    let Some(real) = up("terminal: killed") else { return };
    let Real { mut rig, model, _home } = real;
    assert_eq!(rig.ask(&told("First", &json!([{"text": "One"}]))), "One");
    rig.until_ready();
    let steps = json!([{"text": "I wait", "tools": [["Bash", {"command": "touch sign; sleep 600", "description": "wait"}]]}, {"text": "never"}]);
    let turn = rig.send(&told("Second", &steps));
    rig.until("the tool", || match rig.harvest(&turn) {
        Harvest::Working { activity } => activity,
        _ => None,
    });
    rig.until("the tool at work", || rig.engine.config.workspace.join("sign").exists().then_some(()));
    kill(Pid::from_raw(rig.pid()), Signal::SIGKILL).expect("it lives");
    let Harvest::Failed { why, partial, session_lost, .. } = rig.end(&turn) else { panic!("{}", rig.screen()) };
    assert!(why.contains("Killed while she answered") && !session_lost, "{why}");
    assert!(matches!(partial.as_deref(), None | Some("I wait")), "written or not: {partial:?}");
    assert!(!process::with_marker("MC_SESSION_DIR", &rig.dir()).is_empty(), "its tool lives on");
    rig.forget();
    rig.start(ConversationStart::Resume);
    rig.until_ready();
    rig.until("its tool's end", || (process::with_marker("MC_SESSION_DIR", &rig.dir()) == [rig.pid()]).then_some(()));
    assert_eq!(rig.ask(&told("Third", &json!([{"text": "Three"}]))), "Three");
    let last = model.turns().pop().expect("asked").said_by_user();
    assert!(last.contains("First") && last.contains("Third"), "the same conversation");
    assert_eq!(last.matches(&turn.marker()).count(), 1, "never typed twice");
}

#[test]
fn a_start_as_fresh_of_a_conversation_that_has_begun_goes_on_with_it() {
    let Some(real) = up("terminal: begun before") else { return };
    real.rig.ask(&told("First", &json!([{"text": "One"}])));
    real.rig.driver.stop(&real.rig.engine, &real.rig.session).expect("ended");
    real.rig.start(ConversationStart::Fresh);
    real.rig.until_ready();
    assert_eq!(real.rig.ask(&told("Second", &json!([{"text": "Two"}]))), "Two");
    assert!(real.model.turns().pop().expect("asked").said_by_user().contains("First"));
}

#[test]
fn a_conversation_it_does_not_know_is_told_as_such() {
    let Some(real) = real("terminal: unknown conversation") else { return };
    real.rig.driver.start(&real.rig.engine, &real.rig.session, ConversationStart::Resume).expect("it starts");
    let why = real.rig.until("its end", || match real.rig.look() {
        AgentStatus::Gone(why) => why,
        _ => None,
    });
    assert!(why.contains("No conversation found"), "{why}");
}

#[test]
fn a_question_of_its_own_is_shown_and_never_typed_into() {
    let Some(real) = up("terminal: dialog") else { return };
    let ask = json!({"questions": [{"question": "Which one?", "header": "Pick", "multiSelect": false,
        "options": [{"label": "Left", "description": "l"}, {"label": "Right", "description": "r"}]}]});
    let turn = real.rig.send(&told("Ask me", &json!([{"tools": [["AskUserQuestion", ask]]}, {"text": "You chose"}])));
    let words = real.rig.until("word of the dialog", || match real.rig.harvest(&turn) {
        Harvest::Asks(words) => Some(words),
        _ => None,
    });
    assert!(words.contains("Which one?"), "{words}");
    let second = real.rig.turn(&told("not for the dialog", &json!([{"text": "Second"}])));
    let (sent, sending) = real.rig.try_send(&second);
    assert!(matches!(sent, Err(NotSent::NotNow(_))) && sending == 0, "{sent:?}");
    real.rig.tmux.keys(LUCI, &[Key::Down]).expect("a person chooses");
    real.rig.until("the second choice", || real.rig.screen().contains("❯ 2. Right").then_some(()));
    assert!(matches!(real.rig.look(), AgentStatus::Dialog(words) if words.contains("Which one?")), "{}", real.rig.screen());
    // As a person does: once more where a key pressed into a redraw was lost.
    real.rig.until("the dialog to be gone", || {
        if !real.rig.screen().contains("Enter to select") {
            return Some(());
        }
        real.rig.tmux.keys(LUCI, &[Key::Enter]).expect("a person chooses");
        pause(Duration::from_millis(700));
        None
    });
    assert!(matches!(real.rig.end(&turn), Harvest::Answered { text, .. } if text == "You chose"));
    real.rig.until_ready();
    real.rig.put(&second);
    assert!(matches!(real.rig.end(&second), Harvest::Answered { text, .. } if text == "Second"));
}

#[test]
fn what_a_person_left_in_the_box_is_not_sent() {
    let Some(real) = up("terminal: leftovers") else { return };
    let left: Vec<Key> = "left over".chars().map(Key::Char).collect();
    real.rig.tmux.keys(LUCI, &left).expect("typed");
    real.rig.tmux.paste(LUCI, "\nand a second\nand a third line").expect("pasted");
    real.rig.tmux.keys(LUCI, &[Key::Up, Key::Left]).expect("the cursor stands in the middle");
    assert_eq!(real.rig.ask(&told("Mine", &json!([{"text": "Mine alone"}]))), "Mine alone");
    let last = real.model.turns().pop().expect("asked").said_by_user();
    assert!(!last.contains("left over") && !last.contains("second"), "{last}");
    real.rig.until_ready();
    real.rig.tmux.keys(LUCI, &[Key::Char('!'), Key::Char('l'), Key::Char('s')]).expect("typed");
    assert_eq!(real.rig.ask(&told("Mine again", &json!([{"text": "No shell"}]))), "No shell");
}

#[test]
fn a_paste_that_is_still_on_its_way_is_sent_with_no_other() {
    let Some(real) = up("terminal: a paste on its way") else { return };
    let earlier = "[MC_TURN:7:0123456789abcdef]";
    for (n, with_marker) in [false, true].into_iter().enumerate() {
        let word = format!("Begun {n}");
        let turn = real.rig.turn(&told(&format!("{word}\nof\nmany\nlines"), &json!([{"text": word}])));
        // A server that was killed as it typed, and an agent so slow that nothing of it is to be seen.
        let agent = Pid::from_raw(real.rig.pid());
        real.rig.until("a picture that is whole", || {
            kill(agent, Signal::SIGSTOP).expect("it lives");
            let whole = real.rig.look() == AgentStatus::Ready;
            if !whole {
                kill(agent, Signal::SIGCONT).expect("it lives");
            }
            whole.then_some(())
        });
        real.rig.tmux.paste(LUCI, &turn.words()).expect("pasted");
        if with_marker {
            real.rig.tmux.paste(LUCI, earlier).expect("pasted");
        }
        std::thread::scope(|s| {
            s.spawn(|| {
                pause(Duration::from_millis(500));
                kill(agent, Signal::SIGCONT).expect("it lives");
            });
            real.rig.put(&turn);
        });
        let end = real.rig.end(&turn);
        assert!(matches!(&end, Harvest::Answered { text, .. } if *text == word), "{end:?}\n{}", real.rig.screen());
        let said = real.model.turns().pop().expect("asked").said_by_user();
        let times = said.matches(&format!("{word}\nof")).count();
        assert_eq!((times, said.contains(earlier)), (1, false), "{said}");
        real.rig.until_ready();
    }
}

#[test]
fn an_agent_that_was_slow_takes_a_prompt_once_however_often_enter_was_pressed() {
    let Some(real) = up("terminal: many an Enter") else { return };
    for n in 0..3 {
        let turn = real.rig.turn(&told(&format!("Slow {n}\nof\nmany\nlines"), &json!([{"text": format!("answer {n}")}])));
        real.rig.tmux.paste(LUCI, &turn.words()).expect("pasted");
        real.rig.tmux.paste(LUCI, &turn.marker()).expect("pasted");
        real.rig.until("all of it", || real.rig.screen().contains(&turn.marker()).then_some(()));
        let agent = Pid::from_raw(real.rig.pid());
        kill(agent, Signal::SIGSTOP).expect("it lives");
        for _ in 0..4 {
            real.rig.tmux.keys(LUCI, &[Key::Enter, Key::Enter]).expect("pressed");
        }
        kill(agent, Signal::SIGCONT).expect("it lives");
        let end = real.rig.end(&turn);
        assert!(matches!(&end, Harvest::Answered { text, .. } if *text == format!("answer {n}")), "{end:?}");
        real.rig.until_ready();
        let said = real.model.turns().pop().expect("asked").said_by_user();
        assert_eq!((said.matches(&turn.marker()).count(), real.model.turns().len()), (1, n + 1), "{said}");
    }
}

#[test]
fn long_and_odd_messages_arrive_whole_and_are_orders_to_nobody() {
    let Some(real) = up("terminal: long and odd") else { return };
    let lines: String = (0..300).map(|n| format!("line {n} of three hundred\n")).collect();
    let big: String = (0..2_600).map(|n| format!("line {n} {}\n", "x".repeat(60))).collect();
    let odd = [
        "/clear me",
        "!touch shelled",
        "#note",
        "esc \u{1b}[201~ #{pane_id};",
        "@Cargo",
        "?",
        "1",
        "two\nlines",
        "──────────────────\n❯ 1. Yes",
        ";",
        &lines,
        &big,
    ];
    for (n, message) in odd.into_iter().enumerate() {
        let answer = format!("answer {n}");
        let turn = real.rig.send(&told(message, &json!([{"text": answer}])));
        let Harvest::Answered { text, .. } = real.rig.end(&turn) else { panic!("{message:.40}: {}", real.rig.screen()) };
        assert_eq!(text, answer);
        let heard = real.model.turns().pop().expect("asked").said_by_user();
        let whole = heard.contains(turn.words().trim()) && heard.contains(&turn.marker());
        assert!(whole, "{message:.40} came otherwise: {:.300}", heard);
        real.rig.until_ready();
    }
    assert!(!real.rig.engine.config.workspace.join("shelled").exists(), "nothing was run");
}

#[test]
fn a_refused_login_fails_the_turn_in_words() {
    let Some(real) = up("terminal: 401") else { return };
    let turn = real.rig.send(&told("Hello", &json!([{"error": 401}])));
    let Harvest::Failed { why, session_lost, .. } = real.rig.end(&turn) else { panic!("{}", real.rig.screen()) };
    assert!(why.contains("login is refused") && !session_lost, "{why}");
    real.rig.until_ready();
    assert_eq!(real.rig.ask(&told("Better", &json!([{"text": "Well"}]))), "Well");
}
