//! What belongs to one place alone: SQL, programs, unsafe code, the clock, colours; and what every file must have.

use super::source::{code, code_files, files, sources};
use std::path::Path;

#[test]
fn sql_stays_in_the_store() {
    only_in(&["src/store", "src/cli/offline.rs"], &["prepare_cached(", ".prepare(", "execute_batch(", "query_row("]);
}

#[test]
fn programs_are_started_by_drivers_alone() {
    only_in(&["src/drivers", "src/base/clock.rs"], &["Command::new("]);
}

#[test]
fn one_file_has_a_permit_to_be_unsafe() {
    only_in(&["src/drivers/memory.rs"], &["unsafe {", "unsafe_code"]);
}

#[test]
fn the_clock_has_one_door() {
    only_in(&["src/base/clock.rs"], &["SystemTime::now", "Instant::now", "Utc::now", "thread::sleep", "tokio::time::sleep"]);
}

#[test]
fn a_release_has_no_fault_points() {
    let read = |path: &str| std::fs::read_to_string(path).expect("readable");
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("\nfaults = []\n") && !manifest.contains("\ndefault = "), "the feature is asked for by name alone");
    let makefile = read("Makefile");
    let armed: Vec<&str> = makefile.lines().filter(|l| l.contains("faults") && l.contains("--release")).collect();
    assert!(armed.is_empty() && makefile.contains("\tcargo build --release --locked\n"), "{armed:?}");
    // Where there is no feature there is no word of the variable.
    let (bare, armed) =
        read("src/base/faults.rs").split_once("\nmod armed {").map(|(a, b)| (a.to_owned(), b.to_owned())).expect("armed");
    assert!(armed.contains("var(\"MC_FAULT\")") && !bare.contains("var("));
    assert!(bare.trim_end().ends_with("#[cfg(feature = \"faults\")]"));
}

#[test]
fn colours_stand_in_the_token_file() {
    let mut wrong = Vec::new();
    for path in files(Path::new("static/css"), "css") {
        if path.ends_with("tokens.css") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("readable");
        for (i, line) in text.lines().enumerate() {
            // A colour follows a colon; an id selector (`#face { …`) does not.
            let value = line.split_once(": ").map_or("", |(_, value)| value);
            let hex = value.split('#').skip(1).any(|rest| {
                let word: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
                let ends = !rest[word.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '-' || c == '_');
                matches!(word.len(), 3 | 4 | 6 | 8) && ends
            });
            if line.contains("oklch(") || line.contains("rgb(") || line.contains("hsl(") || (hex && !line.contains("url(")) {
                wrong.push(format!("{}:{}: {}", path.display(), i + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "colours outside tokens.css:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path.display().to_string()).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

fn only_in(homes: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for (path, text) in code_files() {
        let name = path.to_string_lossy().into_owned();
        if homes.iter().any(|home| name.starts_with(home)) {
            continue;
        }
        for (i, line) in code(&text).lines().enumerate().filter(|(_, line)| words.iter().any(|w| line.contains(w))) {
            wrong.push(format!("{name}:{}: {}", i + 1, line.trim()));
        }
    }
    assert!(wrong.is_empty(), "{words:?} outside {homes:?}:\n{}", wrong.join("\n"));
}
