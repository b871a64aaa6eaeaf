//! Notices and words from the phone over every fault point of their story.

use crate::ops::faults::{Fault, Stage, Story, ask_all, each, faults};
use crate::support::live_server::Live;
use crate::support::live_server::agent::agent;
use crate::support::telegram_stub::{CHAT, TOKEN, TelegramStub};
use crate::support::wait::until;
use mission_control::base::faults::Point;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

fn telegram(fault: Fault) {
    let stub = TelegramStub::start();
    let mut live = Live::prepare(2, &[agent("review")], "");
    let path = live.root().join("config.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    let section = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\napi_url = \"{}\"\nchats = [{CHAT}]\n", stub.url());
    fs::write(&path, text + &section).expect("the configuration");
    live.variable("TELEGRAM_BOT_TOKEN", TOKEN);
    let mut stage = Stage::set(live, fault);
    let wanted = [json!({ "title": "Look", "project": "review", "status": "todo", "client_id": "look" })];
    let mut known = BTreeMap::new();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    stub.says(CHAT, "Mend the upload");
    stage.strike();
    ask_all(&stage, "/api/v1/tickets", &wanted, &mut known);
    let live = &stage.live;
    if fault.kind != "kill9" && fault.point == Point::UpdateActed {
        // What went wrong inside is told to whoever wrote, who says it again.
        until("words of regret", || stub.messages().iter().any(|m| m.text.contains("did not work")).then_some(()));
        stub.says(CHAT, "Mend the upload");
    }
    live.stands(known[&0], "in_review");
    until("the second ticket", || (live.one::<i64>("select count(*) from tickets") == 2).then_some(()));
    until("all notices sent", || {
        let states: Vec<String> = live.all("select state from notifications");
        (states.len() >= 2 && states.iter().all(|s| s == "sent")).then_some(())
    });
    assert_eq!(live.all::<String>("select title from tickets order by title"), ["Look", "Mend the upload"]);
    assert_eq!(live.one::<i64>("select count(*) from notifications where key like 'needs:%'"), 1);
    // What is there twice is the same to the letter, mark and all.
    let texts: BTreeSet<String> = stub.messages().into_iter().map(|m| m.text).collect();
    assert_eq!(texts.len() as i64, live.one::<i64>("select count(*) from notifications"), "{texts:?}");
    live.check();
}

#[test]
fn notices_go_out_and_words_come_in_wherever_the_server_is_killed() {
    each(&faults(Story::Telegram, "kill9"), telegram);
}

#[test]
fn notices_go_out_and_words_come_in_whatever_fails_once() {
    each(&[faults(Story::Telegram, "err"), faults(Story::Telegram, "panic")].concat(), telegram);
}
