//! What is decided from the phone: questions, reviews, refused logins.

use crate::notice::rig::{button, configure, keeps_its_secret, message, prepare, start};
use crate::support::live_server::agent::agent;
use crate::support::telegram_stub::{CHAT, TelegramStub};
use crate::support::wait::until;

#[test]
fn a_question_reaches_the_phone_and_its_reply_lets_the_run_go_on() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("question")]);
    let id = live.now("question", "Set <it> up");
    let asked = message(&stub, &format!("MC-{id} asks"));
    assert!(asked.text.starts_with(&format!("<b>MC-{id} asks: Set &lt;it&gt; up</b>\n")), "{}", asked.text);
    assert!(asked.text.contains("Which region?") && asked.mark().starts_with('#'), "{}", asked.text);
    let labels: Vec<String> = asked.buttons().into_iter().map(|(label, _)| label).collect();
    assert_eq!((asked.chat, labels), (CHAT, vec!["eu-central-1".to_owned(), "us-east-1".to_owned()]));
    stub.replies(&asked, "us-east-1, but carefully");
    live.stands(id, "done");
    assert_eq!(live.comments(id, "result")[1], "DONE: went on with: us-east-1, but carefully");
    let said: Vec<String> = live.all("select source || ':' || body from comments where kind = 'comment'");
    assert_eq!(said, ["telegram:us-east-1, but carefully"]);
    message(&stub, "goes on with your words");
    until("the buttons are taken away", || {
        let edits = stub.calls("editMessageReplyMarkup");
        edits.iter().any(|e| e["message_id"] == asked.id).then_some(())
    });
    keeps_its_secret(&live);
}

#[test]
fn an_option_is_answered_with_one_tap_and_a_second_tap_does_nothing() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("question")]);
    let id = live.now("question", "Set it up");
    let asked = message(&stub, &format!("MC-{id} asks"));
    let data = button(&asked, "eu-central-1");
    stub.presses(&asked, &data);
    stub.presses(&asked, &data);
    live.stands(id, "done");
    until("both presses are answered", || (stub.calls("answerCallbackQuery").len() == 2).then_some(()));
    assert_eq!(live.comments(id, "comment"), ["eu-central-1"]);
    let words: Vec<String> = stub.calls("answerCallbackQuery").iter().map(|c| c["text"].to_string()).collect();
    assert!(words[0].contains("goes on") && words[1].contains("has moved on"), "{words:?}");
}

#[test]
fn a_review_is_approved_or_returned_from_the_phone() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("review")]);
    let id = live.now("review", "Look at it");
    let first = message(&stub, "ready for review");
    stub.presses(&first, &button(&first, "Return"));
    let ask = message(&stub, "What is missing");
    assert_eq!(ask.body["reply_markup"]["force_reply"], true);
    stub.replies(&ask, "The tests");
    let second = until("the second review", || {
        stub.messages().into_iter().find(|m| m.id != first.id && m.text.contains("ready for review"))
    });
    assert_eq!(live.comments(id, "comment"), ["The tests"]);
    // The first one speaks of a result that nobody has seen since.
    stub.presses(&first, &button(&first, "Approve"));
    until("the old button is refused", || {
        let words = stub.calls("answerCallbackQuery");
        words.iter().any(|w| w["text"].as_str().is_some_and(|t| t.contains("moved on"))).then_some(())
    });
    assert_eq!(live.status(id), "in_review");
    stub.presses(&second, &button(&second, "Approve"));
    live.stands(id, "done");
}

#[test]
fn a_refused_login_is_told_at_once_and_its_profile_let_go_on_by_a_button() {
    let stub = TelegramStub::start();
    let mut live = prepare(&stub.url(), &[agent("auth").env("AUTH_WAIT_S", 3)]);
    // Quiet at every hour but one minute: what is urgent comes all the same.
    configure(&live, &stub.url(), &format!("chats = [{CHAT}]\nquiet = \"00:00-23:59\""));
    live.boot();
    let id = live.now("auth", "Do it");
    let told = message(&stub, "Profile auth rests");
    assert_eq!(live.status(id), "in_progress", "told before the run has ended");
    live.stands(id, "blocked");
    stub.presses(&told, &button(&told, "Let it go on"));
    until("the pause ends", || (live.one::<i64>("select count(*) from profile_pauses") == 0).then_some(()));
    let blocked: i64 = live.one("select count(*) from notifications where key like 'needs:%'");
    assert_eq!(blocked, 0, "one alert for one cause");
}
