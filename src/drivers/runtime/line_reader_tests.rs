//! Files that grow, are replaced, and hold lines without an end.

use super::*;
use std::io::Write;

fn read(lines: &mut LineReader) -> Vec<String> {
    let mut all = Vec::new();
    lines.lines(|l| all.push(String::from_utf8_lossy(l).into_owned())).expect("readable");
    all
}

/// What one look hands over, in words.
fn look(lines: &mut LineReader, at_end: bool) -> (Found, Vec<String>) {
    let mut all = Vec::new();
    let found = lines.read(at_end, |line, end| {
        all.push(match line {
            Line::Whole(line) => format!("{} to {end}", String::from_utf8_lossy(line)),
            Line::Half(line) => format!("half {} to {end}", String::from_utf8_lossy(line)),
            Line::Long(head, long) => format!("{} of {long} to {end}", head.len()),
        });
    });
    (found.expect("readable"), all)
}

#[test]
fn each_whole_line_is_read_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("lines");
    let mut lines = LineReader::of_name(&path);
    assert!(read(&mut lines).is_empty());
    let mut file = File::create(&path).expect("made");
    file.write_all(b"one\ntw").expect("written");
    assert_eq!(read(&mut lines), ["one"]);
    assert!(read(&mut lines).is_empty());
    file.write_all(b"o\n\nthree\n").expect("written");
    assert_eq!(read(&mut lines), ["two", "", "three"]);
    std::fs::write(&path, "new\n").expect("written");
    assert!(!lines.lines(|_| ()).expect("readable"), "shorter than it was");
    assert_eq!(read(&mut lines), ["new"]);
}

#[test]
fn another_file_of_the_same_name_is_read_anew() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("lines");
    std::fs::write(&path, "one\n").expect("written");
    let mut lines = LineReader::of_name(&path);
    assert_eq!(read(&mut lines), ["one"]);
    std::fs::write(dir.path().join("other"), "longer than before\n").expect("written");
    std::fs::rename(dir.path().join("other"), &path).expect("put in its place");
    assert!(!lines.lines(|_| ()).expect("readable"));
    assert_eq!(read(&mut lines), ["longer than before"]);
    std::fs::remove_file(&path).expect("it was there");
    assert!(read(&mut lines).is_empty(), "one that is gone is waited for");
}

#[test]
fn from_an_offset_each_line_comes_with_its_end_and_half_a_line_only_at_the_end() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("log");
    std::fs::write(&path, "before\none\ntwo\nthr").expect("written");
    let mut lines = LineReader::at(&path, 7);
    assert_eq!(look(&mut lines, false), (Found::Lines, vec!["one to 11".to_owned(), "two to 15".to_owned()]));
    assert_eq!(look(&mut lines, false), (Found::Nothing, Vec::new()));
    assert_eq!(look(&mut lines, true), (Found::Lines, vec!["half thr to 18".to_owned()]));
    assert_eq!(look(&mut lines, true), (Found::Nothing, Vec::new()), "once");
    std::fs::write(&path, "short\n").expect("written");
    assert_eq!(look(&mut lines, false).0, Found::Lost);
    assert_eq!(look(&mut LineReader::at(&dir.path().join("gone"), 3), false).0, Found::Lost);
    assert_eq!(look(&mut LineReader::at(&dir.path().join("to come"), 0), false).0, Found::Nothing);
}

#[test]
fn a_line_without_end_is_not_kept() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("log");
    let mut file = File::create(&path).expect("made");
    let mut lines = LineReader::at(&path, 0);
    let long = 2 * LINE_MAX;
    file.write_all(&vec![b'x'; usize::try_from(long).expect("fits")]).expect("written");
    assert_eq!(look(&mut lines, false), (Found::Nothing, Vec::new()));
    assert_eq!(lines.searched, long, "what was searched is not searched again");
    file.write_all(b"\nafter\n").expect("written");
    assert_eq!(look(&mut lines, false), (Found::Lines, vec![format!("{HEAD} of {long} to {}", long + 1)]));
    assert_eq!(look(&mut lines, false).1, [format!("after to {}", long + 7)]);
    let most = LINE_MAX - 1;
    file.write_all(&vec![b'y'; usize::try_from(most).expect("fits")]).expect("written");
    file.write_all(b"\n").expect("written");
    assert_eq!(look(&mut lines, false).1[0].len(), usize::try_from(most).expect("fits") + " to 3145735".len(), "whole");
}

#[test]
fn of_a_very_long_file_only_the_end_is_read() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("lines");
    let mut file = File::create(&path).expect("made");
    // Bytes that were never written take no room on the disk.
    file.set_len(FIRST_LOOK + 10).expect("long");
    file.seek(SeekFrom::End(0)).expect("there");
    file.write_all(b" half\nlast\n").expect("written");
    assert_eq!(read(&mut LineReader::of_name(&path)), ["last"]);
}
