//! A conversation's transcript: whatever the moments at which its file is looked at, the same lines are read, each
//! once; and an answer is found only under the marker of its own prompt.

use mission_control::drivers::runtime::claude::transcript::read_line;
use mission_control::drivers::runtime::line_reader::LineReader;
use mission_control::drivers::runtime::live::transcript::{Transcript, markers};
use std::io::Write;

/// Files up to this size are also read through the file system.
const WRITTEN: usize = 8 * 1024;

/// Reads a transcript at once and piece by piece.
pub fn transcript(data: &[u8]) {
    let mut lines: Vec<&[u8]> = data.split(|b| *b == b'\n').collect();
    // What stands behind the last line feed is not written yet.
    lines.pop();
    if data.len() <= WRITTEN {
        assert_pieces(data, &lines);
    }
    let mut whole = Transcript::default();
    for line in &lines {
        read_line(line, &mut whole);
    }
    let text = String::from_utf8_lossy(data);
    let all = markers(&text);
    assert!(all.len() <= 32);
    for marker in &all {
        assert!(marker.starts_with("[MC_TURN:") && marker.ends_with(']') && marker.len() <= 80, "{marker:?}");
        let Some(found) = whole.exchange(marker) else { continue };
        assert!(found.markers.contains(marker), "{marker:?} is not its own");
        // Bytes that are no UTF-8 become three each; half an emoji six to three.
        let most = 3 * data.len() + 2 * lines.len();
        assert!(found.partial().is_none_or(|p| p.len() <= most), "more was said than was written");
        if let Some(answer) = found.answer() {
            assert!(answer.trim().is_empty() || found.partial().is_some_and(|p| p.ends_with(answer)));
        }
    }
    assert!(whole.exchange("").is_none() && whole.exchange("[MC_TURN:").is_none());
    assert!(whole.tokens.is_none_or(|n| n > 0));
    // Half a line says nothing, or its turn would be read twice.
    if let Some(last) = lines.last().filter(|l| serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(l).is_ok()) {
        let mut other = Transcript::default();
        read_line(&last[..last.trim_ascii_end().len() - 1], &mut other);
        assert!(other.tokens.is_none() && markers(&String::from_utf8_lossy(last)).iter().all(|m| other.exchange(m).is_none()));
    }
}

/// Writes the bytes in three pieces, and looks after each.
fn assert_pieces(data: &[u8], lines: &[&[u8]]) {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    let sum: usize = data.iter().map(|b| usize::from(*b)).sum();
    let first = sum % (data.len() + 1);
    let second = first + (sum / 7) % (data.len() - first + 1);
    let mut tail = LineReader::of_name(file.path());
    let mut found: Vec<Vec<u8>> = Vec::new();
    for piece in [&data[..first], &data[first..second], &data[second..]] {
        file.write_all(piece).expect("writes");
        assert!(tail.lines(|line| found.push(line.to_vec())).expect("reads"), "the file only grew");
    }
    assert_eq!(found, lines, "cut at {first} and {second}");
}
