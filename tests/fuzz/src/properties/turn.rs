//! The stream of one turn: the reply is a result's own text, the activity one short line.

use super::NOW;
use super::plain::assert_line;
use super::stream::{assert_progress, assert_same};
use mission_control::domain::run::progress::Progress;
use mission_control::drivers::runtime::claude::Claude;
use mission_control::drivers::runtime::claude::stream::read_line;
use mission_control::drivers::runtime::raw_line::LINE_CAP;
use mission_control::drivers::runtime::turn_stream::TurnStream;
use serde_json::Value;

/// Reads lines as the headless driver does.
pub fn turn(data: &[u8]) {
    let mut stream = TurnStream::new(&Claude);
    let mut beside = Progress::default();
    let (mut results, mut comparable) = (Vec::new(), true);
    for (n, line) in data.split(|b| *b == b'\n').enumerate() {
        stream.line(line, NOW);
        // Longer ones are parsed only where they are results.
        comparable &= line.len() <= LINE_CAP;
        read_line(line, i64::try_from(n).unwrap_or(0) + 1, NOW, &mut beside);
        match serde_json::from_slice::<Value>(line) {
            Ok(found) if found["type"] == "result" => results.push(found["result"].as_str().unwrap_or_default().to_owned()),
            Ok(_) => {}
            // Read forgivingly, so we cannot say what it says.
            Err(_) => comparable &= !line.windows(6).any(|w| w == b"result"),
        }
        if let Some(activity) = &stream.activity {
            assert_line(activity, 121, "an activity");
        }
    }
    assert_progress(&stream.progress);
    if let Some(reply) = &stream.reply {
        assert!(stream.progress.results > 0, "a reply without a result");
        assert!(reply.context_tokens.is_none_or(|n| n > 0));
        assert!(!comparable || results.contains(&reply.text), "a reply that no result gave: {:?}", reply.text);
    }
    if stream.progress.ended_well() {
        assert!(stream.reply.is_some(), "it ended well and there is no reply");
    }
    if comparable {
        assert_same(&stream.progress, &beside);
    }
}
