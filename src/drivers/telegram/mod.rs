//! The Bot API: what we ask of it, and its refusals in words. The token is part of every address it has, so no error and
//! no log line of this driver carries an address.

pub(crate) mod bot;
pub(crate) mod chats;
pub(crate) mod inbound;
pub(crate) mod keyboard;
pub(crate) mod token;

pub use crate::drivers::telegram::bot::{API_URL, Bot, FILE_MAX};
pub use crate::drivers::telegram::chats::{Chats, Fault, Outgoing};
pub use crate::drivers::telegram::inbound::{FileRef, Inbound, InboundKind, InboundMessage};
pub use crate::drivers::telegram::token::Token;
