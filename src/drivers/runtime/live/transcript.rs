//! What a transcript told: each prompt and what came of it. Pure; the runtime reads the lines.

use std::collections::VecDeque;

/// Exchanges that are remembered.
const KEPT: usize = 30;
/// Bytes of a text in which a marker may stand, from its end: nobody makes us look through megabytes.
const MARKER_REACH: usize = 1 << 20;

/// One prompt and what came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The markers in the prompt.
    pub markers: Vec<String>,
    /// The agent's own id of the prompt.
    pub prompt_id: Option<String>,
    /// What was said, message by message.
    said: Vec<(String, String)>,
    /// The last message was a whole answer.
    pub ended: bool,
    /// Somebody pressed Escape.
    pub interrupted: bool,
    /// The service refused: the kind and the words.
    pub error: Option<(String, String)>,
}

impl Exchange {
    /// The answer, once it is whole.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        self.said.last().filter(|_| self.ended).map(|(_, text)| text.as_str())
    }

    /// All that was said so far.
    #[must_use]
    pub fn partial(&self) -> Option<String> {
        let all = self.said.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n\n");
        (!all.trim().is_empty()).then_some(all)
    }
}

/// A conversation as read so far.
#[derive(Debug, Clone, Default)]
pub struct Transcript {
    exchanges: VecDeque<Exchange>,
    /// Tokens in the agent's context at its last message.
    pub tokens: Option<i64>,
}

impl Transcript {
    /// The exchange whose prompt carries this marker.
    #[must_use]
    pub fn exchange(&self, marker: &str) -> Option<&Exchange> {
        self.exchanges.iter().find(|e| e.markers.iter().any(|m| m == marker))
    }

    /// Somebody gave the agent this prompt.
    pub fn prompt(&mut self, text: &str, prompt_id: Option<&str>) {
        let prompt_id = prompt_id.map(str::to_owned);
        self.exchanges.push_back(Exchange { markers: markers(text), prompt_id, ..Exchange::default() });
        while self.exchanges.len() > KEPT {
            self.exchanges.pop_front();
        }
    }

    /// The exchange that goes on now.
    pub fn current(&mut self) -> Option<&mut Exchange> {
        self.exchanges.back_mut()
    }
}

impl Exchange {
    /// The agent said this, in its message of this id. `ended`: the message ends the answer.
    pub fn say(&mut self, message_id: &str, text: &str, ended: bool) {
        self.ended = ended;
        if text.is_empty() {
            return;
        }
        match self.said.last_mut().filter(|(last, _)| last == message_id && !message_id.is_empty()) {
            Some((_, said)) => {
                said.push('\n');
                said.push_str(text);
            }
            None => self.said.push((message_id.to_owned(), text.to_owned())),
        }
    }
}

/// The markers of turns in a text. Whose they are is for others to say.
#[must_use]
pub fn markers(text: &str) -> Vec<String> {
    let mut from = text.len().saturating_sub(MARKER_REACH);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let text = &text[from..];
    let found = text.match_indices("[MC_TURN:").filter_map(|(at, _)| {
        let inside = &text[at..];
        let end = inside.bytes().take(80).position(|b| b == b']')?;
        Some(inside[..=end].to_owned())
    });
    let mut all: Vec<String> = found.collect();
    // Ours stands at the end.
    all.split_off(all.len().saturating_sub(32))
}
