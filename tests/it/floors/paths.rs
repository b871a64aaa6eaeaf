//! Reads which modules a file names: by `use`, grouped or not, and by paths inside its code.

use std::collections::BTreeSet;
use std::path::Path;

/// A path as it stands in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// The line it begins in.
    pub line: usize,
    /// Its parts, from `crate`, `self`, `super` or a module declared in the file on.
    pub parts: Vec<String>,
    /// How many modules written out in this file it stands in.
    pub depth: usize,
}

/// All paths to our own modules in code without comments and texts (`source::code`).
pub fn named(code: &str) -> Vec<Named> {
    let children = declared(code);
    let ours = |part: &str| matches!(part, "crate" | "self" | "super") || children.contains(part);
    let mut found = Vec::new();
    let (mut inside, mut braces) = (Vec::new(), 0_usize);
    let (mut at, mut line) = (0, 1);
    while at < code.len() {
        let rest = &code[at..];
        let word: &str = &rest[..word_length(rest)];
        if word.is_empty() {
            match rest.chars().next() {
                Some('{') => braces += 1,
                Some('}') => {
                    braces = braces.saturating_sub(1);
                    inside.retain(|open| *open < braces);
                }
                Some('\n') => line += 1,
                _ => {}
            }
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        }
        let after = &rest[word.len()..];
        let within_path = code[..at].ends_with("::") || code[..at].ends_with("(in ") || code[..at].ends_with('\'');
        let mut length = word.len();
        if word == "use" && after.starts_with(char::is_whitespace) {
            let tree = after.split(';').next().unwrap_or_default();
            let leaves = leaves(tree).into_iter().filter(|l| l.first().is_some_and(|first| ours(first)));
            found.extend(leaves.map(|parts| Named { line, parts, depth: inside.len() }));
            length += tree.len();
        } else if word == "mod" && after.trim_start()[word_length(after.trim_start())..].trim_start().starts_with('{') {
            inside.push(braces);
        } else if ours(word) && after.starts_with("::") && !within_path {
            let (parts, read) = plain_path(rest);
            found.push(Named { line, parts, depth: inside.len() });
            length = read;
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    found
}

/// The path from the crate's root, without it; none where it leaves the crate.
pub fn absolute(module: &[String], named: &Named) -> Option<Vec<String>> {
    let mut base = module.to_vec();
    let mut depth = named.depth;
    let mut parts = named.parts.iter().peekable();
    match parts.peek().map(|p| p.as_str())? {
        "crate" => {
            base.clear();
            parts.next();
        }
        "self" => _ = parts.next(),
        _ => {}
    }
    while parts.next_if(|p| *p == "super").is_some() {
        if depth > 0 {
            depth -= 1;
        } else {
            base.pop()?;
        }
    }
    base.extend(parts.cloned());
    Some(base)
}

/// The module that a file under `src` holds: `src/store/db/mod.rs` is `store::db`.
pub fn module_of(path: &Path) -> Vec<String> {
    let inside = path.strip_prefix("src").expect("a source file").with_extension("");
    let mut parts: Vec<String> = inside.iter().map(|p| p.to_string_lossy().into_owned()).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib")) {
        parts.pop();
    }
    parts
}

/// The modules that a file declares and does not write out itself.
fn declared(code: &str) -> BTreeSet<String> {
    let ends = code.split(';').filter_map(|item| item.rsplit_once("mod ")).map(|(_, name)| name.trim().to_owned());
    ends.filter(|name| word_length(name) == name.len()).collect()
}

/// The paths that a use tree brings in, each without an alias, and without a star or a `self` at its end.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim().trim_start_matches("::");
    let Some((before, group)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let parts: Vec<String> = parts(path).filter(|p| p != "*").collect();
        return if parts.is_empty() { Vec::new() } else { vec![parts] };
    };
    // What follows the group's end is nothing but blanks: `use` has one tree.
    let group = group.rsplit_once('}').map_or(group, |(inner, _)| inner);
    let mut found = Vec::new();
    for part in split_group(group) {
        let inner = leaves(&part);
        // A star in a group stands for the module before it, as `self` does.
        let inner = if inner.is_empty() || inner == [["self"]] { vec![Vec::new()] } else { inner };
        found.extend(inner.into_iter().map(|leaf| parts(before).chain(leaf).collect::<Vec<String>>()));
    }
    found.into_iter().filter(|leaf| !leaf.is_empty()).collect()
}

fn parts(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(|p| p.trim().to_owned()).filter(|p| !p.is_empty())
}

/// Splits at the commas that are in no inner group.
fn split_group(group: &str) -> Vec<String> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in group.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("it begins with one").push(c);
        }
    }
    parts.into_iter().filter(|p| !p.trim().is_empty()).collect()
}

/// `a::b::c` at the beginning of a text, and how long it is.
fn plain_path(text: &str) -> (Vec<String>, usize) {
    let mut parts = Vec::new();
    let mut at = 0;
    loop {
        let length = word_length(&text[at..]);
        if length == 0 {
            break;
        }
        parts.push(text[at..at + length].to_owned());
        at += length;
        if text[at..].starts_with("::") && word_length(&text[at + 2..]) > 0 {
            at += 2;
        } else {
            break;
        }
    }
    (parts, at)
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
}
