//! The owner's phone: what reaches it, what comes back, and what a bad line does to both.

use crate::ops::live_server::{Agent, Live, agent, until};
use crate::support::telegram_stub::{CHAT, Message, SECRET, TOKEN, TelegramStub, Twist};
use crate::task::scheduler::Rig;
use mission_control::domain::ids::NoticeId;
use mission_control::domain::notice::{Notice, NoticeState};
use mission_control::drivers::telegram::{Chats, Fault, Outgoing};
use mission_control::engine::notice::outbox::Outbox;
use mission_control::store::notice::notifications;
use serde_json::json;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A server with these agents that knows the stub, and the allowed chat.
fn start(stub: &TelegramStub, agents: &[Agent]) -> Live {
    let mut live = prepare(&stub.url(), agents);
    live.boot();
    live
}

fn prepare(api: &str, agents: &[Agent]) -> Live {
    let mut live = Live::prepare(2, agents, "");
    configure(&live, api, &format!("chats = [{CHAT}]"));
    // Whatever may be logged, is.
    live.variable("MC_LOG", "trace");
    live.variable("TELEGRAM_BOT_TOKEN", TOKEN);
    live
}

fn configure(live: &Live, api: &str, more: &str) {
    let path = live.root().join("config.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    let text = text.split("[telegram]").next().unwrap_or_default();
    let section = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\napi_url = \"{api}\"\n{more}\n");
    fs::write(path, format!("{text}{section}")).expect("the configuration");
}

/// Waits for a message that says so.
fn message(stub: &TelegramStub, words: &str) -> Message {
    until(&format!("a message with {words:?}"), || stub.messages().into_iter().rev().find(|m| m.text.contains(words)))
}

fn button(message: &Message, label: &str) -> String {
    let found = message.buttons().into_iter().find(|(l, _)| l == label);
    found.unwrap_or_else(|| panic!("no button {label:?} in {message:?}")).1
}

fn test_message(live: &Live) {
    let answer = live.post("/settings/telegram/test", &[]);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// The token is in nothing that the server wrote, and on no page.
fn keeps_its_secret(live: &Live) {
    assert!(!live.log().contains(SECRET), "the token is in the log");
    for path in ["/settings", "/", "/api/v1/health"] {
        let page = live.try_get(path).expect("an answer");
        assert!(!page.body.contains(SECRET), "the token is on {path}");
    }
    for file in ["mc.db", "mc.db-wal"] {
        let bytes = fs::read(live.data().join(file)).unwrap_or_default();
        assert!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()), "the token is in {file}");
    }
}

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
fn words_and_commands_become_tickets_stops_and_answers() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("talker").env("TALK_LINES", 20_000).env("TALK_PAUSE_MS", 40)]);
    stub.says(CHAT, "Fix the upload !high\nIt fails on *phones*");
    let made = message(&stub, "MC-1 is in Inbox");
    assert!(made.text.contains("Fix the upload"), "{}", made.text);
    let row: String = live.one("select title || '|' || priority || '|' || created_by || '|' || status from tickets where id = 1");
    assert_eq!(row, "Fix the upload|high|Telegram|inbox");
    stub.says(CHAT, "/new@mission_test_bot /etc/hosts is wrong");
    message(&stub, "MC-2 is in Inbox: /etc/hosts is wrong");
    stub.presses(&made, &button(&made, "Start"));
    live.stands(1, "in_progress");
    live.says(1, "line 2\"");
    stub.says(CHAT, "/status");
    let status = message(&stub, "Needs you: 0");
    assert!(status.text.contains("Runs: 1") && status.text.contains("in the inbox: 1"), "{}", status.text);
    stub.says(CHAT, "/stop mc-1");
    live.stands(1, "blocked");
    stub.says(CHAT, "/stop MC-77");
    message(&stub, "MC-77 does not exist");
    stub.says(CHAT, "/stop now");
    message(&stub, "write /stop MC-12");
    stub.says(CHAT, "/dance");
    message(&stub, "not known");
    stub.says(CHAT, "Do it #nosuchproject");
    let made = message(&stub, "MC-3 is in Inbox: Do it #nosuchproject");
    assert!(made.text.contains("#nosuchproject is no project here: it stays text"), "{}", made.text);
    stub.says(CHAT, "#general @tessa");
    message(&stub, "That did not work");
    stub.says_with(CHAT, json!({"sticker": {"file_id": "s"}}));
    assert_eq!(live.one::<i64>("select count(*) from tickets"), 3);
}

#[test]
fn an_update_that_comes_twice_has_one_effect() {
    let stub = TelegramStub::start();
    let mut live = start(&stub, &[agent("instant")]);
    let first = stub.says(CHAT, "Once");
    message(&stub, "MC-1 is in Inbox");
    // Killed before that is written down, it would rightly say so once more.
    until("the answer is written down", || (live.one::<String>("select state from notifications") == "sent").then_some(()));
    // The server forgets how far it has heard, as if its last transaction were lost on the other side; and it is killed.
    live.kill9();
    let conn = rusqlite::Connection::open(live.database()).expect("the database");
    conn.execute("update telegram_state set next_update = 0", []).expect("changed");
    drop(conn);
    let again =
        json!({"message_id": 900_000 + first - 7_000, "date": 1, "chat": {"id": CHAT, "type": "private"}, "text": "Once"});
    stub.update(json!({"update_id": first, "message": again}));
    live.boot();
    stub.says(CHAT, "Twice");
    message(&stub, "MC-2 is in Inbox");
    assert_eq!(live.all::<String>("select title from tickets order by id"), ["Once", "Twice"]);
    assert_eq!(stub.messages().iter().filter(|m| m.text.contains("Once")).count(), 1);
}

#[test]
fn strangers_and_what_cannot_be_read_are_counted_and_nothing_else() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("question")]);
    let id = live.now("question", "Set it up");
    let asked = message(&stub, &format!("MC-{id} asks"));
    stub.says(666, "rm -rf /");
    stub.says(666, "/status");
    let stolen = Message { chat: 666, ..asked.clone() };
    stub.presses(&stolen, &button(&asked, "eu-central-1"));
    stub.replies(&stolen, "eu-central-1");
    stub.update(json!({"update_id": 7_800, "brand_new": {"x": []}}));
    until("all are heard", || (live.one::<i64>("select strangers from telegram_state") == 5).then_some(()));
    assert_eq!((live.status(id).as_str(), live.one::<i64>("select count(*) from tickets")), ("needs_input", 1));
    assert!(stub.messages().iter().all(|m| m.chat == CHAT));
    let page = live.try_get("/settings").expect("an answer").body;
    assert!(page.contains("5 messages ignored") && page.contains("666"), "the page tells of them");
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

/// A way into the chats that is cut until it is mended.
struct Way(Arc<AtomicBool>);

impl Way {
    fn go(&self) -> Result<i64, Fault> {
        if self.0.load(Ordering::SeqCst) { Ok(7) } else { Err(Fault::Unreachable("no route".to_owned())) }
    }
}

impl Chats for Way {
    fn me(&self) -> Result<String, Fault> {
        self.go().map(|_| "luci_bot".to_owned())
    }

    fn send(&self, _: &Outgoing<'_>) -> Result<i64, Fault> {
        self.go()
    }

    fn take_buttons(&self, _: i64, _: i64) -> Result<(), Fault> {
        self.go().map(drop)
    }
}

#[test]
fn a_notice_outlasts_a_way_that_is_cut_for_hours_and_not_one_that_is_for_a_day() {
    let toml = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\nchats = [{CHAT}]\n");
    for (hours, end) in [(3, NoticeState::Sent), (25, NoticeState::Unsent)] {
        let rig = Rig::new(&toml, "2026-11-21T12:00:30Z");
        let mended = Arc::new(AtomicBool::new(false));
        let mut outbox = Outbox::over(Some(Box::new(Way(mended.clone()))));
        let notice = Notice { key: "k".to_owned(), text: "It is done".to_owned(), ..Notice::default() };
        rig.engine.store.write(move |tx| notifications::tell(tx, &notice)).expect("told");
        let stored = || {
            let read = rig.engine.store.read(|c| notifications::get(c, NoticeId(1)));
            read.expect("it is there")
        };
        let mut passes = |ms: i64| {
            let clock = rig.engine.store.clock();
            let end = clock.now().plus_ms(ms);
            while clock.now() < end {
                let wait = outbox.tick(&rig.engine).expect("a go");
                rig.pass(wait.max(1_000));
            }
        };
        passes(hours * 3_600_000);
        assert!(stored().attempts > 20 && stored().state != NoticeState::Failed, "{:?}", stored());
        mended.store(true, Ordering::SeqCst);
        passes(11 * 60_000);
        assert_eq!(stored().state, end, "{:?}", stored());
    }
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
fn a_photo_is_kept_and_named_where_the_agent_finds_it() {
    let stub = TelegramStub::start();
    let live = start(&stub, &[agent("instant")]);
    stub.file("photos/file_1.jpg", b"not really a picture");
    let size = |id: &str, w: u32| json!({"file_id": id, "file_unique_id": id, "width": w, "height": w});
    stub.says_with(
        CHAT,
        json!({"caption": "The button is cut off", "photo": [size("small", 90), size("photos/file_1.jpg", 900)]}),
    );
    message(&stub, "MC-1 is in Inbox: The button is cut off");
    let description: String = live.one("select description from tickets where id = 1");
    let path = description.split('`').nth(1).expect("a path").to_owned();
    assert_eq!(fs::read(&path).expect("the file"), b"not really a picture");
    assert!(path.starts_with(&live.data().display().to_string()), "{path}");
    let document = json!({"file_id": "gone", "file_unique_id": "gone", "file_name": "../x.pdf", "file_size": 12});
    stub.says_with(CHAT, json!({"document": document}));
    message(&stub, "MC-2 is in Inbox");
    let description: String = live.one("select description || title from tickets where id = 2");
    assert!(description.contains("did not arrive"), "{description}");
    let large = json!({"file_id": "big", "file_unique_id": "big", "file_name": "big.iso", "file_size": 99_000_000});
    stub.says_with(CHAT, json!({"caption": "Look", "document": large}));
    message(&stub, "MC-3 is in Inbox");
    assert!(live.one::<String>("select description from tickets where id = 3").contains("larger than 20 MB"));
    keeps_its_secret(&live);
}

#[test]
fn luci_answers_in_the_chat_and_what_she_suggests_is_done_with_one_tap() {
    let stub = TelegramStub::start();
    let reply = tempfile::NamedTempFile::new().expect("a file");
    let block =
        json!({"mc_actions": [{"kind": "create_ticket", "title": "Mend the upload"}, {"kind": "notify", "text": "Look here"}]});
    fs::write(reply.path(), format!("All is well.\n\n```json\n{block}\n```\n")).expect("written");
    let mut live = prepare(&stub.url(), &[agent("reply").env("REPLY_FILE", reply.path().display())]);
    let path = live.root().join("config.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    fs::write(&path, text.replace("[orchestrator]\n", "[orchestrator]\ndriver = \"headless\"\n")).expect("the configuration");
    configure(&live, &stub.url(), &format!("chats = [{CHAT}]"));
    live.boot();
    stub.says(CHAT, "/luci How are things?");
    message(&stub, "Luci has it");
    let answer = message(&stub, "All is well.");
    assert!(answer.text.contains("Suggests:") && !answer.text.contains("mc_actions"), "{}", answer.text);
    let row: String = live.one("select origin || '|' || message from turns where origin = 'human'");
    assert_eq!(row, "human|How are things?");
    // What she wants the owner to know comes by itself.
    message(&stub, "Look here");
    let (label, data) = answer.buttons().first().cloned().expect("a button");
    assert!(label.starts_with("Do it: "), "{label}");
    stub.presses(&answer, &data);
    stub.presses(&answer, &data);
    until("both presses are answered", || (stub.calls("answerCallbackQuery").len() == 2).then_some(()));
    assert_eq!(live.all::<String>("select title from tickets"), ["Mend the upload"]);
    // A reply to her answer goes on with the talk.
    stub.replies(&answer, "And now?");
    let asked = || live.all::<String>("select message from turns where origin = 'human' order by id");
    until("the next turn", || (asked() == ["How are things?", "And now?"]).then_some(()));
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
