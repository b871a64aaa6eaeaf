//! The Bot API: what we ask of it, and its refusals in words. The token is part of every address it has, so no error and
//! no log line of this driver carries an address.

pub(crate) mod inbound;
pub(crate) mod token;

pub use crate::drivers::telegram::inbound::{FileRef, Inbound, Said, What};
pub use crate::drivers::telegram::token::Token;

use frankenstein::methods::{
    AnswerCallbackQueryParams, EditMessageReplyMarkupParams, GetFileParams, GetUpdatesParams, SendMessageParams,
};
use frankenstein::response::{ErrorResponse, MethodResponse};
use frankenstein::types::{
    AllowedUpdate, File, ForceReply, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, ReplyMarkup,
    ReplyParameters, User,
};
use frankenstein::{ParseMode, TelegramApi};
use serde::Deserialize;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

/// The Bot API's own address.
pub const API_URL: &str = "https://api.telegram.org";
/// How long one question for news may stay open, in seconds.
const POLL_S: u32 = 25;
/// How long anything else may take.
const CALL: Duration = Duration::from_secs(10);
/// The most bytes of an answer.
const ANSWER_MAX: u64 = 8 * 1024 * 1024;
/// The most bytes of a file that is fetched: what the Bot API gives out.
pub const FILE_MAX: u64 = 20 * 1024 * 1024;

/// Why a call did not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody answers, or not in time, or not in a way that can be read. Again later.
    #[error("{0}")]
    Unreachable(String),
    /// Too much at once. Again after so many milliseconds.
    #[error("Telegram asks to wait {} s", .0 / 1000)]
    Slow(i64),
    /// It is not understood or not possible. Again makes no sense.
    #[error("Telegram refuses it: {0}")]
    Refused(String),
    /// The chat does not want to hear from us.
    #[error("the chat refuses it: {0}")]
    Forbidden(String),
    /// The token is not good (any more).
    #[error("Telegram does not know the token: {0}")]
    Unknown(String),
    /// Another program asks for this bot's news.
    #[error("another program reads this bot's messages: {0}")]
    Elsewhere(String),
}

/// A message on its way out.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// Where to.
    pub chat: i64,
    /// What it says.
    pub text: &'a str,
    /// Whether the text is Telegram's HTML.
    pub html: bool,
    /// Labels and data of the buttons under it.
    pub buttons: &'a [(String, String)],
    /// Opens the reply box of whoever gets it.
    pub asks_words: bool,
    /// The message it answers.
    pub reply_to: Option<i64>,
}

/// The way into the chats, as far as the outbox needs it.
pub trait Chats: Send + Sync {
    /// The bot's user name.
    ///
    /// # Errors
    /// See [`Fault`].
    fn me(&self) -> Result<String, Fault>;

    /// Sends a message. Its number in the chat.
    ///
    /// # Errors
    /// See [`Fault`].
    fn send(&self, m: &Outgoing<'_>) -> Result<i64, Fault>;

    /// Takes the buttons of a message away. One that has none any more is no fault.
    ///
    /// # Errors
    /// See [`Fault`].
    fn take_buttons(&self, chat: i64, message: i64) -> Result<(), Fault>;
}

impl Chats for Bot {
    fn me(&self) -> Result<String, Fault> {
        Bot::me(self)
    }

    fn send(&self, m: &Outgoing<'_>) -> Result<i64, Fault> {
        Bot::send(self, m)
    }

    fn take_buttons(&self, chat: i64, message: i64) -> Result<(), Fault> {
        Bot::take_buttons(self, chat, message)
    }
}

/// A bot and the way to it.
pub struct Bot {
    base: String,
    token: Token,
    quick: ureq::Agent,
    patient: ureq::Agent,
}

/// All that we need of a message that was sent: an answer with more than we know must not count as a failure.
#[derive(Deserialize)]
struct Placed {
    message_id: i64,
}

impl Bot {
    /// A bot behind an API address.
    #[must_use]
    pub fn new(api_url: &str, token: Token) -> Bot {
        let agent = |limit: Duration| -> ureq::Agent {
            // No redirects: the token would go wherever they point.
            let config = ureq::Agent::config_builder()
                .max_redirects(0)
                .http_status_as_error(false)
                .timeout_connect(Some(Duration::from_secs(5)))
                .timeout_global(Some(limit));
            config.build().into()
        };
        let base = api_url.trim_end_matches('/').to_owned();
        Bot { base, token, quick: agent(CALL), patient: agent(Duration::from_secs(u64::from(POLL_S) + 10)) }
    }

    /// The bot's own number: it stands in the token before the colon and is no secret.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.token.bot()
    }

    /// The bot's user name.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn me(&self) -> Result<String, Fault> {
        let me: MethodResponse<User> = self.request("getMe", None::<()>)?;
        Ok(me.result.username.unwrap_or(me.result.first_name))
    }

    /// News since `offset`; waits for some.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn updates(&self, offset: Option<i64>) -> Result<Vec<Inbound>, Fault> {
        let ask = GetUpdatesParams::builder()
            .maybe_offset(offset)
            .limit(50)
            .timeout(POLL_S)
            .allowed_updates(vec![AllowedUpdate::Message, AllowedUpdate::CallbackQuery])
            .build();
        // One by one: a single update that nobody can read must not hold up the others.
        let news: MethodResponse<Vec<serde_json::Value>> = self.request("getUpdates", Some(ask))?;
        Ok(news.result.into_iter().filter_map(inbound::read).collect())
    }

    /// Sends a message. Its number in the chat.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn send(&self, m: &Outgoing<'_>) -> Result<i64, Fault> {
        let markup = match (m.buttons.is_empty(), m.asks_words) {
            (false, _) => Some(ReplyMarkup::InlineKeyboardMarkup(keyboard(m.buttons))),
            (true, true) => Some(ReplyMarkup::ForceReply(ForceReply::builder().force_reply(true).build())),
            (true, false) => None,
        };
        let reply = m.reply_to.and_then(|id| i32::try_from(id).ok());
        let reply = reply.map(|id| ReplyParameters::builder().message_id(id).allow_sending_without_reply(true).build());
        let params = SendMessageParams::builder()
            .chat_id(m.chat)
            .text(m.text)
            .maybe_parse_mode(m.html.then_some(ParseMode::Html))
            .link_preview_options(LinkPreviewOptions::builder().is_disabled(true).build())
            .maybe_reply_parameters(reply)
            .maybe_reply_markup(markup)
            .build();
        let placed: MethodResponse<Placed> = self.request("sendMessage", Some(params))?;
        Ok(placed.result.message_id)
    }

    /// Takes the buttons of a message away. One that has none any more is no fault.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn take_buttons(&self, chat: i64, message: i64) -> Result<(), Fault> {
        let params = EditMessageReplyMarkupParams::builder()
            .chat_id(chat)
            .maybe_message_id(i32::try_from(message).ok())
            .reply_markup(keyboard(&[]))
            .build();
        let done: Result<MethodResponse<serde_json::Value>, Fault> = self.request("editMessageReplyMarkup", Some(params));
        done.map(|_| ())
    }

    /// Ends the waiting sign on a pressed button with a short word.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn answer_press(&self, callback: &str, word: &str) -> Result<(), Fault> {
        let word: String = word.chars().take(190).collect();
        let params = AnswerCallbackQueryParams::builder().callback_query_id(callback).text(word).build();
        let done: Result<MethodResponse<serde_json::Value>, Fault> = self.request("answerCallbackQuery", Some(params));
        done.map(|_| ())
    }

    /// The bytes of a file that was sent to the bot, at most [`FILE_MAX`].
    ///
    /// # Errors
    /// See [`Fault`]; refused where it is too large.
    pub fn fetch(&self, file: &FileRef) -> Result<Vec<u8>, Fault> {
        let large = || Fault::Refused("it is larger than 20 MB".to_owned());
        if file.size.is_some_and(|n| n > FILE_MAX) {
            return Err(large());
        }
        let found: MethodResponse<File> = self.request("getFile", Some(GetFileParams::builder().file_id(&file.id).build()))?;
        let path = found.result.file_path.unwrap_or_default();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
        if path.is_empty() || path.contains("..") || !path.chars().all(plain) {
            return Err(Fault::Refused("it cannot be fetched".to_owned()));
        }
        let url = format!("{}/file/bot{}/{path}", self.base, self.token.secret());
        let mut answer = self.patient.get(&url).call().map_err(|e| self.unreachable(&e))?;
        let status = answer.status().as_u16();
        match status {
            200 => {}
            400..=499 => return Err(Fault::Refused(format!("it is not given out (HTTP status {status})"))),
            _ => return Err(self.fault(status, "")),
        }
        let mut bytes = Vec::new();
        let reader = answer.body_mut().with_config().limit(FILE_MAX + 2).reader();
        let read = reader.take(FILE_MAX + 1).read_to_end(&mut bytes);
        read.map_err(|e| Fault::Unreachable(self.token.hide(&format!("it was cut off: {e}"))))?;
        if bytes.len() as u64 > FILE_MAX {
            return Err(large());
        }
        Ok(bytes)
    }

    fn unreachable(&self, e: &ureq::Error) -> Fault {
        let why = match e {
            ureq::Error::Timeout(_) => "Telegram does not answer in time".to_owned(),
            ureq::Error::HostNotFound => "Telegram's address is not found".to_owned(),
            // The text of these may name the address, and with it the token.
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => "the API's address is no good".to_owned(),
            other => format!("Telegram cannot be reached: {other}"),
        };
        Fault::Unreachable(self.token.hide(&why))
    }

    fn fault(&self, status: u16, body: &str) -> Fault {
        let said = serde_json::from_str::<ErrorResponse>(body).ok();
        let wait = said.as_ref().and_then(|s| s.parameters).and_then(|p| p.retry_after);
        let moved = said.as_ref().and_then(|s| s.parameters).and_then(|p| p.migrate_to_chat_id);
        let text: String = said.map_or_else(|| format!("HTTP status {status}"), |s| s.description).chars().take(300).collect();
        let text = self.token.hide(&text);
        match (status, moved) {
            (429, _) => Fault::Slow(i64::from(wait.unwrap_or(5)).clamp(1, 3_600) * 1_000),
            (_, Some(new)) => Fault::Refused(format!("the group has become chat {new}: write that into [telegram] chats")),
            (400 | 413, None) => Fault::Refused(text),
            (403, None) => Fault::Forbidden(text),
            (401 | 404, None) => Fault::Unknown(text),
            (409, None) => Fault::Elsewhere(text),
            (_, None) => Fault::Unreachable(format!("Telegram is out of order: {text}")),
        }
    }
}

impl TelegramApi for Bot {
    type Error = Fault;

    fn request<Params, Output>(&self, method: &str, params: Option<Params>) -> Result<Output, Fault>
    where
        Params: serde::ser::Serialize + std::fmt::Debug,
        Output: serde::de::DeserializeOwned,
    {
        let agent = if method == "getUpdates" { &self.patient } else { &self.quick };
        let request = agent.post(format!("{}/bot{}/{method}", self.base, self.token.secret()));
        let sent = match params {
            None => request.send_empty(),
            Some(params) => request.send_json(&params),
        };
        let mut answer = sent.map_err(|e| self.unreachable(&e))?;
        let status = answer.status().as_u16();
        let body = answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string().map_err(|e| self.unreachable(&e))?;
        if status != 200 {
            return Err(self.fault(status, &body));
        }
        // What came instead is not repeated: nobody knows what stands in it.
        serde_json::from_str(&body).map_err(|_| Fault::Unreachable("Telegram's answer cannot be read".to_owned()))
    }

    fn request_with_form_data<Params, Output>(&self, _: &str, _: Params, _: Vec<(&str, PathBuf)>) -> Result<Output, Fault>
    where
        Params: serde::ser::Serialize + std::fmt::Debug,
        Output: serde::de::DeserializeOwned,
    {
        Err(Fault::Refused("files are not sent from here".to_owned()))
    }
}

/// Short buttons side by side, long ones below each other.
fn keyboard(buttons: &[(String, String)]) -> InlineKeyboardMarkup {
    let mut rows: Vec<Vec<InlineKeyboardButton>> = Vec::new();
    let mut room = 0;
    for (label, data) in buttons {
        let button = InlineKeyboardButton::builder().text(label).callback_data(data).build();
        let width = label.chars().count() + 4;
        match rows.last_mut() {
            Some(row) if width <= room => {
                row.push(button);
                room -= width;
            }
            Some(_) | None => {
                rows.push(vec![button]);
                room = 36_usize.saturating_sub(width);
            }
        }
    }
    InlineKeyboardMarkup::builder().inline_keyboard(rows).build()
}

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bot").field("id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bot() -> Bot {
        Bot::new("http://127.0.0.1:1/", "4242:abcdefghijABCDEFGHIJ0123456789_-xyz".parse().expect("a token"))
    }

    #[test]
    fn refusals_are_told_apart() {
        let b = bot();
        let body = |code: u16, more: &str| format!(r#"{{"ok":false,"error_code":{code},"description":"D"{more}}}"#);
        assert_eq!(b.fault(429, &body(429, r#","parameters":{"retry_after":7}"#)), Fault::Slow(7_000));
        assert_eq!(b.fault(400, &body(400, "")), Fault::Refused("D".to_owned()));
        assert_eq!(b.fault(401, &body(401, "")), Fault::Unknown("D".to_owned()));
        assert_eq!(b.fault(404, "<html>"), Fault::Unknown("HTTP status 404".to_owned()));
        assert_eq!(b.fault(403, &body(403, "")), Fault::Forbidden("D".to_owned()));
        assert_eq!(b.fault(409, &body(409, "")), Fault::Elsewhere("D".to_owned()));
        assert!(matches!(b.fault(502, "gone"), Fault::Unreachable(_)));
        let moved = b.fault(400, &body(400, r#","parameters":{"migrate_to_chat_id":-1007}"#));
        assert!(moved.to_string().contains("-1007"), "{moved}");
    }

    #[test]
    fn no_error_tells_the_token() {
        let b = bot();
        let echo = format!(r#"{{"ok":false,"error_code":400,"description":"no /bot{}/x"}}"#, b.token.secret());
        for fault in [b.fault(400, &echo), b.fault(502, &echo), b.me().expect_err("nobody listens there")] {
            let told = format!("{fault} {fault:?}");
            assert!(!told.contains("abcdefghij"), "{told}");
        }
        assert!(!format!("{b:?}").contains("abcdefghij"));
    }

    #[test]
    fn short_buttons_share_a_row() {
        let of = |labels: &[&str]| labels.iter().map(|l| ((*l).to_owned(), "d".to_owned())).collect::<Vec<_>>();
        let rows = |labels: &[&str]| keyboard(&of(labels)).inline_keyboard.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(rows(&["Approve", "Return"]), [2]);
        assert_eq!(rows(&["a rather long option of a question", "another", "third"]), [1, 2]);
        assert_eq!(rows(&[]), [0; 0]);
    }
}
