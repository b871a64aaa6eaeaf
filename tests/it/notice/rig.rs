//! A server with Telegram: how it is set up, and the updates that a chat sends.

use crate::support::live_server::Live;
use crate::support::live_server::agent::Agent;
use crate::support::telegram_stub::{CHAT, Message, SECRET, TOKEN, TelegramStub};
use crate::support::wait::until;
use std::fs;

/// A server with these agents that knows the stub, and the allowed chat.
pub fn start(stub: &TelegramStub, agents: &[Agent]) -> Live {
    let mut live = prepare(&stub.url(), agents);
    live.boot();
    live
}

pub fn prepare(api: &str, agents: &[Agent]) -> Live {
    let mut live = Live::prepare(2, agents, "");
    configure(&live, api, &format!("chats = [{CHAT}]"));
    // Whatever may be logged, is.
    live.variable("MC_LOG", "trace");
    live.variable("TELEGRAM_BOT_TOKEN", TOKEN);
    live
}

pub fn configure(live: &Live, api: &str, more: &str) {
    let path = live.root().join("config.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    let text = text.split("[telegram]").next().unwrap_or_default();
    let section = format!("[telegram]\ntoken_env = \"TELEGRAM_BOT_TOKEN\"\napi_url = \"{api}\"\n{more}\n");
    fs::write(path, format!("{text}{section}")).expect("the configuration");
}

/// Waits for a message that says so.
pub fn message(stub: &TelegramStub, words: &str) -> Message {
    until(&format!("a message with {words:?}"), || stub.messages().into_iter().rev().find(|m| m.text.contains(words)))
}

pub fn button(message: &Message, label: &str) -> String {
    let found = message.buttons().into_iter().find(|(l, _)| l == label);
    found.unwrap_or_else(|| panic!("no button {label:?} in {message:?}")).1
}

pub fn test_message(live: &Live) {
    let answer = live.post("/settings/telegram/test", &[]);
    assert_eq!(answer.status, 303, "{}", answer.body);
}

/// The token is in nothing that the server wrote, and on no page.
pub fn keeps_its_secret(live: &Live) {
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
