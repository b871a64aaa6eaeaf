//! How notices go out: in order, in quiet hours, over bad lines, refusals and crashes.

use crate::notice::rig::{button, configure, keeps_its_secret, message, prepare, start, test_message};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::telegram_stub::{CHAT, TOKEN, TelegramStub, Twist};
use crate::support::wait::until;
use serde_json::json;
use std::fs;
use std::net::TcpListener;

#[test]
fn quiet_hours_hold_back_what_is_not_urgent() {
    let stub = TelegramStub::start();
    let mut live = prepare(&stub.url(), &[agent("review")]);
    configure(&live, &stub.url(), &format!("chats = [{CHAT}]\nquiet = \"00:00-23:59\""));
    live.boot();
    let id = live.now("review", "Look");
    live.stands(id, "in_review");
    test_message(&live);
    message(&stub, "test message");
    // The clock of this machine may stand in the one minute that is not quiet: then it was sent by right.
    let states: Vec<String> = live.all("select state from notifications where key like 'needs:%'");
    let quiet = stub.messages().iter().all(|m| !m.text.contains("ready for review"));
    assert!(!quiet || states == ["pending"], "{states:?}");
    // Settled on the page before anybody was told: nobody needs to know any more.
    live.move_to(id, "done");
    if quiet {
        assert_eq!(live.one::<String>("select state from notifications where key like 'needs:%'"), "unsent");
    }
}

#[test]
fn a_crash_between_sending_and_writing_it_down_sends_once_more_with_the_same_mark() {
    let stub = TelegramStub::start();
    let mut live = start(&stub, &[agent("review")]);
    test_message(&live);
    let first = message(&stub, "test message");
    stub.twist("sendMessage", Twist::SwallowAnswer);
    let id = live.now("review", "Look");
    let lost = message(&stub, "ready for review");
    assert_eq!(live.one::<String>("select state from notifications where key like 'needs:%'"), "sending");
    live.restart();
    let copies = || stub.messages().into_iter().filter(|m| m.text.contains("ready for review")).collect::<Vec<_>>();
    let copy = until("the second copy", || copies().into_iter().find(|m| m.id != lost.id));
    assert_eq!((copy.mark(), copy.text.as_str()), (lost.mark(), lost.text.as_str()));
    assert_ne!(copy.mark(), first.mark());
    // A press on the copy that nobody wrote down counts as well, and takes its buttons away too.
    stub.presses(&lost, &button(&lost, "Approve"));
    live.stands(id, "done");
    until("both copies lose their buttons", || {
        let edits: Vec<i64> = stub.calls("editMessageReplyMarkup").iter().filter_map(|e| e["message_id"].as_i64()).collect();
        (edits.contains(&lost.id) && edits.contains(&copy.id)).then_some(())
    });
    assert_eq!(copies().len(), 2);
    assert_eq!(stub.messages().iter().filter(|m| m.text.contains("test message")).count(), 1);
}

#[test]
fn a_bad_line_delays_a_notice_and_loses_none() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("instant")]);
    for twist in [
        Twist::Refuse(500, json!(null)),
        Twist::Refuse(429, json!({"retry_after": 2})),
        Twist::Refuse(502, json!(null)),
        Twist::Hang,
    ] {
        stub.twist("sendMessage", twist);
    }
    test_message(&live);
    message(&stub, "test message");
    until("it is written down", || (live.one::<String>("select state from notifications") == "sent").then_some(()));
    // Waiting as told is no try.
    assert_eq!(live.one::<i64>("select attempts from notifications"), 4);
    let calls = stub.calls("sendMessage");
    assert_eq!((calls.len(), stub.messages().len()), (5, 1));
    keeps_its_secret(&live);
}

#[test]
fn a_refused_notice_is_tried_plain_once_and_then_given_up() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("instant")]);
    stub.twist("sendMessage", Twist::Refuse(400, json!(null)));
    test_message(&live);
    let plain = message(&stub, "test message");
    assert!(plain.body["parse_mode"].is_null() && !plain.text.contains("<b>"), "{:?}", plain.body);
    for status in [400, 400, 403] {
        stub.twist("sendMessage", Twist::Refuse(status, json!(null)));
    }
    test_message(&live);
    test_message(&live);
    until("both are given up", || {
        (live.one::<i64>("select count(*) from notifications where state = 'failed'") == 2).then_some(())
    });
    let page = live.try_get("/settings").expect("an answer").body;
    assert!(page.contains("Last given up"), "the page tells of it");
    test_message(&live);
    until("the next one is sent", || (stub.messages().len() == 2).then_some(()));
    keeps_its_secret(&live);
}

#[test]
fn an_unknown_token_pauses_everything_until_it_is_known_again() {
    let stub = TelegramStub::start();
    let mut live = prepare(&stub.url(), &[agent("review")]);
    live.variable("TELEGRAM_BOT_TOKEN", "424242:AAEwrongwrongWRONGWRONG_0123456789-y");
    live.boot();
    let id = live.now("review", "Look");
    live.stands(id, "in_review");
    until("it pauses", || live.one::<Option<String>>("select paused from telegram_state"));
    let page = live.try_get("/settings").expect("an answer").body;
    assert!(page.contains("does not know the token") && page.contains("@BotFather"), "the page says what to do");
    assert_eq!(live.one::<String>("select state from notifications"), "pending");
    live.kill9();
    live.variable("TELEGRAM_BOT_TOKEN", TOKEN);
    live.boot();
    message(&stub, "ready for review");
    assert_eq!(live.one::<Option<String>>("select paused from telegram_state"), None);
}

#[test]
fn a_service_that_is_not_there_yet_is_waited_for() {
    let address = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    let mut live = prepare(&format!("http://{address}"), &[agent("review")]);
    live.boot();
    let id = live.now("review", "Look");
    live.stands(id, "in_review");
    let error = until("the trouble is told", || live.one::<Option<String>>("select error from telegram_state"));
    assert!(error.contains("cannot be reached"), "{error}");
    let stub = TelegramStub::on(TcpListener::bind(address).expect("the same port"));
    let told = message(&stub, "ready for review");
    stub.presses(&told, &button(&told, "Approve"));
    live.stands(id, "done");
    keeps_its_secret(&live);
    let (status, ms) = live.terminate();
    assert!(status.success() && ms < 5_000, "{status} after {ms} ms, with a question for news open");
}

#[test]
fn a_long_text_comes_in_parts_with_its_buttons_at_the_end() {
    let stub = TelegramStub::start();
    let reply = tempfile::NamedTempFile::new().expect("a file");
    let line = "A line of a very <long> & careful report, with 🚀 in it.\n";
    let text = format!("REVIEW: begin\n{}the very end", line.repeat(10_000 / line.len() + 1));
    fs::write(reply.path(), &text).expect("written");
    let live = start(&stub, &[agent("reply").env("REPLY_FILE", reply.path().display())]);
    let id = live.now("reply", "Report");
    let last = message(&stub, "the very end");
    let parts = stub.messages();
    assert!((3..=4).contains(&parts.len()), "{}", parts.len());
    for part in &parts {
        let plain = part.text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        assert!(plain.encode_utf16().count() <= 4_096 + "<b></b>".len());
        assert_eq!(part.buttons().is_empty(), part.id != last.id);
    }
    assert_eq!(parts.iter().map(|p| p.text.matches('🚀').count()).sum::<usize>(), text.matches('🚀').count());
    // A reply to any part is a reply to the whole.
    stub.replies(&parts[0], "Shorter, please");
    until("the reply is there", || (live.comments(id, "comment") == ["Shorter, please"]).then_some(()));
}

#[test]
fn without_telegram_nothing_piles_up() {
    let live = Live::start(2, &[agent("review")]);
    let id = live.now("review", "Look");
    live.stands(id, "in_review");
    until("it is dropped", || (live.one::<String>("select state from notifications") == "unsent").then_some(()));
    let page = live.try_get("/settings").expect("an answer").body;
    assert!(page.contains("Not configured"), "the page says how to set it up");
}
