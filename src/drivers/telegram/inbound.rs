//! What a bot gets to hear, as far as it means something here.

use frankenstein::types::{MaybeInaccessibleMessage, Message};
use frankenstein::updates::{Update, UpdateContent};
use serde_json::Value;

/// One update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// Its number; the next question for news begins after it.
    pub update: i64,
    /// The chat it comes from, where it says so.
    pub chat: Option<i64>,
    /// What it is.
    pub what: InboundKind,
}

/// What an update is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundKind {
    /// Somebody said something.
    Message(InboundMessage),
    /// Somebody pressed a button.
    Pressed {
        /// Names the press; to be answered.
        callback: String,
        /// The message with the button.
        message: i64,
        /// The button's data.
        data: String,
    },
    /// Something else, or something that cannot be read.
    Other,
}

/// What somebody said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InboundMessage {
    /// The message's number in its chat.
    pub message: i64,
    /// The words: of a file, its caption.
    pub text: String,
    /// The message it answers.
    pub reply_to: Option<i64>,
    /// A photo or document that came with it.
    pub file: Option<FileRef>,
}

/// A file that waits to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRef {
    /// Names it.
    pub id: String,
    /// Its name, made harmless.
    pub name: String,
    /// Its size, as said.
    pub size: Option<u64>,
}

/// Reads an update; none where it has no number.
pub fn read(raw: Value) -> Option<Inbound> {
    let update = raw.get("update_id")?.as_i64()?;
    let chat = ["/message/chat/id", "/callback_query/message/chat/id"];
    let chat = chat.iter().find_map(|at| raw.pointer(at)?.as_i64());
    let what = match serde_json::from_value::<Update>(raw).map(|u| u.content) {
        Ok(UpdateContent::Message(m)) => InboundKind::Message(message_of(*m)),
        Ok(UpdateContent::CallbackQuery(q)) => match (q.message, q.data) {
            (Some(m), Some(data)) => {
                let message = match m {
                    MaybeInaccessibleMessage::Message(m) => m.message_id,
                    MaybeInaccessibleMessage::InaccessibleMessage(m) => m.message_id,
                };
                InboundKind::Pressed { callback: q.id, message: i64::from(message), data }
            }
            (_, _) => InboundKind::Other,
        },
        Ok(_) | Err(_) => InboundKind::Other,
    };
    Some(Inbound { update, chat, what })
}

fn message_of(m: Message) -> InboundMessage {
    let document = m.document.map(|d| FileRef {
        id: d.file_id,
        name: file_name(d.file_name.as_deref().unwrap_or("document")),
        size: d.file_size,
    });
    // The sizes of a photo come smallest first.
    let photo = m.photo.and_then(|sizes| sizes.into_iter().max_by_key(|p| (p.width, p.height)));
    let photo = photo.map(|p| FileRef { id: p.file_id, name: "photo.jpg".to_owned(), size: p.file_size });
    InboundMessage {
        message: i64::from(m.message_id),
        text: m.text.or(m.caption).unwrap_or_default(),
        reply_to: m.reply_to_message.map(|r| i64::from(r.message_id)),
        file: document.or(photo),
    }
}

/// A stranger's file name without anything that could mean something in Markdown or to a shell.
fn file_name(name: &str) -> String {
    let clean = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') { c } else { '_' };
    let name: String = name.chars().take(80).map(clean).collect();
    let name = name.trim().trim_start_matches('.');
    if name.is_empty() { "document".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(more: Value) -> Value {
        let mut m = json!({"message_id": 9, "date": 1, "chat": {"id": 5, "type": "private", "first_name": "A"},
            "from": {"id": 5, "is_bot": false, "first_name": "A"}});
        for (key, value) in more.as_object().expect("an object") {
            m[key] = value.clone();
        }
        m
    }

    #[test]
    fn a_reply_names_what_it_answers() {
        let first = message(json!({"message_id": 3, "text": "asked"}));
        let raw = json!({"update_id": 70, "message": message(json!({"text": "yes", "reply_to_message": first}))});
        let read = read(raw).expect("an update");
        assert_eq!((read.update, read.chat), (70, Some(5)));
        let InboundKind::Message(said) = read.what else { panic!("no message") };
        assert_eq!((said.text.as_str(), said.reply_to, said.file), ("yes", Some(3), None));
    }

    #[test]
    fn the_largest_size_of_a_photo_counts() {
        let size = |id: &str, w: u32| json!({"file_id": id, "file_unique_id": id, "width": w, "height": w, "file_size": w});
        let raw =
            json!({"update_id": 1, "message": message(json!({"caption": "look", "photo": [size("s", 90), size("l", 900)]}))});
        let InboundKind::Message(said) = read(raw).expect("an update").what else { panic!("no message") };
        assert_eq!(said.text, "look");
        assert_eq!(said.file.expect("a file").id, "l");
    }

    #[test]
    fn a_button_says_whose_it_is() {
        let raw = json!({"update_id": 2, "callback_query": {"id": "cb", "from": {"id": 5, "is_bot": false, "first_name": "A"},
            "chat_instance": "x", "data": "7:0", "message": message(json!({"text": "asked"}))}});
        let wanted = InboundKind::Pressed { callback: "cb".to_owned(), message: 9, data: "7:0".to_owned() };
        assert_eq!(read(raw).expect("an update"), Inbound { update: 2, chat: Some(5), what: wanted });
    }

    #[test]
    fn what_cannot_be_read_still_has_a_number() {
        for raw in [
            json!({"update_id": 3}),
            json!({"update_id": 3, "message": {"odd": true}}),
            json!({"update_id": 3, "brand_new": {"x": 1}}),
            json!({"update_id": 3, "edited_message": message(json!({"text": "x"}))}),
        ] {
            assert_eq!(read(raw.clone()).map(|r| (r.update, r.what)), Some((3, InboundKind::Other)), "{raw}");
        }
        assert_eq!(read(json!({"message": {}})), None);
    }

    #[test]
    fn file_names_are_harmless() {
        assert_eq!(file_name("../../etc/`x`.png"), "_.._etc__x_.png");
        assert_eq!(file_name("..."), "document");
        assert_eq!(file_name("Bericht 2026.pdf"), "Bericht 2026.pdf");
    }
}
