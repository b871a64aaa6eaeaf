//! The way into the chats as the outbox needs it, and how it may fail.

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
