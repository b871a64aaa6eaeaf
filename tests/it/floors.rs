//! The floors of `docs/architecture.md`, held by reading the source: imports point down only, and what belongs to one
//! floor stays there.

use std::path::{Path, PathBuf};

/// Modules and their floor. What is in no list is a mistake in this test.
const FLOORS: &[(&str, u8)] = &[
    ("base", 0),
    ("domain", 0),
    ("store", 1),
    ("config", 2),
    ("drivers", 2),
    ("engine", 3),
    ("web", 4),
    ("app", 5),
    ("cli", 5),
    ("lib", 5),
    ("main", 5),
];

/// `web` may ask the engines to tick and check, through its shared state; nothing else of theirs.
const WEB_MAY_SEE: &[&str] = &[
    "engine::Engine",
    "engine::console",
    "engine::inbox::drain",
    "engine::run::pickup",
    "engine::run::reaper",
    "engine::system::check",
    "engine::system::housekeeping",
    "engine::task",
];

#[test]
fn imports_point_down_only() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let (me, floor) = floor_of(&path);
        for (number, line) in code_lines(&text) {
            for used in crate_paths(line) {
                let module = used.split("::").next().unwrap_or_default();
                let Some((_, other)) = FLOORS.iter().find(|(name, _)| *name == module) else { continue };
                let asks_engine = me == "web" && module == "engine";
                let allowed_engine = WEB_MAY_SEE.iter().any(|a| used.starts_with(a));
                if *other > floor || (asks_engine && !allowed_engine) {
                    wrong.push(format!("{}:{number}: {me} (floor {floor}) uses {used}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports that run up:\n{}", wrong.join("\n"));
}

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
fn no_file_grows_past_five_hundred_lines() {
    let long: Vec<String> = sources()
        .into_iter()
        .filter(|(path, _)| !path.to_string_lossy().contains("_tests.rs"))
        .map(|(path, text)| {
            let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
            (path, body)
        })
        .filter(|(_, lines)| *lines > 500)
        .map(|(path, lines)| format!("{}: {lines}", path.display()))
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<String> =
        sources().into_iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| path.display().to_string()).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

fn only_in(homes: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let name = path.to_string_lossy().into_owned();
        if homes.iter().any(|home| name.starts_with(home)) || name.contains("_tests.rs") {
            continue;
        }
        for (number, line) in code_lines(&text) {
            if words.iter().any(|w| line.contains(w)) {
                wrong.push(format!("{name}:{number}: {}", line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "{words:?} outside {homes:?}:\n{}", wrong.join("\n"));
}

/// Lines of code: without comments and without the tests at the end of a file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| *line != "#[cfg(test)]")
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(i, line)| (i + 1, line))
}

fn crate_paths(line: &str) -> Vec<String> {
    line.split("crate::")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect::<String>())
        .collect()
}

fn floor_of(path: &Path) -> (String, u8) {
    let inside = path.strip_prefix("src").expect("a source file");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    // Tests beside a file are on its floor.
    let module = first.trim_end_matches(".rs").trim_end_matches("_tests").to_owned();
    let floor = FLOORS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| panic!("{module} has no floor: give it one"));
    (module, floor.1)
}

fn sources() -> Vec<(PathBuf, String)> {
    files(Path::new("src"), "rs").into_iter().map(|p| (p.clone(), std::fs::read_to_string(&p).expect("readable"))).collect()
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
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
