//! The Telegram section of Settings: whether it is connected, what was sent last, what is wrong, who else wrote.

use crate::domain::time::Time;
use crate::web::ui::{Ctx, form, icon, when, words};
use maud::{Markup, html};

/// The connection, as the section shows it.
#[derive(Debug, Clone, Default)]
pub struct Telegram {
    /// Whether it is in the configuration, and if its token is not there, why.
    pub configured: Option<Result<(), String>>,
    /// How many chats are heard.
    pub chats: usize,
    /// The bot's name; empty until Telegram told it.
    pub bot: String,
    /// Why everything rests.
    pub paused: Option<String>,
    /// What went wrong last.
    pub error: Option<(String, Time)>,
    /// When Telegram was last reached.
    pub heard_at: Option<Time>,
    /// Notices that wait.
    pub waiting: i64,
    /// When the last one was sent.
    pub last_sent: Option<Time>,
    /// The last one that was given up: headline, why, when.
    pub last_failed: Option<(String, String, Time)>,
    /// Messages from chats that are not heard.
    pub strangers: i64,
    /// The last such chat.
    pub last_stranger: Option<(i64, Time)>,
}

/// The section. Its form: `/settings/telegram/test`.
#[must_use]
pub fn section(t: &Telegram, owner: bool, cx: Ctx<'_>) -> Markup {
    html! {
        section #telegram {
            div.sect { h2 { "Telegram" } }
            @match &t.configured {
                None => { p.small.quiet.why { "Not configured. With a bot of your own, questions and reviews reach your phone with buttons, and what you write there becomes tickets: section " code { "[telegram]" } " of the configuration file." } }
                Some(Err(why)) => { (warning(&format!("Not connected: {why}."))) }
                Some(Ok(())) => { (connected(t, owner, cx)) }
            }
        }
    }
}

fn connected(t: &Telegram, owner: bool, cx: Ctx<'_>) -> Markup {
    html! {
        @if let Some(why) = &t.paused { (warning(why)) }
        @else if let Some((why, at)) = &t.error { div.notice data-st="blocked" role="status" { (icon::icon("hourglass")) div { b dir="auto" { (why) } " " (when::ago(*at, cx.now)) ". It is tried again." } } }
        @if t.chats == 0 { (warning("No chat is allowed yet: nothing is sent and nobody is heard. Write to the bot, then put the chat below into chats.")) }
        dl.dl.wide {
            dt { "Bot" } dd { @if t.bot.is_empty() { span.faint { "not reached yet" } } @else { span dir="auto" { "@" (t.bot) } } }
            dt { "Chats" } dd { (t.chats) " allowed" }
            dt { "Reached" } dd { (time_or_never(t.heard_at, cx)) }
            dt { "Last sent" } dd { (time_or_never(t.last_sent, cx)) @if t.waiting > 0 { span.faint { (words::counted(t.waiting, "waits", "wait")) } } }
            @if let Some((headline, why, at)) = &t.last_failed {
                dt { "Last given up" } dd { span dir="auto" { (headline) } span.faint dir="auto" { (why) ", told " (when::ago(*at, cx.now)) } }
            }
            dt { "Strangers" }
            dd {
                @if t.strangers == 0 { "none wrote" } @else { (words::counted(t.strangers, "message ignored", "messages ignored")) }
                @if let Some((chat, at)) = t.last_stranger { span.faint { "last from chat " code { (chat) } ", " (when::ago(at, cx.now)) } }
            }
        }
        @if owner && t.chats > 0 {
            form method="post" action="/settings/telegram/test" {
                (form::client_id(cx, "telegram-test"))
                button.btn type="submit" { "Send a test message" }
            }
        }
    }
}

fn time_or_never(at: Option<Time>, cx: Ctx<'_>) -> Markup {
    html! { @match at { Some(at) => { (when::ago(at, cx.now)) }, None => span.faint { "never" } } }
}

fn warning(text: &str) -> Markup {
    html! { div.notice data-st="blocked" role="status" { (icon::icon("hourglass")) div { b dir="auto" { (text) } } } }
}
