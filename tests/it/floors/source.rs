//! Reads source files, and takes out of them what is no code: comments, texts, tests.

use std::path::{Path, PathBuf};

/// All source files, each with its text. The tests beside the code are among them.
pub fn sources() -> Vec<(PathBuf, String)> {
    read(Path::new("src"))
}

/// The source files without tests and examples of pages.
pub fn code_files() -> Vec<(PathBuf, String)> {
    sources().into_iter().filter(|(path, _)| !is_test(path)).collect()
}

/// The Rust files of a folder, each with its text.
pub fn read(dir: &Path) -> Vec<(PathBuf, String)> {
    files(dir, "rs").into_iter().map(|p| (p.clone(), std::fs::read_to_string(&p).expect("readable"))).collect()
}

/// Whether a file under `src` holds tests alone.
pub fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with("_tests.rs") || name.ends_with("/tests.rs") || name.contains("/gallery/")
}

/// The files of a folder and its folders that end so, in order.
pub fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// A file's code: comments, texts, characters and tests are blanks, and every line keeps its number.
pub fn code(text: &str) -> String {
    without_tests(&without_words(text))
}

/// A text without comments, texts and characters.
fn without_words(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = words_end(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, text or character ends that begins at `at`; `at` itself where none begins.
fn words_end(chars: &[char], at: usize) -> usize {
    let rest = &chars[at..];
    let length = match rest {
        ['/', '/', ..] => rest.iter().position(|c| *c == '\n').unwrap_or(rest.len()),
        ['/', '*', ..] => block_comment(rest),
        ['"', ..] => text_length(rest),
        ['r', '"' | '#', ..] if begins_word(chars, at) => raw_text(rest),
        ['\'', '\\', _, more @ ..] => more.iter().position(|c| *c == '\'').map_or(rest.len(), |n| n + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 0,
    };
    at + length
}

/// Whether a raw text can begin here: after a `b` that stands alone, or after what is no word.
fn begins_word(chars: &[char], at: usize) -> bool {
    let word = |i: usize| chars.get(i).is_some_and(|c| c.is_alphanumeric() || *c == '_');
    let after_b = at > 0 && chars[at - 1] == 'b' && (at == 1 || !word(at - 2));
    at == 0 || after_b || !word(at - 1)
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != '"' {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of `r"…"` or `r#"…"#`; 0 for a raw name as `r#type`.
fn raw_text(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let closes = |i: &usize| rest[*i] == '"' && rest[i + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
    (2 + hashes..rest.len()).find(closes).map_or(rest.len(), |i| i + 1 + hashes)
}

/// Code without what is compiled for tests alone.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    while let Some(start) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|mark| out.find(mark)).min() {
        let end = start + item_length(&out[start..]);
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// How far the item reaches that begins here with its attributes.
fn item_length(code: &str) -> usize {
    let attributes = {
        let mut at = 0;
        while code[at..].trim_start().starts_with("#[") {
            at += code[at..].find(']').map_or(code.len() - at, |n| n + 1);
        }
        at
    };
    let is_use = ["use ", "pub use ", "pub(crate) use "].iter().any(|u| code[attributes..].trim_start().starts_with(u));
    let mut depth = 0_i32;
    for (i, c) in code[attributes..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        let over = (c == ';' && depth == 0) || (c == '}' && depth == 0 && !is_use);
        if over || depth < 0 {
            return attributes + i + usize::from(over);
        }
    }
    code.len()
}
