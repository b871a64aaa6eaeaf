//! What comes in from a chat: words, commands, photos, strangers, the same update twice.

use crate::notice::rig::{button, configure, keeps_its_secret, message, prepare, start};
use crate::support::live_server::agent::agent;
use crate::support::telegram_stub::{CHAT, Message, TelegramStub};
use crate::support::wait::until;
use serde_json::json;
use std::fs;

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
