//! A bot, spoken with over the Bot API.

use crate::drivers::telegram::chats::{Chats, Fault, Outgoing};
use crate::drivers::telegram::inbound;
use crate::drivers::telegram::inbound::{FileRef, Inbound};
use crate::drivers::telegram::keyboard::keyboard;
use crate::drivers::telegram::token::Token;
use frankenstein::methods::{
    AnswerCallbackQueryParams, EditMessageReplyMarkupParams, GetFileParams, GetUpdatesParams, SendMessageParams,
};
use frankenstein::response::{ErrorResponse, MethodResponse};
use frankenstein::types::{AllowedUpdate, File, ForceReply, LinkPreviewOptions, ReplyMarkup, ReplyParameters, User};
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
struct SentMessage {
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
        let placed: MethodResponse<SentMessage> = self.request("sendMessage", Some(params))?;
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

impl std::fmt::Debug for Bot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bot").field("id", &self.id()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "bot_tests.rs"]
mod tests;
