//! The Bot API on loopback, as much of it as we ask for. It keeps what it was sent, answers as it is told to, and holds a
//! question for news open until there are some.

use crate::ops::loopback::{Loopback, Request};
use mission_control::base::clock::{Clock, SystemClock, pause};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The only token it knows.
pub const TOKEN: &str = "424242:AAEtestsecretTESTSECRET_0123456789-x";
/// Its secret half: what must be nowhere.
pub const SECRET: &str = "AAEtestsecretTESTSECRET_0123456789-x";
/// The chat that is allowed.
pub const CHAT: i64 = 5005;

/// How a call is answered instead of well.
#[derive(Debug, Clone)]
pub enum Twist {
    /// With this status, these parameters and an echo of the address.
    Refuse(u16, Value),
    /// Not at all, for as long as the stub lives or until it is let go.
    Hang,
    /// The call has its effect and the answer never comes.
    SwallowAnswer,
}

/// A message that was sent.
#[derive(Debug, Clone)]
pub struct Message {
    pub id: i64,
    pub chat: i64,
    pub text: String,
    pub body: Value,
}

impl Message {
    /// Labels and data of its buttons.
    pub fn buttons(&self) -> Vec<(String, String)> {
        let rows = self.body["reply_markup"]["inline_keyboard"].as_array().cloned().unwrap_or_default();
        let all = rows.iter().flat_map(|row| row.as_array().cloned().unwrap_or_default());
        all.map(|b| (b["text"].as_str().unwrap_or("").to_owned(), b["callback_data"].as_str().unwrap_or("").to_owned())).collect()
    }

    /// The mark at its end.
    pub fn mark(&self) -> &str {
        self.text.rsplit('\n').next().unwrap_or_default()
    }
}

#[derive(Default)]
struct Shared {
    messages: Mutex<Vec<Message>>,
    calls: Mutex<Vec<(String, Value)>>,
    updates: Mutex<Vec<Value>>,
    twists: Mutex<HashMap<String, VecDeque<Twist>>>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    next: Mutex<i64>,
    over: AtomicBool,
}

/// The service; it ends when dropped.
pub struct TelegramStub {
    service: Loopback,
    shared: Arc<Shared>,
}

impl TelegramStub {
    pub fn start() -> TelegramStub {
        TelegramStub::on(TcpListener::bind("127.0.0.1:0").expect("a free port on loopback"))
    }

    /// At a fixed address, for a service that comes late.
    pub fn on(listener: TcpListener) -> TelegramStub {
        let shared = Arc::new(Shared::default());
        let mine = shared.clone();
        TelegramStub { service: Loopback::on(listener, move |stream| serve(stream, &mine)), shared }
    }

    pub fn url(&self) -> String {
        self.service.url()
    }

    /// Answers the next call of a method in another way.
    pub fn twist(&self, method: &str, twist: Twist) {
        lock(&self.shared.twists).entry(method.to_owned()).or_default().push_back(twist);
    }

    /// All messages in all chats.
    pub fn messages(&self) -> Vec<Message> {
        lock(&self.shared.messages).clone()
    }

    /// The bodies of all calls of a method.
    pub fn calls(&self, method: &str) -> Vec<Value> {
        lock(&self.shared.calls).iter().filter(|(m, _)| m == method).map(|(_, body)| body.clone()).collect()
    }

    /// A file that can be fetched.
    pub fn file(&self, id: &str, bytes: &[u8]) {
        lock(&self.shared.files).insert(id.to_owned(), bytes.to_vec());
    }

    /// Somebody writes; the update's number.
    pub fn says(&self, chat: i64, text: &str) -> i64 {
        self.says_with(chat, json!({"text": text}))
    }

    /// Somebody answers a message.
    pub fn replies(&self, to: &Message, text: &str) -> i64 {
        let first = json!({"message_id": to.id, "date": 1, "chat": chat(to.chat), "text": to.text});
        self.says_with(to.chat, json!({"text": text, "reply_to_message": first}))
    }

    /// Somebody writes with more than a text.
    pub fn says_with(&self, at: i64, more: Value) -> i64 {
        let id = self.number();
        let mut message = json!({"message_id": 900_000 + id, "date": 1, "chat": chat(at), "from": person(at)});
        for (key, value) in more.as_object().expect("an object") {
            message[key] = value.clone();
        }
        self.update(json!({"update_id": id, "message": message}));
        id
    }

    /// Somebody presses a button.
    pub fn presses(&self, on: &Message, data: &str) -> i64 {
        let id = self.number();
        let message = json!({"message_id": on.id, "date": 1, "chat": chat(on.chat), "text": on.text});
        self.update(json!({"update_id": id, "callback_query":
            {"id": format!("cb{id}"), "from": person(on.chat), "chat_instance": "x", "message": message, "data": data}}));
        id
    }

    /// An update as it is, again and again if need be.
    pub fn update(&self, update: Value) {
        lock(&self.shared.updates).push(update);
    }

    /// The number of the last update.
    fn number(&self) -> i64 {
        let mut next = lock(&self.shared.next);
        *next += 1;
        7_000 + *next
    }
}

impl Drop for TelegramStub {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
    }
}

fn chat(id: i64) -> Value {
    json!({"id": id, "type": "private", "first_name": "Mara"})
}

fn person(id: i64) -> Value {
    json!({"id": id, "is_bot": false, "first_name": "Mara"})
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves one connection: call after call.
fn serve(stream: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(Request { target, body: raw, .. }) = Request::read(&mut reader)? {
        let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
        if let Some(path) = target.strip_prefix(&format!("/file/bot{TOKEN}/")) {
            let found = lock(&shared.files).get(path).cloned();
            write(stream, if found.is_some() { 200 } else { 404 }, &found.unwrap_or_default())?;
            continue;
        }
        let Some(method) = target.strip_prefix(&format!("/bot{TOKEN}/")) else {
            let refusal = json!({"ok": false, "error_code": 401, "description": "Unauthorized"});
            write(stream, 401, refusal.to_string().as_bytes())?;
            continue;
        };
        lock(&shared.calls).push((method.to_owned(), body.clone()));
        let twist = lock(&shared.twists).get_mut(method).and_then(VecDeque::pop_front);
        match twist {
            Some(Twist::Refuse(status, parameters)) => {
                // A service that says more than it should: the address, with the token in it.
                let text = format!("refused {target}");
                let refusal = json!({"ok": false, "error_code": status, "description": text, "parameters": parameters});
                write(stream, status, refusal.to_string().as_bytes())?;
            }
            Some(Twist::Hang) => return hang(shared),
            Some(Twist::SwallowAnswer) => {
                answer(method, &body, shared);
                return hang(shared);
            }
            None => {
                let found = answer(method, &body, shared);
                write(stream, 200, json!({"ok": true, "result": found}).to_string().as_bytes())?;
            }
        }
    }
    Ok(())
}

fn hang(shared: &Shared) -> std::io::Result<()> {
    while !shared.over.load(Ordering::SeqCst) {
        pause(Duration::from_millis(20));
    }
    Ok(())
}

fn answer(method: &str, body: &Value, shared: &Shared) -> Value {
    match method {
        "getMe" => json!({"id": 424_242, "is_bot": true, "first_name": "Mission", "username": "mission_test_bot"}),
        "getUpdates" => Value::Array(news(body, shared)),
        "sendMessage" => {
            let mut all = lock(&shared.messages);
            let id = 100 + i64::try_from(all.len()).expect("few messages");
            let to = body["chat_id"].as_i64().unwrap_or(0);
            let text = body["text"].as_str().unwrap_or_default().to_owned();
            all.push(Message { id, chat: to, text: text.clone(), body: body.clone() });
            json!({"message_id": id, "date": 1, "chat": chat(to), "text": text})
        }
        "getFile" => {
            let id = body["file_id"].as_str().unwrap_or_default();
            json!({"file_id": id, "file_unique_id": id, "file_path": id})
        }
        _ => json!(true),
    }
}

/// Updates from the offset on; waits for some as the Bot API does. What lies before it is forgotten.
fn news(body: &Value, shared: &Shared) -> Vec<Value> {
    let clock = SystemClock::new();
    let patience = body["timeout"].as_i64().unwrap_or(0) * 1_000;
    loop {
        {
            let mut all = lock(&shared.updates);
            if let Some(offset) = body["offset"].as_i64() {
                all.retain(|u| u["update_id"].as_i64().unwrap_or(0) >= offset);
            }
            if !all.is_empty() || clock.mono_ms() >= patience || shared.over.load(Ordering::SeqCst) {
                return all.clone();
            }
        }
        pause(Duration::from_millis(5));
    }
}

fn write(mut stream: &TcpStream, status: u16, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
